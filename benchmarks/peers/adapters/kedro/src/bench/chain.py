from kedro.pipeline import Pipeline, node, pipeline

from bench.settings import SIZES


def start(number: int) -> int:
    return number


def add(number: int) -> int:
    return number + 1


def create_pipeline() -> Pipeline:
    nodes = [node(start, "params:start", "number0", name="start")]
    for n in range(SIZES["count"]):
        nodes.append(node(add, f"number{n}", f"number{n + 1}", name=f"add{n}"))
    return pipeline(nodes)

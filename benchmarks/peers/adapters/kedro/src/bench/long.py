from kedro.pipeline import Pipeline, node, pipeline
from small_work import executed, wait_for_go


def before(number: int) -> int:
    executed("before")
    return number


def wait(number: int) -> int:
    wait_for_go()
    return number + 1


def create_pipeline() -> Pipeline:
    return pipeline(
        [
            node(before, "params:number", "before", name="before"),
            node(wait, "before", "waited", name="wait"),
        ]
    )

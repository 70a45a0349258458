from kedro.pipeline import Pipeline, node, pipeline

from bench.settings import SIZES


def numbers(count: int) -> tuple[int, ...]:
    return tuple(range(count))


def double(number: int) -> int:
    return number * 2


def total(*doubles: int) -> int:
    return sum(doubles)


def create_pipeline() -> Pipeline:
    each = range(SIZES["count"])
    listed, doubled = [f"number{n}" for n in each], [f"doubled{n}" for n in each]
    return pipeline(
        [
            node(numbers, "params:count", listed, name="numbers"),
            *(
                node(double, one, other, name=f"double_{one}")
                for one, other in zip(listed, doubled, strict=True)
            ),
            node(total, doubled, "total", name="total"),
        ]
    )

from kedro.pipeline import Pipeline, node, pipeline
from small_work import executed

import features


def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)


def create_pipeline() -> Pipeline:
    return pipeline([node(scaled, "params:number", "scaled", name="scaled")])

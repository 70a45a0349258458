import large_work as work
from kedro.pipeline import Pipeline, node, pipeline

from bench.settings import SIZES


def create_pipeline() -> Pipeline:
    arrays = [
        node(work.make, "params:mebibytes", "made", name="make"),
        node(work.shift, "made", "shifted", name="shift"),
    ]
    match SIZES["work"]:
        case "array":
            return pipeline(
                [
                    *arrays,
                    node(work.scale, "shifted", "scaled", name="scale"),
                    node(work.negate, "scaled", "negated", name="negate"),
                ]
            )
        case "bits":
            digest = node(work.digest, ["shifted", "params:salt"], "digest", name="digest")
            return pipeline([*arrays, digest])
        case _:
            return pipeline(
                [
                    node(work.make_frame, "params:rows", "made_table", name="make_frame"),
                    node(work.reprice, "made_table", "repriced_table", name="reprice"),
                    node(work.regate, "repriced_table", "regated_table", name="regate"),
                ]
            )

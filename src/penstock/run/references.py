"""What an address means: `run:ID/STEP[.OUTPUT]` or `artifact:ID`, looked up once when a run starts."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.artifacts.codec import Artifacts
from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import Made, RunRecord, StepRecord, made
from penstock.errors import NotFound, UsageError
from penstock.run.products import Single

WELL = ("done", "reused")


def resolve(address: str, metadata: MetadataStore, artifacts: Artifacts, project: str) -> Single:
    """The outputs that an address stands for. Raises NotFound, UsageError."""
    kind, _, rest = address.partition(":")
    match kind:
        case "artifact":
            return Single({"result": made(metadata.catalog.manifest(rest))})
        case "run":
            id, _, name = rest.partition("/")
            if not name:
                raise UsageError(
                    f"'{address}' names no step",
                    hint=f"Write run:{id}/STEP, or run:{id}/STEP.OUTPUT.",
                )
            run = named(metadata, id, project)
            return _step(metadata.runs.steps(run.id), name, run.id, artifacts)
        case _:
            raise UsageError(
                f"'{address}' is no reference", hint="Write run:ID/STEP or artifact:ID."
            )


def named(metadata: MetadataStore, run: str, project: str) -> RunRecord:
    """A run by its id, the beginning of one, its name, or "last". Raises NotFound, with near names."""
    if run in ("last", "@last"):
        found = metadata.runs.list(RunFilter(project=project, limit=1))
        if not found:
            raise NotFound("no run yet", hint="Start one: penstock run FILE.py:PIPELINE")
        return found[0]
    if not run:
        raise NotFound("no run is named", hint="Give its id, the beginning of one, or `last`.")
    return metadata.runs.get(run, project)


def newest(
    metadata: MetadataStore, project: str, pipeline: str, node: str, index: str
) -> StepRecord | None:
    """The newest good result of a step of this pipeline."""
    for run in metadata.runs.list(RunFilter(project=project, pipeline=pipeline, limit=200)):
        for step in metadata.runs.steps(run.id, node):
            if step.index == index and step.status in WELL and step.outputs:
                return step
    return None


def _step(steps: Sequence[StepRecord], name: str, run: str, artifacts: Artifacts) -> Single:
    for node, output in _readings(name):
        here = [step for step in steps if node in (step.node, step.name)]
        # An item of a map, `fit[3]`, is a whole of its own.
        whole = [step for step in here if not step.index or step.name == node]
        items = [step for step in here if step.index and step.status in WELL]
        if whole and whole[0].total is not None and items:
            return Single({"result": _gathered(items, output, artifacts)})
        if whole and whole[0].status in WELL:
            outputs = whole[0].outputs
            if not output:
                return Single(outputs)
            if output in outputs:
                return Single({"result": outputs[output]})
        if whole:
            raise NotFound(
                f"'{name}' of run {run} gave nothing: it is {whole[0].status}",
                hint=f"Its outputs: {', '.join(whole[0].outputs) or 'none'}.",
            )
    names = ", ".join(sorted({step.node for step in steps})) or "none, it did not come so far"
    raise NotFound(f"run {run} has no step '{name}'", hint=f"It has: {names}.")


def _gathered(items: Sequence[StepRecord], output: str, artifacts: Artifacts) -> Made:
    ordered = sorted(items, key=lambda step: [int(part) for part in step.index.split(".")])
    name = output or next(iter(ordered[0].outputs))
    return made(artifacts.collection([step.outputs[name] for step in ordered]))


def _readings(name: str) -> list[tuple[str, str]]:
    """ "split.train" is a step of that name, or the output `train` of `split`."""
    step, dot, output = name.rpartition(".")
    return [(name, ""), (step, output)] if dot else [(name, "")]

"""What a key says of files, looked at again: a new content must not be lent to an older key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from penstock.artifacts.paths import paths_in
from penstock.core.calls import Given
from penstock.core.graph import Build, Expr, FirstOf, Input, Literal
from penstock.run.flatten import StepTemplate
from penstock.run.tasks import Task

Digest = Callable[[object], str]


def given_files(template: StepTemplate) -> Sequence[Literal]:
    """The values that the step is given, each call the same, and that hold paths."""
    node = template.node
    apart = node.each.names if node.each is not None else ()
    return [
        literal
        for name, source in template.inputs.items()
        if name not in node.cache.ignore and name not in apart
        for literal in _literals(source)
        if any(paths_in(literal.value))
    ]


def outdated(task: Task, given: Sequence[Literal], digest: Digest) -> Iterator[str]:
    """Of the files that a call is given, and those that its policy names, which have changed."""
    node = task.template.node
    for literal in given:
        yield from _changed(literal.value, literal.digest, digest)
    for name, item in task.item.items():
        if name not in node.cache.ignore and isinstance(item.argument, Given):
            yield from _changed(item.argument.value, item.digest, digest)
    also = task.template.function.also
    if also is not None and also() != node.cache.also:
        yield "what Cache(also=…) names"


def _literals(source: Input) -> Iterator[Literal]:
    match source:
        case Literal():
            yield source
        case Build(items=inner) | Expr(operands=inner) | FirstOf(options=inner):
            for one in inner:
                yield from _literals(one)


def _changed(value: object, planned: str, digest: Digest) -> Iterator[str]:
    paths = list(paths_in(value))
    if paths and digest(value) != planned:
        # Which of several it was, a digest of them all does not tell.
        yield f"'{paths[0]}'" if len(paths) == 1 else f"one of {len(paths)} files, '{paths[0]}' …"

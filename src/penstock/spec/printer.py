"""A graph as YAML that a person can read and edit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from penstock.core.durations import duration
from penstock.core.graph import (
    FORMAT,
    CachePolicy,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    Param,
    Retry,
    StepNode,
)
from penstock.spec import scalars
from penstock.spec.layout import WIDTH, Leaf, lines, shape, value_shape
from penstock.spec.text import value_text

REQUIRED = "required"
"""`= required` stands for a parameter without a value."""


def print_graph(graph: Graph) -> str:
    """The graph as YAML: the same for an equal graph, and read back by `read_spec`."""
    return "\n".join([*_head(graph), *_body(graph, _open(graph), 0)]) + "\n"


def _head(graph: Graph) -> Iterator[str]:
    yield from _comment(graph.doc, 0)
    yield f"penstock: {FORMAT}"
    yield f"pipeline: {scalars.text(graph.name)}"
    if graph.ref:
        yield f"from: {scalars.text(graph.ref)}"
    free = [param for param in graph.params if not param.structural]
    fixed = [param for param in graph.params if param.structural]
    if free:
        yield from ("", "parameters:")
        yield from _params(free, graph.arguments)
    if fixed:
        yield from (
            "",
            "# Built into the steps below; to change one, change it in code or compile again.",
        )
        yield "fixed:"
        yield from _params(fixed, graph.arguments)


def _params(params: Iterable[Param], given: Mapping[str, Input]) -> Iterator[str]:
    for param in params:
        source = given.get(param.name)
        value = Leaf(f"= {REQUIRED}") if source is None else shape(source)
        first, *more = lines(_key(param.name), value, 2)
        kind = param.type.rpartition(":")[2]
        yield _noted(first, kind if not more else "")
        yield from more


def _open(graph: Graph) -> tuple[str, ...]:
    return tuple(param.name for param in graph.params)


def _body(graph: Graph, params: Sequence[str], indent: int) -> Iterator[str]:
    pad = " " * indent
    if indent == 0:
        yield ""
    yield f"{pad}steps:" if graph.nodes else f"{pad}steps: {{}}"
    for number, node in enumerate(graph.nodes):
        if number and not indent:
            yield ""
        yield from _node(node, params, indent + 2)
    match graph.outputs:
        case Literal(value=None):
            return
    if not indent:
        yield ""
    yield from lines("returns", shape(graph.outputs, params), indent)


def _node(node: Node, params: Sequence[str], indent: int) -> Iterator[str]:
    pad = " " * (indent + 2)
    doc = node.doc if isinstance(node, StepNode) else node.graph.doc
    yield from _comment(doc, indent)
    yield f"{' ' * indent}{_key(node.id)}:"
    match node:
        case StepNode():
            gives = ", ".join(output.name for output in node.outputs) if node.several else ""
            yield _noted(f"{pad}step: {scalars.text(node.ref)}", gives)
        case GraphNode():
            yield f"{pad}pipeline: {scalars.text(node.graph.name)}"
            if node.graph.ref:
                yield f"{pad}from: {scalars.text(node.graph.ref)}"
    yield from _inputs(node, params, indent + 2)
    if node.when is not None:
        yield from lines("when", shape(node.when, params), indent + 2)
    if node.after:
        yield from lines("after", value_shape(list(node.after)), indent + 2)
    match node:
        case StepNode():
            for name, value in options(node).items():
                yield from lines(name, value_shape(value), indent + 2)
        case GraphNode():
            yield from _body(node.graph, tuple(node.inputs), indent + 2)


def _inputs(node: Node, params: Sequence[str], indent: int) -> Iterator[str]:
    pad = " " * indent
    defaulted = node.defaulted if isinstance(node, StepNode) else ()
    each = node.each
    zipped, crossed = (each.zipped, each.crossed) if each is not None else ((), ())
    plain = [n for n in node.inputs if n not in (*zipped, *crossed, *defaulted)]
    for title, names in (("inputs", plain), ("each", zipped), ("cross", crossed)):
        if names:
            yield f"{pad}{title}:"
            for name in names:
                yield from lines(_key(name), shape(node.inputs[name], params), indent + 2)
    if each is not None and each.collect:
        yield f"{pad}collect: true"
    told = [f"{name}={_short(node.inputs[name])}" for name in defaulted]
    if told:
        yield from _remark(f"by default: {', '.join(told)}", indent)


def _short(source: Input) -> str:
    text = value_text(source.value) if isinstance(source, Literal) else "…"
    return text if len(text) <= 40 else text[:39] + "…"


# ---- options


def options(node: StepNode) -> dict[str, Any]:
    """What this use of a step sets, in the words of the file."""
    found: dict[str, Any] = {}
    if node.retry != Retry() or "retries" in node.reset:
        found["retries"] = _retries(node.retry)
    if node.timeout is not None or "timeout" in node.reset:
        found["timeout"] = None if node.timeout is None else duration(node.timeout)
    if node.cache != CachePolicy() or "cache" in node.reset:
        found["cache"] = _cache(node.cache)
    for name, nothing in (("env", None), ("resources", {}), ("executor", "")):
        value = getattr(node, name)
        if value != nothing or name in node.reset:
            found[name] = value
    named = {output.name: output.serializer for output in node.outputs if output.serializer}
    if named or "serializer" in node.reset:
        only = named.keys() <= {"", "result"} and len(named) == 1
        found["serializer"] = next(iter(named.values())) if only else named
    return found


def _retries(retry: Retry) -> Any:
    if retry == Retry(retry.times):
        return retry.times
    default = Retry()
    return {
        "times": retry.times,
        **({"delay": retry.delay} if retry.delay != default.delay else {}),
        **({"backoff": retry.backoff} if retry.backoff != default.backoff else {}),
        **({"on": list(retry.on)} if retry.on else {}),
    }


def _cache(policy: CachePolicy) -> Any:
    words: dict[str, Any] = {}
    if policy.ttl is not None:
        words["ttl"] = duration(policy.ttl)
    if policy.ignore:
        words["ignore"] = list(policy.ignore)
    if policy.version:
        words["version"] = policy.version
    if policy.environment:
        words["environment"] = True
    # What a policy names as objects of Python stays in code.
    if policy.also:
        words["also"] = True
    if policy.has_key:
        words["key"] = True
    return words or policy.enabled


# ---- words


def _key(name: str) -> str:
    return scalars.text(name)


def _noted(line: str, note: str) -> str:
    """A line with a remark behind it, where there is room."""
    padded = f"{line:<32}  # {note}"
    return padded if note and note.isprintable() and len(padded) <= WIDTH else line


def _comment(doc: str, indent: int) -> Iterator[str]:
    """The first sentence of a docstring, or its first line."""
    paragraph = " ".join(doc.strip().partition("\n\n")[0].split())
    sentence = paragraph.partition(". ")[0] if len(paragraph) > WIDTH else paragraph
    yield from _remark(sentence, indent)


def _remark(text: str, indent: int) -> Iterator[str]:
    """One line of comment, cut between words."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    room = WIDTH - indent - 2
    if len(clean) > room:
        clean = clean[: room - 1].rpartition(" ")[0] + " …"
    if clean:
        yield f"{' ' * indent}# {clean}"

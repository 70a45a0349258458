"""A graph made flat: nested pipelines dissolve into their steps, maps of pipelines become groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace
from msgspec.structs import replace as with_fields

from penstock.core.calls import follow
from penstock.core.digest import digest_struct
from penstock.core.graph import (
    Access,
    Build,
    Definition,
    Each,
    Expr,
    FirstOf,
    Function,
    Graph,
    GraphNode,
    Input,
    Literal,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
    StepNode,
    references,
)
from penstock.errors import DefinitionError


class StepTemplate(Struct, frozen=True):
    """A step of the flat graph; one within a group is used once for each item of the group."""

    id: str
    node: StepNode
    function: Function
    inputs: Mapping[str, Input]
    guards: tuple[Input, ...]
    needs: frozenset[str]
    """Templates whose values it takes."""
    after: frozenset[str]
    """Templates that must only have ended."""
    group: str = ""


class GroupTemplate(Struct, frozen=True):
    """A pipeline that is mapped: its steps are made for each item, a few items at a time."""

    id: str
    each: Each
    inputs: Mapping[str, Input]
    outputs: Input
    guards: tuple[Input, ...]
    needs: frozenset[str]
    after: frozenset[str]
    group: str = ""


Template = StepTemplate | GroupTemplate

ITEM = "\0item:"
"""A ParamRef of this prefix and a group's id stands for the item's own argument."""
GIVEN = "\0given"
"""An Expr of this operator is its first operand where its second is true, else not there."""


class Flat(Struct, frozen=True):
    """All templates in an order in which they could run, and what the pipeline returns."""

    templates: Mapping[str, Template]
    outputs: Input
    groups: Mapping[str, tuple[str, ...]]
    """A group's inner templates; "" holds the outermost ones."""


def flatten(definition: Definition) -> Flat:
    """Dissolve nested pipelines. Linear in the number of nodes; raises DefinitionError on a cycle."""
    flattener = _Flattener(definition.functions)
    outputs = flattener.graph(definition.graph, "", dict(definition.graph.arguments), (), (), "")
    groups: dict[str, list[str]] = {"": []}
    for template in flattener.templates.values():
        groups.setdefault(template.group, []).append(template.id)
        if isinstance(template, GroupTemplate):
            groups.setdefault(template.id, [])
    flat = Flat(
        flattener.templates, outputs, {name: tuple(inner) for name, inner in groups.items()}
    )
    _check(flat)
    return flat


class _Flattener:
    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = functions
        self.templates: dict[str, Template] = {}
        self.dissolved: dict[str, tuple[Input, tuple[str, ...]]] = {}
        """Full id of a nested pipeline to what it returns and the steps that it ends with."""

    def graph(
        self,
        graph: Graph,
        prefix: str,
        bound: Mapping[str, Input],
        guards: tuple[Input, ...],
        after: tuple[str, ...],
        group: str,
    ) -> Input:
        for node in graph.nodes:
            id = prefix + node.id
            own = tuple(self.resolve(node.when, prefix, bound) for _ in (1,) if node.when) + guards
            inputs = {
                name: self.resolve(source, prefix, bound) for name, source in node.inputs.items()
            }
            ended = (
                tuple(step for name in node.after for step in self.steps_of(prefix + name)) + after
            )
            match node:
                case StepNode():
                    self.templates[id] = StepTemplate(
                        id,
                        node,
                        self.functions[id],
                        inputs,
                        own,
                        _needs(inputs.values(), own),
                        frozenset(ended),
                        group,
                    )
                case GraphNode(each=None):
                    before = len(self.templates)
                    outputs = self.graph(node.graph, id + "/", inputs, own, ended, group)
                    inner = tuple(self.templates)[before:]
                    if node.when is not None:
                        outputs = guarded(outputs, own[0], frozenset(inner))
                    # One without a step of its own has ended when all that it was given has.
                    ends = inner or (*sorted(_needs(inputs.values(), own)), *ended)
                    self.dissolved[id] = (outputs, ends)
                case GraphNode(each=Each() as each):
                    self.templates[id] = GroupTemplate(
                        id,
                        each,
                        inputs,
                        Literal(None, ""),
                        own,
                        _needs(inputs.values(), own),
                        frozenset(ended),
                        group,
                    )
                    items = {
                        name: ParamRef(f"{ITEM}{id}\0{name}") if name in each.names else source
                        for name, source in inputs.items()
                    }
                    outputs = self.graph(node.graph, id + "/", items, (), (), id)
                    made = self.templates[id]
                    assert isinstance(made, GroupTemplate)
                    self.templates[id] = replace(made, outputs=outputs)
        return self.resolve(graph.outputs, prefix, bound)

    def steps_of(self, id: str) -> tuple[str, ...]:
        return self.dissolved[id][1] if id in self.dissolved else (id,)

    def resolve(self, source: Input, prefix: str, bound: Mapping[str, Input]) -> Input:
        """The input as the flat graph names it."""
        match source:
            case Literal() | SecretRef() | SourceRef():
                return source
            case ParamRef(name=name):
                return bound[name]
            case OutputRef(node=node, output=output, path=path):
                id = prefix + node
                if id not in self.dissolved:
                    return OutputRef(id, output, path)
                steps = (Access("attribute", output), *path) if output else path
                return select(self.dissolved[id][0], steps)
            case Build(items=items):
                return with_fields(
                    source, items=tuple(self.resolve(item, prefix, bound) for item in items)
                )
            case Expr(op=op, operands=operands):
                return Expr(op, tuple(self.resolve(item, prefix, bound) for item in operands))
            case FirstOf(options=options):
                return FirstOf(tuple(self.resolve(item, prefix, bound) for item in options))


def guarded(source: Input, guard: Input, inner: frozenset[str]) -> Input:
    """What a guarded pipeline returns: what none of its own steps gave is there under the guard only."""
    match source:
        case OutputRef(node=node) if node in inner:
            return source
        case Build(items=items) if items:
            return with_fields(source, items=tuple(guarded(item, guard, inner) for item in items))
        case FirstOf(options=options):
            return FirstOf(tuple(guarded(option, guard, inner) for option in options))
        case _:
            return Expr(GIVEN, (source, guard))


def select(source: Input, path: tuple[Access, ...]) -> Input:
    """Follow a path into an input: into its structure where it has one, else into its value."""
    if not path:
        return source
    first, rest = path[0], path[1:]
    match source:
        case Build(kind="dict" | "namedtuple", keys=keys, items=items) if first.name in keys:
            return select(items[keys.index(first.name)], rest)
        case Build(items=items) if isinstance(first.name, int):
            return select(items[first.name], rest)
        case OutputRef(node=node, output=output, path=before):
            return OutputRef(node, output, before + path)
        case FirstOf(options=options):
            return FirstOf(tuple(select(option, path) for option in options))
        case Expr(op=op, operands=(value, guard)) if op == GIVEN:
            return Expr(GIVEN, (select(value, path), guard))
        case Literal(value=value, digest=digest):
            steps = tuple((step.kind, step.name) for step in path)
            return Literal(follow(value, path), digest_struct("select", digest, steps))
        case _:
            raise DefinitionError(
                f"cannot take {first.name!r} of what a nested pipeline returns",
                hint="Return a NamedTuple, a tuple or a dict of step outputs.",
            )


def _needs(inputs: Iterable[Input], guards: Iterable[Input]) -> frozenset[str]:
    return frozenset(
        reference.node for source in (*inputs, *guards) for reference in references(source)
    )


def _check(flat: Flat) -> None:
    """Every reference goes to a known step, and nothing waits for itself."""
    waiting = {
        template.id: {n for n in template.needs | template.after if n in flat.templates}
        for template in flat.templates.values()
    }
    for id, needs in waiting.items():
        if len(needs) != len(flat.templates[id].needs | flat.templates[id].after):
            unknown = (flat.templates[id].needs | flat.templates[id].after) - needs
            raise DefinitionError(f"'{id}' waits for '{sorted(unknown)[0]}', which is no step")
    done: set[str] = set()
    # Nodes come in the order of their calls: one pass settles all but what `.after` turned round.
    while waiting:
        before = len(done)
        for id in [*waiting]:
            if waiting[id] <= done:
                del waiting[id]
                done.add(id)
        if len(done) == before:
            names = "' -> '".join(sorted(waiting))
            raise DefinitionError(
                f"these steps wait for each other: '{names}'", hint="Remove one `.after`."
            )

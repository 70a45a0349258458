"""The graph: what every engine gets, a tree of frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct, field

FORMAT = 1

# ---- inputs: where an argument comes from


class Literal(Struct, frozen=True, tag="literal"):
    """A value known when the graph is built; `digest` names its content."""

    value: Any
    digest: str


class ParamRef(Struct, frozen=True, tag="param"):
    """A parameter of the graph that this node belongs to."""

    name: str


class Access(Struct, frozen=True, array_like=True):
    """One step into a value: `.name` or `[name]`."""

    kind: OneOf["attribute", "item"]
    name: str | int


class OutputRef(Struct, frozen=True, tag="output"):
    """An output of a node of the same graph; "" is all of it, as the function returned it.

    A reference to a node with `each` is the list of its items' outputs, in order.
    """

    node: str
    output: str = ""
    path: tuple[Access, ...] = ()


class FirstOf(Struct, frozen=True, tag="first"):
    """The first of these whose node was not skipped (`either`)."""

    options: tuple[Input, ...]


class SecretRef(Struct, frozen=True, tag="secret"):
    """A secret by source and name; its value never enters a graph, a key or a record."""

    source: str
    name: str


class SourceRef(Struct, frozen=True, tag="source"):
    """What an earlier run made, by address: `run:ID/STEP[.OUTPUT]` or `artifact:ID`."""

    address: str


class Build(Struct, frozen=True, tag="build"):
    """A list, tuple, NamedTuple or dict with inputs inside; `keys` are a dict's keys or a NamedTuple's fields."""

    kind: OneOf["list", "tuple", "dict", "namedtuple"]
    items: tuple[Input, ...]
    keys: tuple[Any, ...] = ()
    cls: Any = None
    """The NamedTuple class; in memory only."""


class Expr(Struct, frozen=True, tag="expr"):
    """A small expression; `op` is one of `core.expression.OPERATORS`: add, gt, and_, not_ …"""

    op: str
    operands: tuple[Input, ...]


Input = Literal | ParamRef | OutputRef | FirstOf | SecretRef | SourceRef | Build | Expr

# ---- nodes


class Output(Struct, frozen=True):
    """One named output of a step; a step with a single result has one, named "result"."""

    name: str
    type: str = ""
    serializer: str = ""


class Each(Struct, frozen=True):
    """The parameters that fan out: those in `zipped` together, each in `crossed` multiplies."""

    zipped: tuple[str, ...] = ()
    crossed: tuple[str, ...] = ()
    collect: bool = False
    """Failures of single items become values and let the others finish (`map_collect`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that fan out."""
        return (*self.zipped, *self.crossed)


class Retry(Struct, frozen=True):
    """`times` further attempts, the n-th after `delay * backoff ** (n - 1)` seconds."""

    times: int = 0
    delay: float = 1.0
    backoff: float = 2.0
    on: tuple[str, ...] = ()
    """Qualified names of exception classes (a base class counts); empty: any Exception."""


class CachePolicy(Struct, frozen=True):
    """When a call may be reused."""

    enabled: bool | None = None
    """None: yes, unless the step returns None."""
    ttl: float | None = None
    """Seconds after which a result is stale."""
    ignore: tuple[str, ...] = ()
    """Parameters that are not part of the key."""
    version: str = ""
    also: str = ""
    """The digest of what `also=[…]` names."""
    environment: bool = False
    has_key: bool = False
    """A `key=` function gives a token at plan time; it lives in `Function.key`."""


class StepNode(Struct, frozen=True, tag="step", kw_only=True):
    """One use of a step: a call for each item of its map, or one."""

    id: str
    """Stable path: "fit", "fit-2"; inside a nested pipeline its own name, without the outer ones."""
    ref: str
    """"module:qualname", the module by its dotted path under the root."""
    code: str
    distributions: dict[str, str] = {}
    """Third-party packages the code reaches directly, with versions: part of the key."""
    problems: tuple[str, ...] = ()
    """Why the code cannot be known in full; if any, the step runs uncached and says so."""
    outputs: tuple[Output, ...] = (Output("result"),)
    several: bool = False
    """The function returns a NamedTuple, one artifact for each field."""
    inputs: dict[str, Input] = {}
    defaulted: tuple[str, ...] = ()
    """Parameters that code leaves to their defaults: a run's file or `--set` may set them."""
    each: Each | None = None
    when: Input | None = None
    after: tuple[str, ...] = ()
    role: str = ""
    aspects: tuple[str, ...] = ()
    cache: CachePolicy = CachePolicy()
    retry: Retry = Retry()
    timeout: float | None = None
    """Seconds."""
    resources: dict[str, Any] = {}
    env: Any = None
    executor: str = ""
    reset: tuple[str, ...] = ()
    """Options that this use sets back from its decorator's to their defaults."""
    occurrence: int = 0
    """Which one it is among nodes that are equal in function and inputs: part of the seed."""
    doc: str = ""
    source_line: str = ""
    """Where the call stands: "flights.py:42"."""


class GraphNode(Struct, frozen=True, tag="graph", kw_only=True):
    """A pipeline used inside another; its inner nodes' ids are prefixed "id/" when it is run."""

    id: str
    graph: Graph
    inputs: dict[str, Input] = {}
    each: Each | None = None
    when: Input | None = None
    after: tuple[str, ...] = ()
    source_line: str = ""


Node = StepNode | GraphNode


class Param(Struct, frozen=True, kw_only=True):
    """A parameter of a pipeline."""

    name: str
    type: str = ""
    default: Any = None
    required: bool = False
    structural: bool = False
    secret: bool = False


class Graph(Struct, frozen=True, kw_only=True):
    """A pipeline with its parameters bound: nodes in an order in which they could run."""

    name: str
    ref: str = ""
    """"module:qualname" of the pipeline's function."""
    nodes: tuple[Node, ...]
    outputs: Input
    """What the pipeline returns."""
    params: tuple[Param, ...] = ()
    arguments: dict[str, Input] = {}
    """The values of this run's parameters."""
    doc: str = ""
    format: int = FORMAT


# ---- what stays in memory beside the graph


class Target(Struct, frozen=True):
    """Where another process finds a step's function: by import, or pickled by value."""

    module: str
    qualname: str
    file: str = ""
    pickled: bytes = b""


class Function(Struct, frozen=True):
    """What only lives in this process of a step node: the callable and how to describe it."""

    call: Callable[..., Any]
    target: Callable[[], Target]
    closure: Callable[[], Closure]
    hints: Mapping[str, Any]
    """Resolved annotations by parameter, and "return"."""
    exceptions: tuple[type[BaseException], ...] = ()
    """Which exceptions a retry is for; empty: any Exception."""
    key: Callable[..., str] | None = None
    """`Cache(key=fn)`: called with the step's literal arguments before planning."""
    also: Callable[[], str] | None = None
    """The digest of what `Cache(also=…)` names, as it is now."""
    beside: tuple[str, ...] = ()
    """The functions among that, by name: for a process that imports them anew."""
    fields: type | None = None
    """The NamedTuple class of a step with several outputs."""


class ClosureNode(Struct, frozen=True, array_like=True):
    """One first-party function, class or constant that a step's code reaches."""

    path: str
    """File relative to the project's root."""
    name: str
    """Qualified name in that file."""
    kind: OneOf["function", "class", "constant", "module", "file", "environment"]
    digest: str


class Closure(Struct, frozen=True):
    """A step's code, all of it: what the code digest is the digest of."""

    digest: str
    nodes: tuple[ClosureNode, ...]
    edges: tuple[tuple[str, str, str], ...] = ()
    """(node, name as written, node it means)."""
    distributions: dict[str, str] = {}
    sources: dict[str, str] = {}
    """"path:name" to source text, or repr of a constant: for diffs and people only."""
    problems: tuple[str, ...] = ()


class Definition(Struct, frozen=True):
    """A graph and, by the full id of each step node ("sub/fit"), its function."""

    graph: Graph
    functions: Mapping[str, Function] = field(default_factory=dict)
    written: Graph | None = None
    """The graph with its parameters open, where it was given so: what its run records."""


def references(source: Input) -> Iterator[OutputRef]:
    """Every output that an input waits for."""
    match source:
        case OutputRef():
            yield source
        case FirstOf(options=inner) | Build(items=inner) | Expr(operands=inner):
            for item in inner:
                yield from references(item)
        case Literal() | ParamRef() | SecretRef() | SourceRef():
            return

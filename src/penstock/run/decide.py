"""The decision about one call: reuse it, or execute it and why. Plan and engine share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from penstock.core.calls import Given
from penstock.core.digest import digest_struct
from penstock.core.graph import (
    Build,
    Expr,
    FirstOf,
    Input,
    Literal,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
)
from penstock.core.options import Options
from penstock.core.ports import ArtifactStore, Calls
from penstock.core.records import CallRecord, Made, Parts, now
from penstock.core.seed import call_seed
from penstock.core.tame import shown
from penstock.run.flatten import GIVEN, StepTemplate
from penstock.run.products import Item
from penstock.run.values import Values

WIDTH = 120
"""Characters of an input in a few words."""
FORMAT = 1
"""Part of every key: a new meaning of keys makes all older entries misses."""


class Reuse(Struct, frozen=True):
    """The call was made before, and its outputs are there."""

    call: CallRecord


class Execute(Struct, frozen=True):
    """The call must be made; `why` is a cause that needs no comparison, or empty."""

    why: str = ""


class Await(Struct, frozen=True):
    """What the call takes is not known before these steps have ended (in a plan only)."""

    steps: tuple[str, ...]


Decision = Reuse | Execute | Await


class Keyed(Struct, frozen=True):
    """A call's key with its parts, its seed, and whether the cache may answer for it."""

    key: str
    seed: int
    parts: Parts
    cacheable: bool
    notes: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    """By name the code digests of what the inputs hold, and of what the step's policy names."""


class Decider(Struct):
    """Keys and decisions for the steps of one run."""

    calls: Calls
    store: ArtifactStore
    values: Values
    options: Options
    seed: int
    class_digest: Callable[[str], str]
    """The code digest of a first-party class by name; "" if it is none."""
    environment: Callable[[], str]
    """The digest of everything that is installed: for `Cache(environment=True)`."""
    intact: Callable[[Made], bool]
    """Whether the files of an output are there, as recorded."""
    tokens: Mapping[str, str]
    """By step: what its `Cache(key=…)` function said before planning."""

    def key(self, template: StepTemplate, index: str, item: Mapping[str, Item]) -> Keyed:
        """Raises NotThere when an input comes from a skipped step."""
        node, values = template.node, self.values
        digests: dict[str, str] = {}
        classes: set[str] = set()
        for name, source in template.inputs.items():
            if (one := item.get(name)) is not None:
                digests[name] = one.digest
                classes.update(one.classes)
            else:
                digests[name] = values.digest(source, index)
                classes.update(values.classes(source, index))
        known = {name: digest for name in classes if (digest := self.class_digest(name))}
        options = self._declared(template) | {f"class {n}": digest for n, digest in known.items()}
        parts = Parts(
            code=node.code,
            inputs={k: v for k, v in digests.items() if k not in node.cache.ignore},
            shown={},
            distributions=node.distributions,
            options=options,
        )
        key = digest_struct(
            "call",
            FORMAT,
            node.code,
            sorted(parts.inputs.items()),
            sorted(node.distributions.items()),
            sorted(options.items()),
        )
        problems = node.problems if not (node.cache.version or node.cache.also) else ()
        notes = tuple(f"not cached: {problem}" for problem in problems)
        return Keyed(
            key,
            call_seed(self.seed, node.ref, [one.digest for one in item.values()], node.occurrence),
            parts,
            node.cache.enabled is not False and not problems,
            notes,
            known | {name: self.class_digest(name) for name in template.function.beside},
        )

    def decide(self, template: StepTemplate, keyed: Keyed) -> Reuse | Execute:
        """What to do now. Writes nothing: the same for a plan."""
        if not keyed.cacheable:
            return Execute(keyed.notes[0] if keyed.notes else "cache=False")
        if self.options.cache is False:
            return Execute("--no-cache")
        if template.id in self.options.refresh or "*" in self.options.refresh:
            return Execute("--refresh")
        call = self.calls.find(keyed.key, keyed.seed)
        if call is None:
            return Execute()
        ttl = template.node.cache.ttl
        if ttl is not None and call.created + ttl * 1e6 < now():
            return Execute(f"its result is older than {ttl:g} s")
        for name, one in call.outputs.items():
            if one.files and not self.intact(one):
                return Execute(f"the stored files of its output '{name}' are gone or damaged")
        return Reuse(call)

    def _declared(self, template: StepTemplate) -> dict[str, str]:
        cache = template.node.cache
        options: dict[str, str] = {}
        if cache.version:
            options["version"] = cache.version
        if cache.also:
            options["also"] = cache.also
        if cache.environment:
            options["environment"] = self.environment()
        if cache.has_key:
            options["key"] = self.tokens.get(template.id, "")
        if template.node.env is not None:
            options["env"] = digest_struct("env", repr(template.node.env))
        return options


def describe(source: Input, item: Item | None) -> str:
    """An input in a few words: a literal's repr, or the output that it is ("clean.train")."""
    if item is not None:
        return shown(item.argument.value, WIDTH) if isinstance(item.argument, Given) else "item"
    match source:
        case Literal(value=value):
            return shown(value, WIDTH)
        case OutputRef(node=node, output=output, path=path):
            steps = "".join(
                f".{step.name}" if step.kind == "attribute" else f"[{step.name!r}]" for step in path
            )
            return f"{node}.{output or 'result'}{steps}"
        case FirstOf(options=options):
            return " or ".join(describe(option, None) for option in options)
        case SecretRef(source=origin, name=name):
            return f"secret {origin}:{name}"
        case SourceRef(address=address):
            return address
        case Build(kind=kind, items=items):
            return _short(f"{kind}({', '.join(describe(one, None) for one in items)})")
        case Expr(op=op, operands=(value, _)) if op == GIVEN:
            return describe(value, None)
        case Expr(op=op, operands=operands):
            return f"{op.strip('_')}({', '.join(describe(one, None) for one in operands)})"
        case ParamRef(name=name):
            return name.rpartition("\0")[2]


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"

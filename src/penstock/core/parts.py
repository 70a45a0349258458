"""What changed between two keys, part by part: why a call was made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from penstock.core.graph import Closure, ClosureNode
from penstock.core.records import Parts


class CodeChange(Struct, frozen=True, tag="code"):
    """A function, class, constant or file that the step's code reaches; "" is absent."""

    path: str
    name: str
    kind: str
    before: str = ""
    """Its source before."""
    after: str = ""
    added: bool = False
    removed: bool = False
    own: bool = False
    """It is the step's own function, not a helper of it."""


class NameChange(Struct, frozen=True, tag="name"):
    """A name in some function means another thing than before."""

    node: str
    name: str
    before: str
    after: str


class ParameterChange(Struct, frozen=True, tag="parameter"):
    """A value given where the step is called; "" is absent."""

    name: str
    before: str
    after: str


class InputChange(Struct, frozen=True, tag="input"):
    """What an earlier step made; `source` is that step's output, the others are content digests."""

    name: str
    source: str
    before: str
    after: str


class PackageChange(Struct, frozen=True, tag="package"):
    """Another version of a package; `direct` is part of the key, others are told only."""

    name: str
    before: str
    after: str
    direct: bool = True


class OptionChange(Struct, frozen=True, tag="option"):
    """A declared option that changes results, or the class of an input's value."""

    name: str
    before: str
    after: str


Change = CodeChange | NameChange | ParameterChange | InputChange | PackageChange | OptionChange


def explain(
    old: Parts,
    new: Parts,
    closure: Callable[[str], Closure | None],
    *,
    ref: str = "",
) -> tuple[Change, ...]:
    """Each part in which the keys differ: code first, then parameters, inputs, packages, options.

    `closure` gives what a code digest stands for, where that is known; `ref` is the step's function.
    """
    return (
        *_code(old, new, closure, ref),
        *_inputs(old, new),
        *(PackageChange(*d) for d in _differences(old.distributions, new.distributions)),
        *(OptionChange(*d) for d in _differences(old.options, new.options)),
    )


def reason(changes: Sequence[Change]) -> str:
    """One line: the first change, and how many more there are."""
    if not changes:
        return ""
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"changed: {words(changes[0])}{more}"


def words(change: Change) -> str:
    """A change in a few words."""
    match change:
        case CodeChange(path=path, own=True):
            return f"its own code ({path})"
        case CodeChange(path=path, kind=kind):
            verb = " (new)" if change.added else " (gone)" if change.removed else ""
            return f"{_KINDS.get(kind, kind)} '{_dotted(change)}'{verb} ({path})"
        case NameChange(node=node, name=name, before=before, after=after):
            return f"'{name}' in '{node}' means '{after or 'nothing'}', not '{before or 'nothing'}'"
        case ParameterChange(name=name, before="", after=after):
            return f"parameter '{name}' (new) {after}"
        case ParameterChange(name=name, before=before, after=""):
            return f"parameter '{name}' (gone) {before}"
        case ParameterChange(name=name, before=before, after=after):
            return f"parameter '{name}' {before} → {after}"
        case InputChange(name=name, source=source):
            return f"input '{name}' ({source})" if source else f"input '{name}'"
        case PackageChange(name=name, before=before, after=after):
            return f"package {name} {before or '(absent)'} → {after or '(absent)'}"
        case OptionChange(name=name) if name.startswith("class "):
            return f"class '{name.removeprefix('class ').replace(':', '.')}' of an input"
        case OptionChange(name="environment"):
            return "the installed packages"
        case OptionChange(name="also"):
            return "what Cache(also=…) names"
        case OptionChange(name=name, before=before, after=after):
            return f"option '{name}' {before or '(none)'} → {after or '(none)'}"


_KINDS = {"function": "helper", "environment": "variable"}


def is_wire(shown: str) -> bool:
    """Whether the text for people of an input is a step's output ("clean.train"), not a literal's repr."""
    return shown not in _WORDS and _WIRE.fullmatch(shown) is not None


_WORDS = frozenset(
    ("None", "True", "False", "nan", "inf", "Ellipsis", "NotImplemented", "NaT", "NA")
)
_WIRE = re.compile(r"[^\W\d][\w/-]*(\[[^\]]*\]|\.\w+)*")


def _dotted(change: CodeChange) -> str:
    if change.kind in ("file", "environment", "module"):
        return change.name or change.path
    stem = change.path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
    return f"{stem}.{change.name}" if stem.isidentifier() else change.name


def _code(
    old: Parts, new: Parts, closure: Callable[[str], Closure | None], ref: str
) -> Iterator[CodeChange | NameChange]:
    if old.code == new.code:
        return
    before, after = closure(old.code), closure(new.code)
    if before is None or after is None:
        # What was planned then is not known in full: the step's own name is all there is to say.
        module, _, name = ref.partition(":")
        yield CodeChange(module.replace(".", "/") + ".py", name, "function", own=True)
        return
    found = sorted(_nodes(before, after, ref), key=lambda change: not change.own)
    yield from found
    if not found:
        # Packages and Python's version are said as such; what remains is which name means what.
        yield from _names(before, after)


def _nodes(before: Closure, after: Closure, ref: str) -> Iterator[CodeChange]:
    old, new = _by_name(before), _by_name(after)
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        node = now or was
        assert node is not None
        if was is not None and now is not None and was.digest == now.digest:
            continue
        source = f"{node.path}:{node.name}"
        yield CodeChange(
            node.path,
            node.name,
            node.kind,
            before.sources.get(source, "") if was else "",
            after.sources.get(source, "") if now else "",
            added=was is None,
            removed=now is None,
            own=_is_own(node, ref),
        )


def _by_name(closure: Closure) -> Mapping[tuple[str, str], ClosureNode]:
    return {(node.path, node.name): node for node in closure.nodes}


def _is_own(node: ClosureNode, ref: str) -> bool:
    module, _, name = ref.partition(":")
    stem = node.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    at_home = module == "__main__" or f".{stem}".endswith(f".{module}")
    return node.kind == "function" and node.name == name and at_home


def _names(before: Closure, after: Closure) -> Iterator[NameChange]:
    old = {(node, name): meant for node, name, meant in before.edges}
    new = {(node, name): meant for node, name, meant in after.edges}
    for node, name in sorted(old.keys() | new.keys()):
        was, now = old.get((node, name), ""), new.get((node, name), "")
        if was != now:
            yield NameChange(node, name, was, now)


def _inputs(old: Parts, new: Parts) -> Iterator[ParameterChange | InputChange]:
    wires = []
    for name, before, after in _differences(old.inputs, new.inputs):
        was, now = old.shown.get(name, ""), new.shown.get(name, "")
        if after and is_wire(now):
            wires.append(InputChange(name, now.removesuffix(".result"), before, after))
        else:
            # A literal that people cannot tell apart by its repr still shows that it is another one.
            same = was == now and before and after
            yield ParameterChange(
                name,
                f"{was} ({before[:8]})" if same else was or before[:8],
                f"{now} ({after[:8]})" if same else now or after[:8],
            )
    yield from wires


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            yield name, before, after

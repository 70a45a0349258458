"""From names in code to what they mean: globals, attributes of modules, imports inside functions."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from msgspec import Struct

from penstock.core.naming import STARTED, module_name
from penstock.define.closure import display
from penstock.define.closure.bytecode import COMPUTED, Import, Use, facts
from penstock.define.closure.instructions import Chain
from penstock.define.closure.item import Item, Link, Target
from penstock.define.closure.targets import Targets

_MISSING: Any = object()
# Code that no name in the source leads to.
_HIDES = {
    "builtins.eval": "uses eval()",
    "builtins.exec": "uses exec()",
    "builtins.globals": "looks names up in globals()",
    "importlib.reload": "reloads modules",
    "importlib.util.spec_from_file_location": "loads a module from a file",
    "importlib.machinery.SourceFileLoader": "loads a module from a file",
    "runpy.run_path": "runs a file",
    "runpy.run_module": "runs a module",
    "pkgutil.resolve_name": "looks names up by their text",
    "pydoc.locate": "looks names up by their text",
    "sys.modules": "looks modules up in sys.modules",
}
_IMPORTS = ("importlib.import_module", "builtins.__import__", "importlib.__import__")
_SYSTEM = frozenset(name.partition(".")[0] for name in (*_HIDES, *_IMPORTS))


class Expression(Struct, frozen=True, eq=False):
    """What builds a constant: a piece of a module's code."""

    code: CodeType
    namespace: Mapping[str, Any]


class Place(Struct, frozen=True, eq=False):
    """Where a value was found under which name."""

    namespace: Mapping[str, Any]
    name: str


def link_uses(
    targets: Targets, item: Item, uses: Iterable[Use], namespace: Mapping[str, Any]
) -> Iterator[object]:
    """Link `item` to what the names mean in this module; yields the constants that they lead to."""
    done = set()
    for use in uses:
        if use in done:
            continue
        done.add(use)
        value = _MISSING
        if use.name in namespace:
            value = namespace[use.name]
        elif hasattr(builtins, use.name):
            if not _told(targets, item, f"builtins.{use.name}", use, namespace):
                item.links.append(Link(use.name, f"builtin {use.name}"))
            continue
        if value is _MISSING:
            item.links.append(Link(use.name, f"missing {use.name}"))
            continue
        yield from _follow(targets, item, value, Place(namespace, use.name), use)


def link_imports(
    targets: Targets, item: Item, imports: Iterable[Import], namespace: Mapping[str, Any]
) -> Iterator[object]:
    """The same for what a function imports when it runs: the project's modules are imported now."""
    for one in imports:
        name = _absolute(one.module, one.level, namespace)
        module = _imported(targets, item, name)
        if module is None:
            continue
        place = Place(vars(module), one.item or name)
        value: Any = module
        if one.item == ".":
            value = sys.modules[name.partition(".")[0]]
        elif one.item:
            value = vars(module).get(one.item, _MISSING)
            if value is _MISSING:
                value = _imported(targets, item, f"{name}.{one.item}")
            if value is None:
                continue
        if isinstance(value, ModuleType):
            for use in one.uses:
                yield from _follow(targets, item, value, place, use)
        else:
            used = one.uses[0] if len(one.uses) == 1 else Use(one.item, ())
            yield from _follow(targets, item, value, place, used)


def classes(hint: object, namespace: Mapping[str, Any], depth: int = 0) -> Iterator[type]:
    """The classes that an annotation names, as far as they are known here."""
    if isinstance(hint, str):
        try:
            code = compile(hint, "<annotation>", "eval", dont_inherit=True)
        except SyntaxError:
            return
        for use in facts(code).uses:
            value: object = namespace.get(use.name, _MISSING)
            for name in use.chain:
                value = getattr(value, "__dict__", {}).get(name, _MISSING)
            if value is not _MISSING and depth < 8:
                yield from classes(value, namespace, depth + 1)
        return
    if isinstance(hint, list | tuple):
        for part in hint:
            yield from classes(part, namespace, depth + 1)
    elif getattr(hint, "__args__", None) and depth < 8:
        for part in (getattr(hint, "__origin__", None), *hint.__args__):  # type: ignore[attr-defined]  # looked at above
            yield from classes(part, namespace, depth + 1)
    elif isinstance(hint, type):
        yield hint
    elif (argument := getattr(hint, "__forward_arg__", None)) is not None:
        yield from classes(argument, namespace, depth + 1)
    elif (bound := getattr(hint, "__bound__", None)) is not None:
        yield from classes(bound, namespace, depth + 1)


def link_classes(
    targets: Targets, item: Item, hints: Iterable[object], namespace: Mapping[str, Any]
) -> None:
    """Link to the classes of annotations; which is whose does not matter, nor their order."""
    found: dict[int, Item] = {}
    for hint in hints:
        for cls in classes(hint, namespace):
            target = targets.target(cls, item, cls.__qualname__)
            if isinstance(target, Item):
                found[id(target)] = target
    for target in sorted(found.values(), key=lambda target: target.address):
        item.links.append(Link("annotation", target))


# ---- one name


def _follow(targets: Targets, item: Item, value: Any, place: Place, use: Use) -> Iterator[object]:
    """Link to what `value.a.b` means: attributes of the project's modules are followed one by one."""
    chain, label = use.chain, ".".join((use.name, *use.chain))
    while isinstance(value, ModuleType) and chain:
        if not targets.of_globals(vars(value)).first_party:
            break
        if chain[0] == COMPUTED:
            targets.problem(
                item, f"'{item.name}' ({item.path}) uses getattr() on a module with a computed name"
            )
            break
        place = Place(vars(value), chain[0])
        value, chain = _attribute(value, chain[0]), chain[1:]
    if value is _MISSING:
        item.links.append(Link(label, f"missing {label}"))
        return
    name = _known_as(value, chain)
    if name and _told(targets, item, name, use, place.namespace):
        return
    if place.name.startswith("__") and not isinstance(value, ModuleType):
        item.links.append(Link(label, _dunder(targets, item, value, place)))
        return
    target, constant = _target(targets, item, value, place)
    if constant or (isinstance(target, Item) and target.kind == "value"):
        path = targets.of_globals(dict(place.namespace)).path
        item.links.append(Link(label, target, path, place.name))
    else:
        item.links.append(Link(label, target))
    if constant:
        yield value


def _attribute(module: ModuleType, name: str) -> Any:
    if name in vars(module):
        return vars(module)[name]
    submodule = sys.modules.get(f"{module.__name__}.{name}")
    return getattr(module, name, _MISSING) if submodule is None else submodule


def _target(targets: Targets, item: Item, value: Any, place: Place) -> tuple[Target, bool]:
    """What it is, and whether it is a constant of the module that it stands in."""
    builder = _builder(targets, value, place) if isinstance(value, dict) else None
    target = targets.target(value, item, place.name, ordered=builder is None)
    if builder is not None:
        made = Item("value", "", "", value, expanded=True)
        made.links = [Link("items", target), Link("built by", builder)]
        target = made
    if isinstance(target, str):
        kind = target.partition(" ")[0]
        return target, kind not in ("ref", "compiled", "inert", "object")
    wraps = callable(value) and not isinstance(value, dict)
    return target, target.kind == "value" and not wraps


def _builder(targets: Targets, value: dict[Any, Any], place: Place) -> Item | None:
    """The expression that makes a dict whose order may be an accident; None where it is not."""
    if len(value) < 2 or all(type(key) is int for key in value):
        return None
    for namespace in _homes(targets, value, place):
        file = namespace.get("__file__")
        if not isinstance(file, str):
            continue
        written = display.written(file, place.name)
        if written is None:
            continue
        if isinstance(written, CodeType) and not display.edited(file, STARTED):
            return Item("value", "", "", Expression(written, namespace))
        return None
    return None


def _homes(targets: Targets, value: object, place: Place) -> Iterator[Mapping[str, Any]]:
    """The modules that know a value by this name: one of them has made it."""
    yield place.namespace
    for module in tuple(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        if names.get(place.name) is value and names is not place.namespace:
            yield names


def _dunder(targets: Targets, item: Item, value: object, place: Place) -> Target:
    match place.name:
        case "__name__":
            module = sys.modules.get(str(value))
            root = Path(targets.root)
            return f"name {module_name(module, root) if module else value}"
        case "__file__":
            return targets.target(os.path.realpath(str(value)), item, place.name)
        case "__spec__" | "__loader__" | "__builtins__" | "__cached__":
            return "inert"
    return targets.target(value, item, place.name)


# ---- what hides code


def _known_as(value: Any, chain: Chain) -> str:
    """The full name of something of Python's own that may lead to code by other ways than names."""
    if isinstance(value, ModuleType):
        if value.__name__.partition(".")[0] in _SYSTEM:
            return ".".join((value.__name__, *chain))
        return ""
    module = getattr(value, "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] in _SYSTEM:
        name = getattr(value, "__qualname__", "")
        return ".".join((module, name)).replace("_frozen_importlib_external", "importlib.machinery")
    return ""


def _told(targets: Targets, item: Item, name: str, use: Use, namespace: Mapping[str, Any]) -> bool:
    """Deal with a name that may hide code; whether a link was made for it."""
    for hidden, words in _HIDES.items():
        if name == hidden or name.startswith(f"{hidden}."):
            targets.problem(item, f"'{item.name}' ({item.path}) {words}")
    if name not in _IMPORTS:
        return False
    if use.literal is None:
        targets.problem(item, f"'{item.name}' ({item.path}) imports a module by a computed name")
        return False
    level = len(use.literal) - len(use.literal.lstrip("."))
    module = _imported(targets, item, _absolute(use.literal[level:], level, namespace))
    if module is not None:
        place = Place(vars(module), use.literal)
        for result in use.result:
            for _ in _follow(targets, item, module, place, result):
                pass
    return True


# ---- imports


def _absolute(module: str, level: int, namespace: Mapping[str, Any]) -> str:
    if not level:
        return module
    package = namespace.get("__package__")
    if package is None:
        package = str(namespace.get("__name__", ""))
        if "__path__" not in namespace:
            package = package.rpartition(".")[0]
    parts = str(package).split(".")
    return ".".join(part for part in (*parts[: len(parts) - level + 1], module) if part)


def _imported(targets: Targets, item: Item, name: str) -> ModuleType | None:
    """A module that a function imports, if it is looked into: the project's own, and what may hide code."""
    found = targets.origin(name)
    if not found.first_party and name.partition(".")[0] not in _SYSTEM:
        # By name alone, also where it is loaded: another process may not have it yet.
        item.links.append(Link(name, targets.reference(found, name, item)))
        return None
    top = name.partition(".")[0]
    if name not in sys.modules and top not in sys.modules and PathFinder.find_spec(top) is None:
        item.links.append(Link(name, f"missing {name}"))
        return None
    try:
        return import_module(name)
    except ImportError:
        item.links.append(Link(name, f"missing {name}"))
    except Exception as error:  # Importing runs the user's own code.
        targets.problem(item, f"'{item.name}' ({item.path}) imports '{name}', which fails: {error}")
    return None

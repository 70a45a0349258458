"""The walk from a step's function over all code of the project that it reaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

from penstock.core.digest import digest_struct
from penstock.core.graph import Closure
from penstock.core.naming import resolve
from penstock.define.closure.classes import expand_class
from penstock.define.closure.functions import (
    expand_expression,
    expand_function,
    expand_step,
    link_annotations,
)
from penstock.define.closure.item import Item, Link, closure_of
from penstock.define.closure.names import Expression
from penstock.define.closure.origin import origin_of
from penstock.define.closure.sources import remember
from penstock.define.closure.targets import REFUSALS, Targets, unwrapped
from penstock.define.closure.values import expand_value
from penstock.errors import DefinitionError

_OF_A_MODULE = frozenset(("__all__", "__getattr__", "__version__"))


class Closures:
    """Closures that share what they have seen: made anew for each run, since globals may change."""

    def __init__(self, root: Path, digest_value: Callable[[object], str]) -> None:
        self._targets = Targets(root, digest_value)
        self._steps: dict[int, tuple[object, Item]] = {}
        self._known: dict[Item, Closure] = {}

    def closure(self, function: Callable[..., Any]) -> Closure:
        """All that the function of a step reaches."""
        root = self._root(function)
        if root not in self._known:
            self._known[root] = closure_of(root, self._expand)
            remember(self._known[root], root)
        return self._known[root]

    def class_digest(self, name: str) -> str:
        """Of the class "module:qualname": its code, or its package's version; "" for Python's own."""
        module = name.partition(":")[0]
        found = origin_of(module, self._targets.root)
        if found.kind in ("standard", "ours"):
            return ""
        if found.kind == "installed":
            return digest_struct("class", *(found.distribution or ()))
        try:
            cls = resolve(name)
        except DefinitionError:  # It is gone: its values load as records of their fields.
            return ""
        holder = Item("value", "", "", None, expanded=True)
        holder.links = [Link("class", self._targets.target(cls, holder, name))]
        closure = closure_of(holder, self._expand)
        return digest_struct("class", closure.digest, sorted(closure.distributions.items()))

    # ---- the start

    def _root(self, function: Any) -> Item:
        function = unwrapped(function)
        known = self._steps.get(id(function))
        if known is not None and known[0] is function:
            return known[1]
        holder = Item("value", "", "", function, expanded=True)
        target = self._targets.target(function, holder, "step")
        if isinstance(target, Item) and target.kind == "function":
            # Apart from the same function as a helper, whose defaults count.
            root = Item("function", target.path, target.name, function)
            root.expanded = True
            expand_step(self._targets, root)
        else:
            root = holder
            holder.links = [Link("step", target)]
            link_annotations(self._targets, holder, _annotated(function))
        self._steps[id(function)] = (function, root)
        return root

    # ---- the way

    def _expand(self, item: Item) -> None:
        value = item.value
        if isinstance(value, Expression):
            expand_expression(self._targets, item, value)
        elif item.kind == "function" and isinstance(value, FunctionType):
            expand_function(self._targets, item)
        elif item.kind == "class":
            expand_class(self._targets, item)
        elif item.kind == "module" and isinstance(value, ModuleType):
            self._expand_module(item, value)
        else:
            try:
                expand_value(self._targets, item)
            except REFUSALS:  # A value may refuse even to be looked at.
                self._targets.unknown(value, item, "a value")

    def _expand_module(self, item: Item, module: ModuleType) -> None:
        names = []
        for name, value in sorted(vars(module).items()):
            if name.startswith("__") and name.endswith("__") and name not in _OF_A_MODULE:
                continue
            names.append(name)
            item.links.append(Link(name, self._targets.target(value, item, name)))
        item.content = repr(names)


def _annotated(function: Any) -> Any:
    """Of a step that is no function: what has the annotations."""
    while type(function) is partial:
        function = function.func
    if isinstance(function, MethodType):
        return function.__func__
    if isinstance(function, FunctionType | type):
        return function
    return vars(type(function)).get("__call__", function)

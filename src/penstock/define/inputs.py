"""Values and promises, as inputs of the nodes of one pipeline."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import PurePath
from typing import Any, get_origin

from penstock.core.calls import assemble
from penstock.core.graph import Build, Expr, Input, Literal, SecretRef, SourceRef, references
from penstock.define import markers
from penstock.define.callee import Marker, short
from penstock.define.containers import COPIED, container, holds_markers
from penstock.define.promise import Promise, label
from penstock.define.tracing import ATOMS, Tracing
from penstock.define.types import element, fits, parts, value_fits
from penstock.errors import DefinitionError, PromiseError, SerializationError, TypeMismatch

_HOLDERS = "Promises go into lists, tuples, NamedTuples and dicts."


class Inputs:
    """Turns what is passed to a step into inputs, and checks it against annotations."""

    def __init__(self, tracing: Tracing, around: tuple[Inputs, ...]) -> None:
        self.tracing = tracing
        self.around = around
        """The pipelines that this one stands in, innermost first."""
        self.lines: dict[str, str] = {}
        """Id of a node to where it stands."""

    def number(self, key: Hashable) -> int:
        return self.tracing.number(key)

    def operand(self, value: object, where: str) -> tuple[Input, Hashable]:
        return self.source(value, Any, "", "an expression", where)

    def source(
        self, value: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        """A value, or a promise, or a container of both, as an input; and what tells it from others."""
        kind = type(value)
        if kind is Promise:
            origin = self.own(value, where)._penstock
            if not self.tracing.fits(origin.hint, wanted):
                raise _mismatch(self.said(value), origin.hint, wanted, name, owner, where)
            return origin.source, origin.key
        if kind in ATOMS or not (
            isinstance(value, Marker) or kind in COPIED or isinstance(value, tuple)
        ):
            return self._literal(value, wanted, name, owner, where)
        match value:
            case markers.Secret():
                return SecretRef(value.source, value.name), ("secret", value.source, value.name)
            case markers.Reference():
                return SourceRef(value.address), ("source", value.address)
            case markers.LogicalDate() if markers.DATE in self.tracing.open:
                source = Expr(markers.DATE, (Literal(value.kind(wanted), ""),))
                return source, (markers.DATE, value.kind(wanted))
            case markers.LogicalDate():
                value = value.on(self.tracing.logical_date, wanted)
                return self._literal(value, wanted, name, owner, where)
            case markers.Each() if name.startswith("*"):
                raise DefinitionError(
                    f"no map runs over '{name}' of '{owner}' ({where})",
                    hint="Give the step a parameter for it: each(…) goes to one by its name.",
                )
            case markers.Each():
                raise DefinitionError(
                    f"each(…) for '{name}' of '{owner}' stands in a plain call ({where})",
                    hint=f"Write {owner}.map(…), and each(…) as an argument itself.",
                )
            case Marker():
                raise DefinitionError(
                    f"{value!r} cannot be passed for '{name}' of '{owner}' ({where})",
                    hint="Pass what one of its steps returned: run[step].output.",
                )
        if not holds_markers(value):
            return self._literal(value, wanted, name, owner, where)
        return self._build(value, wanted, name, owner, where)

    def _literal(
        self, value: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        if wanted is not Any and type(value) is not wanted and not value_fits(value, wanted):
            shown = repr(value) if len(repr(value)) < 60 else f"a {type(value).__name__}"
            raise _mismatch(shown, type(value), wanted, name, owner, where)
        try:
            literal = self.tracing.literal(value, where)
        except SerializationError as error:
            held = isinstance(error.__cause__, PromiseError)
            what = f"'{name}' of '{owner}'" if name else f"'{owner}'"
            raise DefinitionError(
                f"a promise stands in a {type(value).__name__} for {what} ({where})"
                if held
                else f"{what} is given what cannot be kept ({where}): {error.message}",
                hint=_HOLDERS if held else error.hint,
            ) from error.__cause__
        return literal, literal.digest

    def _build(
        self, value: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        kind, cls, keys = container(value)
        if kind == "":
            raise DefinitionError(
                f"a promise stands in a {type(value).__name__} for '{name}' of '{owner}' ({where})",
                hint=_HOLDERS,
            )
        if not self.tracing.fits(cls or type(value), wanted):
            raise _mismatch(f"a {kind}", type(value), wanted, name, owner, where)
        items = value.values() if kind == "dict" else value
        hints = parts(cls or wanted, kind, keys, len(value))
        inner = [
            self.source(item, hint, name, owner, where)
            for item, hint in zip(items, hints, strict=True)
        ]
        if all(isinstance(part, Literal) for part, _ in inner):
            # A date of the run among plain values: a plain value, as if it had been written there.
            plain = assemble(kind, [part.value for part, _ in inner], keys, cls)  # type: ignore[union-attr]  # all are literals
            return self._literal(plain, Any, name, owner, where)
        source = Build(kind, tuple(part for part, _ in inner), keys, cls)  # type: ignore[arg-type]  # one of its four kinds
        return source, (kind, keys, *(key for _, key in inner))

    def own(self, promise: Promise, where: str) -> Promise:
        scope: object = promise._penstock.scope
        if scope is not self:
            raise PromiseError(
                f"'{label(promise)}' belongs to another pipeline ({where})",
                hint="Pass it as an argument of this pipeline."
                if any(scope is one for one in self.around)
                else "Use it in the pipeline whose step returned it; an old result is ref(…).",
            )
        return promise

    def elements(
        self, values: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        """What each(…) runs over: a list that is known, or the promise of one."""
        if isinstance(values, Promise):
            origin = self.own(values, where)._penstock
            iterable, inner = element(origin.hint)
            if not iterable:
                raise TypeMismatch(
                    f"{self.said(values)} is {short(origin.hint)}, which each(…) for '{name}' "
                    f"of '{owner}' cannot run over ({where})",
                    hint="each(…) takes a list, or the output of a step that returns one.",
                )
            if not self.tracing.fits(inner, wanted):
                raise _mismatch(
                    f"an element of {self.said(values)}", inner, wanted, name, owner, where
                )
            return origin.source, origin.key
        if isinstance(values, Marker):
            return self.source(values, Any, name, owner, where)
        try:
            items = list(values)
        except TypeError:
            raise TypeMismatch(
                f"each({values!r}) for '{name}' of '{owner}' is no list ({where})",
                hint="each(…) takes a list, or the output of a step that returns one.",
            ) from None
        if not holds_markers(items):
            for item in items[:100]:
                if not value_fits(item, wanted):
                    raise _mismatch(repr(item), type(item), wanted, name, owner, where)
            return self._literal(items, Any, name, owner, where)
        inner = [self.source(item, wanted, name, owner, where) for item in items]
        source = Build("list", tuple(part for part, _ in inner))
        return source, ("list", *(key for _, key in inner))

    def said(self, promise: Promise) -> str:
        """A promise by name, with the line where its step stands."""
        refs = list(references(promise._penstock.source))
        line = self.lines.get(refs[0].node, "") if refs else ""
        return f"'{label(promise)}' ({line})" if line else f"'{label(promise)}'"


def _mismatch(
    given: str, hint: Any, wanted: Any, name: str, owner: str, where: str
) -> TypeMismatch:
    found, asked = short(hint), short(wanted)
    if found == asked:  # as pandas and polars both have a DataFrame
        found, asked = _in_full(hint), _in_full(wanted)
    if not name:
        return TypeMismatch(
            f"{given} is {found}, but '{owner}' returns {asked} ({where})",
            hint="Change the annotation, or what is returned.",
        )
    return TypeMismatch(
        f"{given} is {found}, but '{name}' of '{owner}' is {asked} ({where})",
        hint=_instead(given, hint, wanted, name, owner),
    )


def _in_full(hint: Any) -> str:
    return f"{hint.__module__}.{hint.__qualname__}" if isinstance(hint, type) else str(hint)


def _instead(given: str, hint: Any, wanted: Any, name: str, owner: str) -> str:
    """What to write where the types do not fit."""
    if hint is str and isinstance(wanted, type) and issubclass(wanted, PurePath):
        return f"Write Path({given})."
    iterable, inner = element(hint)
    if iterable and inner is not Any and get_origin(hint) is not dict and fits(inner, wanted):
        return f"For a call with each element, write {owner}.map({name}=each(…))."
    return "Change one of the two annotations, or what is passed."

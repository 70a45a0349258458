"""A promise: what a call inside a pipeline returns, before anything has run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from types import FrameType
from typing import Any, NoReturn, Protocol

from penstock.core.graph import (
    Access,
    Expr,
    FirstOf,
    Input,
    Literal,
    OutputRef,
    ParamRef,
    SourceRef,
)
from penstock.core.naming import is_first_party
from penstock.core.place import nearest
from penstock.define.callee import Marker, file_text, short
from penstock.define.types import at, elements
from penstock.errors import PromiseError

NUMBERS = {"add", "sub", "mul", "floordiv", "mod", "pow"}
COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
SYMBOLS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and_": "&", "or_": "|",
    "neg": "-", "not_": "~", "invert": "~",
}  # fmt: skip
UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "true_divide": "truediv",
    "divide": "truediv", "floor_divide": "floordiv", "remainder": "mod", "power": "pow",
    "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge", "bitwise_and": "and_", "bitwise_or": "or_",
}  # fmt: skip
"""NumPy's names of operators: its scalars ask before they give way to the other side."""


class Scope(Protocol):
    """The pipeline being built, as far as promises need it."""

    def operand(self, value: object, where: str) -> tuple[Input, Hashable]:
        """A value, or a promise of this pipeline, as an input; and what tells it from others."""
        ...

    def number(self, key: Hashable) -> int:
        """A number for each different key."""
        ...

    def adopt(self, outer: Promise, name: str) -> Promise:
        """A promise of the pipeline around this one, as a parameter here."""
        ...

    def look(self, source: Input) -> None:
        """Note that Python asked for the value of this."""
        ...


class Origin:
    """What stands behind a promise."""

    __slots__ = ("fields", "free", "hint", "key", "outer", "scope", "source")

    def __init__(
        self,
        scope: Scope,
        source: Input,
        hint: Any,
        key: Hashable,
        *,
        fields: Any = None,
        free: bool = True,
        outer: Promise | None = None,
    ) -> None:
        self.scope = scope
        self.source = source
        self.hint = hint
        self.key = key
        self.fields = fields
        """The NamedTuple class, where this is all of several outputs."""
        self.free = free
        """One more step into the value may be taken."""
        self.outer = outer
        """What it stands for in the pipeline around."""


def operator(op: str, *, swapped: bool = False) -> Callable[[Promise, object], Promise]:
    def method(self: Promise, other: object) -> Promise:
        first, second = (other, self) if swapped else (self, other)
        return express(op, (first, second), sys._getframe(1))

    return method


def refusal(what: str, hint: str) -> Callable[..., NoReturn]:
    def method(self: Promise, *_: object, **__: object) -> NoReturn:
        raise refused(self, what, hint, sys._getframe(1))

    return method


INSIDE = "Do it inside a step."
GUARD = "Guard the step instead, `step.when(condition)(…)`, and join conditions by `&` and `|`."


class Promise(Marker):
    """It has no attribute of its own: each is one of the value to come."""

    __slots__ = ("_penstock",)

    _penstock: Origin

    def __init__(self, origin: Origin) -> None:
        object.__setattr__(self, "_penstock", origin)

    def __repr__(self) -> str:
        return f"<promise of {label(self)}>"

    # ---- one step into the value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # Libraries ask for such names to see what a value can do.
            raise AttributeError(name)
        return enter(self, Access("attribute", name), sys._getframe(1))

    def __getitem__(self, key: object) -> Any:
        frame = sys._getframe(1)
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise refused(self, f"is indexed by {key!r}", "Only a name or a number goes.", frame)
        return enter(self, Access("item", key), frame)

    def __iter__(self) -> Iterator[Any]:
        frame = sys._getframe(1)
        inner = elements(self._penstock.hint)
        if inner is None:
            raise refused(
                self,
                "is iterated over, but its elements are not known yet",
                "To run a step for each element: `step.map(each(x))`. To unpack outputs, annotate "
                "the step as returning a NamedTuple or tuple[X, Y].",
                frame,
            )
        return iter([enter(self, Access("item", n), frame) for n in range(len(inner))])

    def __len__(self) -> int:
        inner = elements(self._penstock.hint)
        if inner is None:
            raise refused(self, "has no length yet", INSIDE, sys._getframe(1))
        return len(inner)

    # ---- small expressions

    __add__, __radd__ = operator("add"), operator("add", swapped=True)
    __sub__, __rsub__ = operator("sub"), operator("sub", swapped=True)
    __mul__, __rmul__ = operator("mul"), operator("mul", swapped=True)
    __truediv__, __rtruediv__ = operator("truediv"), operator("truediv", swapped=True)
    __floordiv__, __rfloordiv__ = operator("floordiv"), operator("floordiv", swapped=True)
    __mod__, __rmod__ = operator("mod"), operator("mod", swapped=True)
    __pow__, __rpow__ = operator("pow"), operator("pow", swapped=True)
    __and__, __rand__ = operator("and_"), operator("and_", swapped=True)
    __or__, __ror__ = operator("or_"), operator("or_", swapped=True)
    __lt__, __le__ = operator("lt"), operator("le")
    __gt__, __ge__ = operator("gt"), operator("ge")
    __eq__, __ne__ = operator("eq"), operator("ne")  # type: ignore[assignment]  # not a bool, on purpose

    def __neg__(self) -> Promise:
        return express("neg", (self,), sys._getframe(1))

    def __invert__(self) -> Promise:
        # `~ready` means "not ready": of a bool, Python's own `~` would be -2 or -1, both true.
        op = "invert" if self._penstock.hint is int else "not_"
        return express(op, (self,), sys._getframe(1))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        frame = sys._getframe(1)
        op = UFUNCS.get(ufunc.__name__)
        if op is None or method != "__call__":
            raise refused(self, f"is given to numpy.{ufunc.__name__}", INSIDE, frame)
        return express(op, inputs, frame)

    # ---- what only a value can do

    __bool__ = refusal("is asked for its truth, which is not known yet", GUARD)
    __call__ = refusal("is called: a promise has no methods", "Write a step that calls it.")
    __str__ = refusal("is made into text, but its value is not known yet", INSIDE)
    __format__ = refusal("is made into text, but its value is not known yet", INSIDE)
    __hash__ = refusal(
        "is hashed, but its value is not known yet", "Not a key or in a set: use a list."
    )
    __contains__ = refusal("is searched by `in`, but its value is not known yet", INSIDE)
    __array__ = refusal("is made into an array, but its value is not known yet", INSIDE)
    __fspath__ = refusal("is made into a path, but its value is not known yet", INSIDE)
    __int__ = __float__ = __complex__ = __index__ = refusal(
        "is made into a number, but its value is not known yet", INSIDE
    )
    __abs__ = __round__ = __trunc__ = __floor__ = __ceil__ = __pos__ = refusal(
        "is computed with, which goes no further than + - * / // % **", INSIDE
    )
    __matmul__ = __rmatmul__ = __lshift__ = __rshift__ = __xor__ = __divmod__ = refusal(
        "is computed with, which goes no further than + - * / // % **", INSIDE
    )
    __setattr__ = __delattr__ = __setitem__ = __delitem__ = refusal(
        "is changed, but its value is not known yet", INSIDE
    )
    __next__ = __reversed__ = refusal(
        "is iterated over, but its elements are not known yet",
        "To run a step for each element: `step.map(each(x))`.",
    )
    __enter__ = __exit__ = refusal("is used in `with`, but its value is not known yet", INSIDE)
    __await__ = refusal("is awaited; steps are plain functions", "Leave `await` out.")
    __reduce_ex__ = refusal("is copied or pickled, but its value is not known yet", INSIDE)


# ---- what promises can do, outside their own names


def label(promise: Promise) -> str:
    """A promise as people know it: `split.train`, `score["auc"]`."""
    return _text(promise._penstock.source)


def _text(source: Input) -> str:
    match source:
        case OutputRef(node, output, path):
            return node + (f".{output}" if output else "") + "".join(map(_step_text, path))
        case ParamRef(name):
            return name
        case SourceRef(address):
            return address
        case FirstOf(options):
            return f"either({', '.join(map(_text, options))})"
        case Expr("getitem" | "getattr" as op, (whole, Literal(name))):
            kind: Any = "item" if op == "getitem" else "attribute"
            return _text(whole) + _step_text(Access(kind, name))
        case Expr(op, (only,)):
            return f"{SYMBOLS.get(op, op)}{_text(only)}"
        case Expr(op, (first, second)):
            return f"{_text(first)} {SYMBOLS.get(op, op)} {_text(second)}"
        case Literal(value):
            text = repr(value)
            return text if len(text) < 60 else type(value).__name__
        case _:
            return "an expression"


def _step_text(access: Access) -> str:
    return f".{access.name}" if access.kind == "attribute" else f"[{access.name!r}]"


def place(frame: FrameType) -> str:
    """ "flights.py:42" of a frame; of a notebook's cell "cell:3"."""
    return f"{file_text(frame.f_code.co_filename)}:{frame.f_lineno}"


def refused(promise: Promise, what: str, hint: str, frame: FrameType) -> PromiseError:
    promise._penstock.scope.look(promise._penstock.source)
    here: FrameType | None = frame
    while here is not None and not is_first_party(here.f_code.co_filename):
        here = here.f_back  # in NumPy, in `copy`: who called it is to be named
    return PromiseError(f"'{label(promise)}' {what} ({place(here or frame)})", hint=hint)


def enter(promise: Promise, access: Access, frame: FrameType) -> Promise:
    """The promise of one part of a value."""
    origin = promise._penstock
    known, hint, names = at(origin.hint, access)
    if not known:
        raise _missing(promise, access, names, frame)
    if origin.outer is not None:
        part = enter(origin.outer, access, frame)
        return origin.scope.adopt(part, _text(origin.source) + _step_text(access))
    fixed = elements(origin.hint) is not None
    if not origin.free and not fixed:
        raise refused(
            promise,
            f"goes no deeper: `{_step_text(access)}` would be the second step into a value",
            "Write a step that picks it apart.",
            frame,
        )
    if origin.fields is not None:
        named: tuple[str, ...] = origin.fields._fields
        name = named[access.name] if isinstance(access.name, int) else access.name
        access = Access("attribute", name)
    key = (origin.key, access.kind, access.name)
    free = origin.fields is not None or fixed
    source = _into(origin.source, access, whole=origin.fields is not None)
    if source is None:
        operand = origin.scope.operand(access.name, place(frame))[0]
        op = "getitem" if access.kind == "item" else "getattr"
        return Promise(
            Origin(origin.scope, Expr(op, (origin.source, operand)), hint, key, free=False)
        )
    return Promise(Origin(origin.scope, source, hint, key, free=free))


def _into(source: Input, access: Access, *, whole: bool) -> Input | None:
    match source:
        case OutputRef(node, "", ()) if whole:
            return OutputRef(node, str(access.name))
        case OutputRef(node, output, path):
            return OutputRef(node, output, (*path, access))
        case FirstOf(options):
            inner = [_into(option, access, whole=whole) for option in options]
            found = tuple(option for option in inner if option is not None)
            return FirstOf(found) if len(found) == len(options) else None
        case _:
            return None


def _missing(
    promise: Promise, access: Access, names: tuple[str, ...], frame: FrameType
) -> PromiseError:
    meant = nearest(str(access.name), names)
    hint = (
        f"Did you mean '{meant}'?" if meant else f"It has: {', '.join(names)}." if names else INSIDE
    )
    kind = short(promise._penstock.hint)
    return refused(promise, f"is {kind}, which has no `{_step_text(access)}`", hint, frame)


def express(op: str, values: tuple[object, ...], frame: FrameType) -> Promise:
    """A promise of what an operator gives."""
    where = place(frame)
    first = next(value for value in values if isinstance(value, Promise))
    scope = first._penstock.scope
    operands = [scope.operand(value, where) for value in values]
    source = Expr(op, tuple(operand for operand, _ in operands))
    key = scope.number((op, *(key for _, key in operands)))
    hints = {v._penstock.hint if isinstance(v, Promise) else type(v) for v in values}
    return Promise(Origin(scope, source, _type(op, hints), key, free=False))


def _type(op: str, hints: set[Any]) -> Any:
    if op in COMPARISONS:
        # Arrays and tables compare element by element.
        return bool if hints <= {int, float, bool, str, type(None)} else Any
    if op in ("and_", "or_", "not_") and hints <= {bool}:
        return bool
    if hints <= {int, float}:
        if op in NUMBERS or op == "neg":
            return int if hints == {int} and op != "pow" else float
        if op == "truediv":
            return float
    return Any

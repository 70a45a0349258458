"""The walk of a value: the digest of what it holds, the same in every process and for every copy.

Each piece is tagged, so that 1, 1.0, True and "1" differ. A set counts whatever its order, a dict
by its order of insertion, an object by its class and its attributes. A NumPy scalar of full width is
the Python number that it equals. Nothing depends on identity: `[a, a]` is `[a, copy of a]`. A container is
named by the pieces of what it holds, on a stack of our own, so that depth costs nothing; inside a
cycle, a container that is being walked is named by how far up it stands.
"""

from __future__ import annotations

import copyreg
import datetime as dt
import struct
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import EnumType
from functools import cached_property
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import Any

from blake3 import blake3

from penstock.core.nameless import members, nameless
from penstock.core.naming import is_first_party, module_name, type_name
from penstock.errors import SerializationError

LARGE = 1 << 16
"""Bytes from which a string is named by its digest and not copied."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What an object is made of: a kind that no two kinds share, and its parts in order."""

    kind: str
    parts: Sequence[object]


Other = Callable[[object], str | Fields]


def digest_plain(value: object, other: Other, *, classes: set[Any] | None = None) -> str:
    """The digest of a value's content.

    `other` answers for what is not a plain value: with its digest, or with the parts to walk on
    (`unfold` gives those of any object that can be copied). The classes met are added to `classes`,
    and functions; of one without a name that could be found again, the names that it uses.
    Raises SerializationError for what has no content that can be known: a lock, an open file.
    """
    atom = _ATOMS.get(type(value))
    if atom is not None:
        return blake3(b"v" + atom(value)).hexdigest()
    met: set[Any] = set()
    piece = _walk(value, other, met)
    if met:
        piece += b"".join(sorted(_written(met, other)))
        if classes is not None:
            classes |= met
    return blake3(b"v" + piece).hexdigest()


def _written(met: set[Any], other: Other) -> Iterator[bytes]:
    """The code of those of these classes that no name leads to; what that leads to is met, too."""
    pending = nameless(met)
    known = {*pending}
    while pending:
        cls = pending.pop()
        found: set[Any] = {*cls.__mro__[1:-1]}
        pieces = []
        for name, member in members(cls):
            try:
                pieces.append(_str(name) + _walk(member, other, found))
            except SerializationError:  # A lock of the class: no content of its instances.
                continue
        if pieces:
            pieces[:0] = [_str(type_name(one)) for one in cls.__mro__]
            yield b"C" + b"".join(pieces)
        met |= found
        more = {*nameless(found)} - known
        known |= more
        pending += more


# ---- atoms: values without parts


def _int(value: Any) -> bytes:
    return b"i%x;" % value


def _str(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"s%d:%b" % (len(data), data) if len(data) < LARGE else _large(b"s", data)


def _bytes(value: bytes) -> bytes:
    return b"b%d:%b" % (len(value), value) if len(value) < LARGE else _large(b"b", value)


def _bytearray(value: bytearray) -> bytes:
    return b"y" + _bytes(bytes(value))


def _large(tag: bytes, data: bytes) -> bytes:
    return b"%b#%d:%b" % (tag, len(data), blake3(data).digest())


_double = struct.Struct("<d").pack
_NAN = b"f" + _double(float("nan"))


def _float(value: float) -> bytes:
    return b"f" + _double(value) if value == value else _NAN


def _complex(value: complex) -> bytes:
    return b"c" + _float(value.real) + _float(value.imag)


def _date(value: dt.date) -> bytes:
    return b"D" + value.isoformat().encode()


def _timedelta(value: dt.timedelta) -> bytes:
    return b"d%d,%d,%d;" % (value.days, value.seconds, value.microseconds)


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"n",
    bool: lambda value: b"1" if value else b"0",
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
    bytearray: _bytearray,
    dt.date: _date,
    dt.timedelta: _timedelta,
    type(...): lambda _: b".",
    type(NotImplemented): lambda _: b"!",
}
ATOMS = frozenset(_ATOMS)
"""Types whose values are told by themselves alone; no subclass counts."""


# ---- the stack


class _Open:
    """A container whose pieces are being collected."""

    __slots__ = ("head", "height", "low", "pieces", "rest", "unordered", "value")

    def __init__(self, head: bytes, rest: Iterator[object], unordered: bool) -> None:
        self.head = head
        self.rest = rest
        self.unordered = unordered
        self.pieces: list[bytes] = []
        self.value: object = None
        self.height = self.low = 0


def _walk(root: object, other: Other, classes: set[Any]) -> bytes:
    opened = _open(root, other, classes)
    if isinstance(opened, bytes):
        return opened
    # A memo entry keeps its object alive: parts made on the way would else share addresses.
    memo: dict[int, tuple[object, bytes]] = {}
    above = {id(root): 0}
    opened.value = root
    stack = [opened]
    while True:
        top = stack[-1]
        child = _collect(top, other, classes, memo, above)
        if child is not None:
            child.height = child.low = len(stack)
            above[id(child.value)] = child.height
            stack.append(child)
            continue
        stack.pop()
        del above[id(top.value)]
        piece = _close(top)
        if not stack:
            return piece
        stack[-1].pieces.append(piece)
        stack[-1].low = min(stack[-1].low, top.low)
        # What refers to a container further up is named by where it stands, so only by that.
        if top.low == top.height:
            memo[id(top.value)] = (top.value, piece)


def _collect(
    top: _Open,
    other: Other,
    classes: set[Any],
    memo: dict[int, tuple[object, bytes]],
    above: dict[int, int],
) -> _Open | None:
    """Add the pieces of what comes next, up to a container that must be walked first."""
    pieces, atoms = top.pieces, _ATOMS
    for value in top.rest:
        atom = atoms.get(type(value))
        if atom is not None:
            pieces.append(atom(value))
        elif (known := memo.get(id(value))) is not None:
            pieces.append(known[1])
        elif (height := above.get(id(value))) is not None:
            pieces.append(b"^%d;" % (top.height - height))
            top.low = min(top.low, height)
        else:
            opened = _open(value, other, classes)
            if isinstance(opened, _Open):
                opened.value = value
                return opened
            pieces.append(opened)
    return None


def _close(done: _Open) -> bytes:
    pieces = done.pieces
    if done.unordered:
        pieces.sort()
    return b"@" + blake3(b"%b%d:%b" % (done.head, len(pieces), b"".join(pieces))).digest()


# ---- what a value is made of


def _open(value: Any, other: Other, classes: set[Any]) -> bytes | _Open:
    """The piece of a value without parts, or its parts, to be collected."""
    cls = type(value)
    builtin = _BUILTIN.get(cls)
    if builtin is not None:
        return builtin(value)
    if cls.__module__ == "numpy":
        scalar = _python_scalar(value)
        if scalar is not None:
            return _ATOMS[type(scalar)](scalar)
    if isinstance(value, types.FunctionType):
        classes.update(_met(value))
    else:
        classes.add(value if isinstance(value, type) else cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields") and not hasattr(value, "__dict__"):
        return _parts(f"namedtuple {type_name(cls)}", [*cls._fields, *value])
    if isinstance(cls, EnumType):
        return _parts(f"enum {type_name(cls)}", (value._name_, value._value_))
    match other(value):
        case str() as digest:
            return b"=" + digest.encode()
        case Fields(kind, parts):
            return _parts(kind, parts)


def _parts(kind: str, parts: Iterable[object], *, unordered: bool = False) -> _Open:
    return _Open(_str(kind), iter(parts), unordered)


def _pairs(value: dict[Any, Any]) -> Iterator[object]:
    for key, item in value.items():
        yield key
        yield item


def _moment(value: dt.datetime | dt.time) -> bytes | _Open:
    text = f"{value.replace(tzinfo=None).isoformat()} {value.fold}"
    return _parts(type(value).__name__, (text, value.tzinfo))


def _zone(value: dt.timezone) -> bytes:
    return b"z" + _timedelta(value.utcoffset(None)) + _str(value.tzname(None))


_BUILTIN: dict[type, Callable[[Any], bytes | _Open]] = {
    **_ATOMS,
    list: lambda value: _Open(b"[", iter(value), False),
    tuple: lambda value: _Open(b"(", iter(value), False),
    dict: lambda value: _Open(b"{", _pairs(value), False),
    set: lambda value: _Open(b"<", iter(value), True),
    frozenset: lambda value: _Open(b"|", iter(value), True),
    range: lambda value: _parts("range", (value.start, value.stop, value.step)),
    slice: lambda value: _parts("slice", (value.start, value.stop, value.step)),
    dt.datetime: _moment,
    dt.time: _moment,
    dt.timezone: _zone,
    types.MappingProxyType: lambda value: _parts("mappingproxy", (dict(value),)),
}


def _python_scalar(value: Any) -> Any:
    """The Python number or text that a NumPy scalar equals, or None (dates, long doubles, arrays)."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if not kind or kind not in "bifcUS" or getattr(value, "shape", None) != ():
        return None
    if type(value).__hash__ is None:  # an array without dimensions is no scalar
        return None
    # What is narrower counts apart: it rounds and overflows where Python's does not.
    if kind in "ifc" and value.dtype.itemsize != (16 if kind == "c" else 8):
        return None
    scalar = value.item()
    return scalar if type(scalar) in _ATOMS else None


# ---- objects


def unfold(value: Any) -> Fields:
    """The parts of any object that can be copied: its class, how it is rebuilt, its attributes.

    Attributes count by name and not by order; what `cached_property` keeps does not count. A
    function of the standard library or of a package is its name, another one its code too.
    """
    cls = type(value)
    if isinstance(value, type):
        return Fields("class", (type_name(value),))
    if isinstance(value, types.ModuleType):
        return Fields("module", (value.__name__,))
    if isinstance(value, types.FunctionType):
        return _function(value)
    if isinstance(value, types.CodeType):
        return _code(value)
    if isinstance(value, types.CellType):
        return Fields("cell", _cell(value))
    if isinstance(value, types.BuiltinFunctionType) and isinstance(
        value.__self__, types.ModuleType | None
    ):
        return Fields("builtin", (value.__module__, value.__qualname__))
    try:
        special = copyreg.dispatch_table.get(cls)
        reduced: Any = special(value) if special is not None else value.__reduce_ex__(4)
    except Exception as error:  # the object's own code runs here
        raise SerializationError(
            f"a value of '{type_name(cls)}' has no content that can be known: {error}",
            hint="Keep it out of what steps take and return, or register a serializer for it.",
        ) from error
    if isinstance(reduced, str):
        return Fields("global", (type_name(cls), reduced))
    make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    return Fields(
        f"object {type_name(cls)}",
        (
            _maker(make, cls),
            tuple("" if part is cls else part for part in arguments),
            _state(state, cls),
            list(items) if items is not None else None,
            [part for pair in pairs for part in pair] if pairs is not None else None,
        ),
    )


def _maker(make: object, cls: type) -> object:
    return getattr(make, "__qualname__", "") if make is not cls else ""


def _state(state: Any, cls: type) -> object:
    slots: Any = None
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict | None):
        state, slots = state
    if type(state) is dict and all(type(key) is str for key in state):
        if type(inner := state.get("__dict__")) is dict:  # as pydantic gives it
            state = {**state, "__dict__": _attributes(inner, cls)}
        state = _attributes(state, cls)
    if type(slots) is dict:
        slots = _attributes(slots, cls)
    return state if slots is None else (state, slots)


_ADDRESSES = frozenset(("_stop_words_id",))
"""Attributes that are another number in each process: of scikit-learn's vectorizers."""


def _attributes(state: dict[str, Any], cls: type) -> tuple[object, ...]:
    return tuple(
        part
        for name in sorted(state)
        if not isinstance(getattr(cls, name, None), cached_property) and name not in _ADDRESSES
        for part in (name, state[name])
    )


def _function(value: types.FunctionType) -> Fields:
    name = type_name(value)  # type: ignore[arg-type]  # functions have what it reads of classes
    if _installed(value.__module__) and "<" not in value.__qualname__:
        return Fields("function", (name,))
    return Fields(
        "function",
        (name, value.__code__, value.__defaults__, value.__kwdefaults__, value.__closure__),
    )


_COMPUTED = frozenset(("getattr", "vars", "globals", "__dict__"))


def _met(function: types.FunctionType) -> Iterator[object]:
    """What a function's doing hangs on beside its own code, which the walk takes itself."""
    if "<" not in function.__qualname__:
        yield function
    elif not _installed(function.__module__):
        names = tuple(dict.fromkeys(_names(function.__code__)))
        yield from _used(function.__globals__, module_name(function.__module__), names)


def _used(namespace: dict[str, Any], module: str, names: Sequence[str]) -> Iterator[str]:
    """Names in a module; instead of a module that one of them is, those in it, where all are plain."""
    for name in names:
        value = namespace.get(name, namespace)
        if isinstance(value, types.ModuleType):
            others = [other for other in names if other != name]
            inner = tuple(_used(vars(value), module_name(value), others))
            hidden = not inner or not _COMPUTED.isdisjoint(names)
            yield from (f"{module}:{name}",) if hidden else inner
        elif value is not namespace:
            yield f"{module}:{name}"


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names(const)


def _installed(module: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and not is_first_party(getattr(found, "__file__", None))


def _code(value: types.CodeType) -> Fields:
    consts = value.co_consts
    if not value.co_name.startswith("<") and consts and isinstance(consts[0], str):
        consts = (None, *consts[1:])  # the docstring
    names = (value.co_names, value.co_varnames, value.co_freevars)
    counts = (value.co_posonlyargcount, value.co_argcount, value.co_kwonlyargcount)
    taken = (*counts, bool(value.co_flags & CO_VARARGS), bool(value.co_flags & CO_VARKEYWORDS))
    return Fields("code", (value.co_code, value.co_exceptiontable, consts, *names, *taken))


def _cell(value: types.CellType) -> tuple[object, ...]:
    try:
        return (value.cell_contents,)
    except ValueError:
        return ()

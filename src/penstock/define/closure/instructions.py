"""The instruction set of this Python, and code objects decoded by it."""

from __future__ import annotations

import opcode
import sys
from collections.abc import Iterator
from types import CodeType

from msgspec import Struct

Chain = tuple[str, ...]
"""Attributes, one after another."""

NAMES = {name: code for name, code in opcode.opmap.items() if code < 256}
EXTENDED = NAMES["EXTENDED_ARG"]
PLAIN, SKIP, CONST, GLOBAL, ATTRIBUTE, NAMED, LOCAL, CLOSURE, JUMP, GOTO = range(10)
KIND = [PLAIN] * 256
SHIFT = [0] * 256
SAME = list(range(256))
GOTO_TOLD = 1 << 16
ENDS = frozenset(
    NAMES[name]
    for name in ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE")
    if name in NAMES
)
BACKWARD = frozenset(code for name, code in NAMES.items() if "BACKWARD" in name)
# Two loads or stores in one instruction (3.13), where both stand on the same line.
PAIRS: dict[int, tuple[int, int]] = {}


def _describe_instructions() -> None:
    for kind, codes in (
        (CONST, opcode.hasconst),
        (NAMED, opcode.hasname),
        (LOCAL, opcode.haslocal),
        (LOCAL, opcode.hasfree),
        (JUMP, opcode.hasjrel),
    ):
        for code in codes:
            if code < 256:
                KIND[code] = kind
    for kind, names in (
        (SKIP, ("NOP", "MAKE_CELL", "COPY_FREE_VARS", "NOT_TAKEN")),
        (GLOBAL, ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")),
        (ATTRIBUTE, ("LOAD_ATTR", "LOAD_METHOD")),
        (CLOSURE, ("LOAD_CLOSURE",)),
        (GOTO, ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")),
    ):
        for name in names:
            if name in NAMES:
                KIND[NAMES[name]] = kind
    SHIFT[NAMES["LOAD_GLOBAL"]] = 1
    if sys.version_info >= (3, 12):
        SHIFT[NAMES["LOAD_ATTR"]] = 1
        SHIFT[NAMES["LOAD_SUPER_ATTR"]] = 2
    for name, code in NAMES.items():
        if "_BACKWARD" in name:
            SAME[code] = NAMES.get(name.replace("_BACKWARD", "_FORWARD"), code)
        first, middle, second = name.partition("_FAST_")
        if middle and second in ("LOAD_FAST", "STORE_FAST", "LOAD_FAST_BORROW"):
            PAIRS[code] = NAMES[first + "_FAST"], NAMES[second]
    borrow = NAMES.get("LOAD_FAST_BORROW_LOAD_FAST_BORROW")
    if borrow:
        PAIRS[borrow] = (NAMES["LOAD_FAST_BORROW"],) * 2


_describe_instructions()


LOAD_GLOBAL = NAMES["LOAD_GLOBAL"]
PUSH_NULL = NAMES.get("PUSH_NULL", -1)
IMPORT_NAME, IMPORT_FROM = NAMES["IMPORT_NAME"], NAMES["IMPORT_FROM"]
STORE_NAME = NAMES["STORE_NAME"]
CALLS = frozenset(NAMES[name] for name in ("PRECALL", "CALL") if name in NAMES)
STACK = frozenset(NAMES[name] for name in ("SWAP", "POP_TOP", "COPY") if name in NAMES)
STORES = frozenset(
    NAMES[name] for name in ("STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL")
)
LOADS = frozenset(
    NAMES[name]
    for name in (
        "LOAD_FAST",
        "LOAD_FAST_CHECK",
        "LOAD_FAST_BORROW",
        "LOAD_DEREF",
        "LOAD_CLASSDEREF",
        "LOAD_FROM_DICT_OR_DEREF",
        "LOAD_NAME",
        "LOAD_GLOBAL",
    )
    if name in NAMES
)
FAST = frozenset(code for code in LOADS if "FAST" in opcode.opname[code])


# ---- one code object


class Body(Struct, eq=False):
    """One code object, decoded."""

    code: CodeType
    ops: list[int]
    args: list[int]
    units: list[int]
    """Where each instruction starts, in units of two bytes."""
    slots: tuple[str, ...]

    def name(self, i: int) -> str:
        return self.code.co_names[self.args[i] >> SHIFT[self.ops[i]]]

    def variable(self, i: int) -> str:
        """What a load or store of any kind names."""
        if KIND[self.ops[i]] in (GLOBAL, NAMED):
            return self.name(i)
        return self.slots[self.args[i]]

    def chain(self, i: int) -> tuple[Chain, int]:
        """The attributes loaded one after another from `i` on, and what comes then."""
        names = []
        while i < len(self.ops) and KIND[self.ops[i]] == ATTRIBUTE:
            names.append(self.name(i))
            i += 1
        return tuple(names), i

    def literal(self, i: int) -> str | None:
        while i < len(self.ops) and self.ops[i] == PUSH_NULL:
            i += 1
        value = self.constant(i) if i < len(self.ops) else None
        return value if isinstance(value, str) else None

    def constant(self, i: int) -> object:
        kind = KIND[self.ops[i]]
        return self.code.co_consts[self.args[i]] if kind == CONST else self.args[i]


def decode(code: CodeType) -> Body:
    ops: list[int] = []
    args: list[int] = []
    units: list[int] = []
    raw = code.co_code
    extended, start = 0, -1
    for unit, (op, arg) in enumerate(zip(raw[::2], raw[1::2], strict=True)):
        if op == 0:  # a cache entry
            continue
        if op == EXTENDED:
            if start < 0:
                start = unit
            extended = (extended | arg) << 8
            continue
        if op in PAIRS:
            first, second = PAIRS[op]
            ops += (first, second)
            args += (arg >> 4, arg & 15)
            units += (unit, unit)
            continue
        ops.append(op)
        args.append(extended | arg)
        units.append(unit if start < 0 else start)
        extended, start = 0, -1
    own = code.co_varnames
    cells = tuple(name for name in code.co_cellvars if name not in own)
    return Body(code, ops, args, units, own + cells + code.co_freevars)


def handlers(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Start, end, target (in units of two bytes), and depth with the flag "lasti"."""
    numbers = []
    value, more = 0, False
    for byte in table:
        value = (value << 6 if more else 0) | byte & 63
        more = bool(byte & 64)
        if not more:
            numbers.append(value)
    for k in range(0, len(numbers), 4):
        start, length, target, depth = numbers[k : k + 4]
        yield start, start + length, target, depth

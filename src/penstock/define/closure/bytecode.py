"""What a code object says, apart from where it stands: its instructions, and the names that it uses.

Line numbers, jumps to jumps, the order of tables, docstrings, unused constants and the names of local
variables leave no trace. What is left is digested; what a name means is for the walk to find out.
"""

from __future__ import annotations

import opcode
import re
import sys
from array import array
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from blake3 import blake3
from msgspec import Struct

COMPUTED = "?"
"""Stands in a chain for an attribute whose name is computed: `getattr(module, name)`."""

Chain = tuple[str, ...]


class Use(Struct, frozen=True):
    """A global name as the code uses it: `name.a.b`, and what it is called with first."""

    name: str
    chain: Chain
    literal: str | None = None
    """Of `import_module("x")`: its argument, where that is a literal."""
    result: tuple[Use, ...] = ()
    """How the result of that call is used."""


class Import(Struct, frozen=True):
    """An import statement inside a function: what is bound, and how that is used."""

    module: str
    level: int
    item: str
    """Of `from module import item`; "" binds the module, "." its topmost package."""
    uses: tuple[Use, ...]


class Facts(Struct, frozen=True):
    content: str
    """Digest of the instructions, in which each global or free name is only a number."""
    uses: tuple[Use, ...]
    """In the order of those numbers."""
    free: tuple[str, ...]
    """Free variables, in the order of their numbers."""
    imports: tuple[Import, ...]
    attributes: frozenset[str]
    """Every attribute name that occurs."""
    locals: tuple[tuple[str, int], ...]
    """Names of local variables that do not count, with their numbers."""


def facts(code: CodeType) -> Facts:
    """The facts of a code object; remembered for as long as the process lives."""
    known = _FACTS.get(id(code))
    if known is None:
        known = _FACTS[id(code)] = (code, _Scan().facts(code))
    return known[1]


_FACTS: dict[int, tuple[CodeType, Facts]] = {}


# ---- the instruction set of this Python

_NAMES = {name: code for name, code in opcode.opmap.items() if code < 256}
_EXTENDED = _NAMES["EXTENDED_ARG"]
_PLAIN, _SKIP, _CONST, _GLOBAL, _ATTRIBUTE, _NAMED, _LOCAL, _CLOSURE, _JUMP, _GOTO = range(10)
_KIND = [_PLAIN] * 256
_SHIFT = [0] * 256
_SAME = list(range(256))
_GOTO_TOLD = 1 << 16
_ENDS = frozenset(
    _NAMES[name]
    for name in ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE")
    if name in _NAMES
)
_BACKWARD = frozenset(code for name, code in _NAMES.items() if "BACKWARD" in name)
# Two loads or stores in one instruction (3.13), where both stand on the same line.
_PAIRS: dict[int, tuple[int, int]] = {}


def _describe_instructions() -> None:
    for kind, codes in (
        (_CONST, opcode.hasconst),
        (_NAMED, opcode.hasname),
        (_LOCAL, opcode.haslocal),
        (_LOCAL, opcode.hasfree),
        (_JUMP, opcode.hasjrel),
    ):
        for code in codes:
            if code < 256:
                _KIND[code] = kind
    for kind, names in (
        (_SKIP, ("NOP", "MAKE_CELL", "COPY_FREE_VARS", "NOT_TAKEN")),
        (_GLOBAL, ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")),
        (_ATTRIBUTE, ("LOAD_ATTR", "LOAD_METHOD")),
        (_CLOSURE, ("LOAD_CLOSURE",)),
        (_GOTO, ("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")),
    ):
        for name in names:
            if name in _NAMES:
                _KIND[_NAMES[name]] = kind
    _SHIFT[_NAMES["LOAD_GLOBAL"]] = 1
    if sys.version_info >= (3, 12):
        _SHIFT[_NAMES["LOAD_ATTR"]] = 1
        _SHIFT[_NAMES["LOAD_SUPER_ATTR"]] = 2
    for name, code in _NAMES.items():
        if "_BACKWARD" in name:
            _SAME[code] = _NAMES.get(name.replace("_BACKWARD", "_FORWARD"), code)
        first, middle, second = name.partition("_FAST_")
        if middle and second in ("LOAD_FAST", "STORE_FAST", "LOAD_FAST_BORROW"):
            _PAIRS[code] = _NAMES[first + "_FAST"], _NAMES[second]
    borrow = _NAMES.get("LOAD_FAST_BORROW_LOAD_FAST_BORROW")
    if borrow:
        _PAIRS[borrow] = (_NAMES["LOAD_FAST_BORROW"],) * 2


_describe_instructions()


def _threads() -> dict[tuple[int, int], tuple[int, bool]]:
    """A jump that keeps the value it tested, and the jump it meets: what both come to, and whether
    that goes on behind the second. The compiler does this only where both stand on one line."""
    found = {}
    keeps = {s: _NAMES.get(f"JUMP_IF_{s}_OR_POP") for s in ("TRUE", "FALSE")}
    pops = {s: _NAMES.get(f"POP_JUMP_FORWARD_IF_{s}") for s in ("TRUE", "FALSE")}
    for sense, other in (("TRUE", "FALSE"), ("FALSE", "TRUE")):
        keep, pop = keeps[sense], pops[sense]
        if keep is None or pop is None:  # From 3.12 on there are none.
            continue
        found[keep, keep] = keep, False
        found[keep, pop] = pop, False
        for met in (keeps[other], pops[other]):
            if met is not None:
                found[keep, met] = pop, True
    return found


_THREADS = _threads()
_INVERSE = {
    _NAMES[f"POP_JUMP_IF_{one}"]: _NAMES[f"POP_JUMP_IF_{other}"]
    for one, other in (
        *(("TRUE", "FALSE"), ("FALSE", "TRUE")),
        *(("NONE", "NOT_NONE"), ("NOT_NONE", "NONE")),
    )
    if f"POP_JUMP_IF_{one}" in _NAMES
}

_LOAD_GLOBAL = _NAMES["LOAD_GLOBAL"]
_PUSH_NULL = _NAMES.get("PUSH_NULL", -1)
_IMPORT_NAME, _IMPORT_FROM = _NAMES["IMPORT_NAME"], _NAMES["IMPORT_FROM"]
_STORE_NAME = _NAMES["STORE_NAME"]
_CALLS = frozenset(_NAMES[name] for name in ("PRECALL", "CALL") if name in _NAMES)
_STACK = frozenset(_NAMES[name] for name in ("SWAP", "POP_TOP", "COPY") if name in _NAMES)
_STORES = frozenset(
    _NAMES[name] for name in ("STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL")
)
_LOADS = frozenset(
    _NAMES[name]
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
    if name in _NAMES
)
_FAST = frozenset(code for code in _LOADS if "FAST" in opcode.opname[code])
# Generator, coroutine, *args …; not "nested", the future statements, or "has a docstring".
_FLAGS = 0x3EF
_REFLECTS = frozenset(("getattr", "hasattr", "setattr", "delattr"))
# Stored in a class body by the compiler; they say where the class stands, or what it is for.
_UNTOLD = frozenset(("__doc__", "__firstlineno__", "__static_attributes__"))
# Who reads the names of its caller's local variables: these, and whoever is given a text with one.
_FRAME_READERS = frozenset(
    ("locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack", "query", "sql")
) | frozenset(("execute", "read_sql", "from_formula", "dmatrix", "dmatrices"))
_WORD = re.compile(r"\w+")


class _Body(Struct, eq=False):
    """One code object, decoded."""

    code: CodeType
    ops: list[int]
    args: list[int]
    units: list[int]
    """Where each instruction starts, in units of two bytes."""
    slots: tuple[str, ...]

    def name(self, i: int) -> str:
        return self.code.co_names[self.args[i] >> _SHIFT[self.ops[i]]]

    def variable(self, i: int) -> str:
        """What a load or store of any kind names."""
        if _KIND[self.ops[i]] in (_GLOBAL, _NAMED):
            return self.name(i)
        return self.slots[self.args[i]]

    def chain(self, i: int) -> tuple[Chain, int]:
        """The attributes loaded one after another from `i` on, and what comes then."""
        names = []
        while i < len(self.ops) and _KIND[self.ops[i]] == _ATTRIBUTE:
            names.append(self.name(i))
            i += 1
        return tuple(names), i

    def literal(self, i: int) -> str | None:
        while i < len(self.ops) and self.ops[i] == _PUSH_NULL:
            i += 1
        value = self.constant(i) if i < len(self.ops) else None
        return value if isinstance(value, str) else None

    def constant(self, i: int) -> object:
        kind = _KIND[self.ops[i]]
        return self.code.co_consts[self.args[i]] if kind == _CONST else self.args[i]


def _decode(code: CodeType) -> _Body:
    ops: list[int] = []
    args: list[int] = []
    units: list[int] = []
    raw = code.co_code
    extended, start = 0, -1
    for unit, (op, arg) in enumerate(zip(raw[::2], raw[1::2], strict=True)):
        if op == 0:  # a cache entry
            continue
        if op == _EXTENDED:
            if start < 0:
                start = unit
            extended = (extended | arg) << 8
            continue
        if op in _PAIRS:
            first, second = _PAIRS[op]
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
    return _Body(code, ops, args, units, own + cells + code.co_freevars)


def words_of(texts: Iterable[str]) -> set[str]:
    """The words of texts that are more than one word: a query may name a variable by one."""
    return {word for text in texts if not text.isidentifier() for word in _WORD.findall(text)}


# ---- the scan


class _Scope(Struct, eq=False):
    """The variables of one code object, numbered in the order of first use."""

    base: int
    outer: _Scope | None
    free: frozenset[str]
    ids: dict[str, int]

    def id(self, name: str) -> int:
        known = self.ids.get(name)
        if known is None:
            if name in self.free and self.outer is not None:
                return self.outer.id(name)
            known = self.ids[name] = self.base + len(self.ids)
        return known


class _Flow:
    """Where the jumps of a body lead."""

    __slots__ = ("at", "body", "targets")

    def __init__(self, body: _Body) -> None:
        self.body = body
        self.at: dict[int, int] = {}
        self.targets: dict[int, int] = {}
        jumps = [i for i, op in enumerate(body.ops) if _KIND[op] >= _JUMP]
        if not jumps and not body.code.co_exceptiontable:
            return
        units = (*body.units, len(body.code.co_code) // 2)
        self.at = dict(zip(reversed(units), range(len(units) - 1, -1, -1), strict=True))
        for i in jumps:
            arg = -body.args[i] if body.ops[i] in _BACKWARD else body.args[i]
            self.targets[i] = self.at[units[i + 1] + arg]

    def landing(self, i: int) -> int:
        """Where one gets to from `i` without doing anything; in an empty endless loop, nowhere else."""
        ops = self.body.ops
        passed = set()
        while i < len(ops) and i not in passed and _KIND[ops[i]] in (_SKIP, _GOTO):
            passed.add(i)
            i = i + 1 if _KIND[ops[i]] == _SKIP else self.targets[i]
        return i

    def past(self, i: int) -> int:
        """The jump that the conditional one at `i` jumps around; 0 if it does not."""
        ops, goto = self.body.ops, i + 1
        while _KIND[ops[goto]] == _SKIP:
            goto += 1
        around = _KIND[ops[goto]] == _GOTO
        return goto if around and self.landing(self.targets[i]) == self.landing(goto + 1) else 0

    def guards(self, place: list[int]) -> tuple[tuple[int, int, int, int], ...]:
        """The ranges of a stream that have a handler; ranges that meet and have the same are one."""
        found: list[tuple[int, int, int, int]] = []
        for start, stop, handler, depth in _handlers(self.body.code.co_exceptiontable):
            to = place[self.landing(self.at[handler])]
            guard = (place[self.at[start]], place[self.at[stop]], to, depth)
            if found and found[-1][1:] == (guard[0], *guard[2:]):
                guard = (found.pop()[0], *guard[1:])
            if guard[0] < guard[1]:
                found.append(guard)
        return tuple(found)


class _Scan(Struct, eq=False):
    bodies: list[_Body] = []
    scopes: list[_Scope] = []
    numbers: dict[str, int] = {}
    uses: dict[str, dict[Use, None]] = {}
    attributes: set[str] = set()
    texts: list[str] = []
    importing: bool = False

    def facts(self, code: CodeType) -> Facts:
        told = self.code(code, None)
        local = sorted({pair for scope in self.scopes for pair in scope.ids.items()})
        named = self.named(local)
        root = self.scopes[0]
        free = [name for name in root.ids if name in root.free]
        told = (told, tuple(root.ids[name] for name in free), tuple(named))
        return Facts(
            content=blake3(repr(told).encode("utf-8", "surrogatepass")).hexdigest(),
            uses=tuple(use for name in self.numbers for use in sorted(self.uses[name], key=_rank)),
            free=tuple(free),
            imports=tuple(self.imports()) if self.importing else (),
            attributes=frozenset(self.attributes),
            locals=tuple(pair for pair in local if pair not in named),
        )

    def named(self, local: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """The variables whose names matter, since someone may look them up by name."""
        if not _FRAME_READERS.isdisjoint(self.attributes | self.numbers.keys()):
            return local
        words = words_of(self.texts)
        return [(name, id) for name, id in local if name in words]

    def code(self, code: CodeType, outer: _Scope | None) -> tuple[Any, ...]:
        body = _decode(code)
        self.bodies.append(body)
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & 4) + bool(code.co_flags & 8)
        parameters = code.co_varnames[:count]
        base = len(self.scopes) << 16
        ids = {name: base + i for i, name in enumerate(parameters)}
        scope = _Scope(base, outer, frozenset(code.co_freevars), ids)
        self.scopes.append(scope)
        return (
            code.co_posonlyargcount,
            code.co_argcount,
            code.co_kwonlyargcount,
            code.co_flags & _FLAGS,
            parameters,
            *self.instructions(body, scope),
        )

    def instructions(self, body: _Body, scope: _Scope) -> tuple[Any, ...]:
        """The stream as numbers, the guarded ranges in it, and the constants and names it numbers.

        Unconditional jumps are not told, only where they lead: whether one exists depends on lines.
        """
        code, ops, args = body.code, body.ops, body.args
        out: list[int] = []
        place: list[int] = []  # of each instruction in `out`, or where it would be
        jumps: list[tuple[int, int]] = []  # where in `out` the place of which instruction belongs
        constants: dict[int, int] = {}
        names: dict[str, int] = {}
        falls = fresh = True
        past = 0
        flow = _Flow(body)
        for i, op in enumerate(ops):
            kind = _KIND[op]
            place.append(len(out))
            if kind == _PLAIN:
                out += (op, args[i])
            elif kind == _LOCAL:
                name = body.slots[args[i]]
                # From 3.13 on a cell is loaded for a closure as if it were a local variable.
                if op in _FAST and (name in code.co_cellvars or name in scope.free):
                    continue
                out += (op, scope.id(name))
            elif kind == _CONST:
                fresh = args[i] not in constants
                out += (op, constants.setdefault(args[i], len(constants)))
            elif kind == _GLOBAL:
                name = code.co_names[args[i] >> _SHIFT[op]]
                number = self.numbers.setdefault(name, len(self.numbers))
                out += (op, number << 1 | args[i] & _SHIFT[op])
                self.use(body, i, name)
            elif kind == _JUMP:
                past = flow.past(i) if op in _INVERSE else 0
                if past:  # "unless, go there" around a jump is "if, go" where that leads
                    jumps.append((len(out) + 1, past))
                    out += (_INVERSE[op], 0)
                else:
                    jumps.append((len(out) + 1, i))
                    out += (_SAME[op], 0)
            elif kind == _GOTO:
                if falls and i != past:
                    jumps.append((len(out) + 1, i))
                    out += (_GOTO_TOLD, 0)
            elif kind in (_NAMED, _ATTRIBUTE):
                name = code.co_names[args[i] >> _SHIFT[op]]
                if op == _STORE_NAME and name in _UNTOLD:
                    del out[-2:]  # and the constant that was loaded for it
                    if fresh:
                        constants.popitem()
                    continue
                flags = args[i] & (1 << _SHIFT[op]) - 1
                out += (op, names.setdefault(name, len(names)) << 2 | flags)
                self.importing = self.importing or op == _IMPORT_NAME
            falls = op not in _ENDS and kind != _GOTO
        place.append(len(out))
        for where, i in jumps:
            goal = flow.landing(flow.targets[i])
            # A test on the way of a value just tested is decided already.
            while (then := _THREADS.get((out[where - 1], _SAME[ops[goal]]))) is not None:
                out[where - 1], goes_on = then
                goal = flow.landing(goal + 1 if goes_on else flow.targets[goal])
            out[where] = place[goal]
        self.attributes.update(names)
        told = [self.constant(code.co_consts[index], scope) for index in constants]
        return array("I", out).tobytes(), flow.guards(place), told, tuple(names)

    def constant(self, value: object, scope: _Scope) -> object:
        """Something whose repr tells the value and its type, and nothing else."""
        if isinstance(value, CodeType):
            return [value.co_name, self.code(value, scope)]
        if isinstance(value, str):
            self.texts.append(value)
            return value
        if isinstance(value, tuple):
            return tuple(self.constant(item, scope) for item in value)
        if isinstance(value, frozenset):
            return ["set", sorted(repr(self.constant(item, scope)) for item in value)]
        return value

    # -- how names are used

    def use(self, body: _Body, i: int, name: str) -> None:
        found = self.used(body, i, name)
        self.uses.setdefault(name, {})[found] = None

    def used(self, body: _Body, i: int, name: str) -> Use:
        """How the thing is used that was loaded at `i`."""
        chain, after = body.chain(i + 1)
        literal = body.literal(after)
        before = i - 1
        while before >= 0 and body.ops[before] == _PUSH_NULL:
            before -= 1
        if before >= 0 and body.ops[before] == _LOAD_GLOBAL and body.name(before) in _REFLECTS:
            return Use(name, (*chain, literal or COMPUTED))
        if literal is None or not (chain[-1:] or (name,))[0].endswith(
            ("import_module", "import__")
        ):
            return Use(name, chain)
        while after < len(body.ops) and body.ops[after] not in _CALLS:
            after += 1
        while after < len(body.ops) and body.ops[after] in _CALLS:
            after += 1
        return Use(name, chain, literal, self.bound(body, after))

    def bound(self, body: _Body, i: int) -> tuple[Use, ...]:
        """How the value on the stack is used from `i` on: stored and used by name, or at once."""
        if i >= len(body.ops) or body.ops[i] not in _STORES:
            return (Use("", body.chain(i)[0]),)
        variable = body.variable(i)
        found = {
            self.used(other, k, variable)
            for other in _all(self.bodies[0].code)
            for k, op in enumerate(other.ops)
            if op in _LOADS
            and other.variable(k) == variable
            and not (op in _FAST and variable in other.code.co_cellvars)
        }
        return tuple(sorted(found, key=_rank))

    def imports(self) -> Iterator[Import]:
        for body in self.bodies:
            for i, op in enumerate(body.ops):
                if op == _IMPORT_NAME:
                    yield from self.imported(body, i)

    def imported(self, body: _Body, i: int) -> Iterator[Import]:
        module = body.name(i)
        level, items = body.constant(i - 2), body.constant(i - 1)
        level = level if isinstance(level, int) else 0
        i += 1
        if items:
            while i + 1 < len(body.ops) and body.ops[i] == _IMPORT_FROM:
                yield Import(module, level, body.name(i), self.bound(body, i + 1))
                i += 2
            return
        top = "." in module
        while i < len(body.ops) and (body.ops[i] == _IMPORT_FROM or body.ops[i] in _STACK):
            top = top and body.ops[i] != _IMPORT_FROM
            i += 1
        yield Import(module, level, "." if top else "", self.bound(body, i))


def _all(code: CodeType) -> Iterator[_Body]:
    """This code and what is nested in it."""
    yield _decode(code)
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _all(value)


def _handlers(table: bytes) -> Iterator[tuple[int, int, int, int]]:
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


def _rank(use: Use) -> tuple[Any, ...]:
    return use.chain, use.literal or "", len(use.result)

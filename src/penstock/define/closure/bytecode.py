"""What a code object says, apart from where it stands: its instructions, and the names that it uses.

Line numbers, jumps to jumps, the order of tables, docstrings, unused constants and the names of local
variables leave no trace. What is left is digested; what a name means is for the walk to find out.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from blake3 import blake3
from msgspec import Struct

from penstock.define.closure.flow import INVERSE, THREADS, Flow
from penstock.define.closure.instructions import (
    ATTRIBUTE,
    CALLS,
    CONST,
    ENDS,
    FAST,
    GLOBAL,
    GOTO,
    GOTO_TOLD,
    IMPORT_FROM,
    IMPORT_NAME,
    JUMP,
    KIND,
    LOAD_GLOBAL,
    LOADS,
    LOCAL,
    NAMED,
    PLAIN,
    PUSH_NULL,
    SAME,
    SHIFT,
    STACK,
    STORE_NAME,
    STORES,
    Body,
    Chain,
    decode,
)
from penstock.define.closure.item import LONG

COMPUTED = "?"
"""Stands in a chain for an attribute whose name is computed: `getattr(module, name)`."""


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


class _Scan(Struct, eq=False):
    bodies: list[Body] = []
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
        body = decode(code)
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

    def instructions(self, body: Body, scope: _Scope) -> tuple[Any, ...]:
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
        flow = Flow(body)
        for i, op in enumerate(ops):
            kind = KIND[op]
            place.append(len(out))
            if kind == PLAIN:
                out += (op, args[i])
            elif kind == LOCAL:
                name = body.slots[args[i]]
                # From 3.13 on a cell is loaded for a closure as if it were a local variable.
                if op in FAST and (name in code.co_cellvars or name in scope.free):
                    continue
                out += (op, scope.id(name))
            elif kind == CONST:
                fresh = args[i] not in constants
                out += (op, constants.setdefault(args[i], len(constants)))
            elif kind == GLOBAL:
                name = code.co_names[args[i] >> SHIFT[op]]
                number = self.numbers.setdefault(name, len(self.numbers))
                out += (op, number << 1 | args[i] & SHIFT[op])
                self.use(body, i, name)
            elif kind == JUMP:
                past = flow.past(i) if op in INVERSE else 0
                if past:  # "unless, go there" around a jump is "if, go" where that leads
                    jumps.append((len(out) + 1, past))
                    out += (INVERSE[op], 0)
                else:
                    jumps.append((len(out) + 1, i))
                    out += (SAME[op], 0)
            elif kind == GOTO:
                if falls and i != past:
                    jumps.append((len(out) + 1, i))
                    out += (GOTO_TOLD, 0)
            elif kind in (NAMED, ATTRIBUTE):
                name = code.co_names[args[i] >> SHIFT[op]]
                if op == STORE_NAME and name in _UNTOLD:
                    del out[-2:]  # and the constant that was loaded for it
                    if fresh:
                        constants.popitem()
                    continue
                flags = args[i] & (1 << SHIFT[op]) - 1
                out += (op, names.setdefault(name, len(names)) << 2 | flags)
                self.importing = self.importing or op == IMPORT_NAME
            falls = op not in ENDS and kind != GOTO
        place.append(len(out))
        for where, i in jumps:
            goal = flow.landing(flow.targets[i])
            # A test on the way of a value just tested is decided already.
            while (then := THREADS.get((out[where - 1], SAME[ops[goal]]))) is not None:
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
        # Python writes no long number in decimals.
        return hex(value).encode() if type(value) is int and value.bit_length() > LONG else value

    # -- how names are used

    def use(self, body: Body, i: int, name: str) -> None:
        found = self.used(body, i, name)
        self.uses.setdefault(name, {})[found] = None

    def used(self, body: Body, i: int, name: str) -> Use:
        """How the thing is used that was loaded at `i`."""
        chain, after = body.chain(i + 1)
        literal = body.literal(after)
        before = i - 1
        while before >= 0 and body.ops[before] == PUSH_NULL:
            before -= 1
        imports = (chain[-1:] or (name,))[0].endswith(("import_module", "import__"))
        reflects = before >= 0 and body.ops[before] == LOAD_GLOBAL
        if reflects and body.name(before) in _REFLECTS and not imports:
            return Use(name, (*chain, literal or COMPUTED))
        if literal is None or not imports:
            return Use(name, chain)
        while after < len(body.ops) and body.ops[after] not in CALLS:
            after += 1
        while after < len(body.ops) and body.ops[after] in CALLS:
            after += 1
        return Use(name, chain, literal, self.bound(body, after))

    def bound(self, body: Body, i: int) -> tuple[Use, ...]:
        """How the value on the stack is used from `i` on: stored and used by name, or at once."""
        if i >= len(body.ops) or body.ops[i] not in STORES:
            return (Use("", body.chain(i)[0]),)
        variable = body.variable(i)
        found = {
            self.used(other, k, variable)
            for other in _all(self.bodies[0].code)
            for k, op in enumerate(other.ops)
            if op in LOADS
            and other.variable(k) == variable
            and not (op in FAST and variable in other.code.co_cellvars)
        }
        return tuple(sorted(found, key=_rank))

    def imports(self) -> Iterator[Import]:
        for body in self.bodies:
            for i, op in enumerate(body.ops):
                if op == IMPORT_NAME:
                    yield from self.imported(body, i)

    def imported(self, body: Body, i: int) -> Iterator[Import]:
        module = body.name(i)
        level, items = body.constant(i - 2), body.constant(i - 1)
        level = level if isinstance(level, int) else 0
        i += 1
        if items:
            while i + 1 < len(body.ops) and body.ops[i] == IMPORT_FROM:
                yield Import(module, level, body.name(i), self.bound(body, i + 1))
                i += 2
            return
        top = "." in module
        while i < len(body.ops) and (body.ops[i] == IMPORT_FROM or body.ops[i] in STACK):
            top = top and body.ops[i] != IMPORT_FROM
            i += 1
        yield Import(module, level, "." if top else "", self.bound(body, i))


def _all(code: CodeType) -> Iterator[Body]:
    """This code and what is nested in it."""
    yield decode(code)
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _all(value)


def _rank(use: Use) -> tuple[Any, ...]:
    return use.chain, use.literal or "", len(use.result)

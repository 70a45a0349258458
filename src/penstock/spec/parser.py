"""Expressions read: `split.train`, `$depth * 2`, `evaluate["auc"] > 0.9`, `Path("a.csv")`."""

from __future__ import annotations

import ast
from collections import namedtuple
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from penstock.core.calls import assemble
from penstock.core.graph import (
    Access,
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
from penstock.core.place import near
from penstock.core.secret import SOURCES
from penstock.errors import UsageError
from penstock.spec.calls import CALLS
from penstock.spec.text import BINARY, DATE
from penstock.spec.tokens import END, Token, tokens
from penstock.spec.values import Constructed, Named

DEEPEST = 100
"""Levels of brackets."""
COMPARED = 4
LEVELS: Mapping[str, int] = {
    "or": 1, "and": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), COMPARED),
    "|": 5, "&": 6, "+": 7, "-": 7, "*": 8, "/": 8, "//": 8, "%": 8, "**": 10,
}  # fmt: skip
"""As in Python: what binds closer has the higher number."""
NOT, SIGNED = 3, 9
OPERATORS = {**{sign: op for op, sign in BINARY.items()}, "and": "and_", "or": "or_"}
CONSTANTS = {"None": None, "True": True, "False": False}


def parse(text: str, steps: Collection[str], params: Collection[str]) -> Input:
    """The input that an expression means, in a graph of these steps and parameters.

    Raises UsageError.
    """
    parser = _Parser(text, steps, params)
    source = parser.expression(0)
    parser.expect(END)
    _shallow(source)
    return source


def built(
    kind: Any, items: Sequence[Input], keys: tuple[Any, ...] = (), cls: str | None = None
) -> Input:
    """A container of inputs: a literal if all that it holds are."""
    if not all(isinstance(item, Literal) for item in items):
        return Build(kind, tuple(items), keys, cls)
    values = [item.value for item in items if isinstance(item, Literal)]
    if kind == "namedtuple":
        if cls is not None:
            return Literal(Constructed(cls, dict(zip(keys, values, strict=True))), "")
        return Build(kind, tuple(items), keys, cls)
    return Literal(assemble(kind, values, keys, None), "")


class _Parser:
    def __init__(self, text: str, steps: Collection[str], params: Collection[str]) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._steps = steps
        self._params = params
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _skip(self, text: str) -> bool:
        if self._next.kind in ("sign", "name") and self._next.text == text:
            self._at += 1
            return True
        return False

    def expect(self, wanted: Token) -> None:
        token = self._take()
        if token != wanted:
            what = f"'{token.text}'" if token.text else "the end"
            more = f"'{wanted.text}'" if wanted.text else "the end"
            raise UsageError(f"{what} stands where {more} was expected")

    # ---- operators

    def expression(self, level: int) -> Input:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UsageError(f"an expression of more than {DEEPEST} levels")
        left = self._prefixed()
        compared = False
        joined = 0
        while (token := self._next).text in LEVELS and token.kind in ("sign", "name"):
            here = LEVELS[token.text]
            if here <= level:
                break
            if here == COMPARED and compared:
                raise UsageError("comparisons cannot be chained", hint="Write (a < b) & (b < c).")
            compared = here == COMPARED
            self._take()
            joined += 1
            if joined > DEEPEST:
                raise UsageError(f"an expression of more than {DEEPEST} operators")
            # `a ** b ** c` is `a ** (b ** c)`; all others go from left to right.
            right = self.expression(here - 1 if token.text == "**" else here)
            left = Expr(OPERATORS[token.text], (left, right))
        self._depth -= 1
        return left

    def _prefixed(self) -> Input:
        if self._skip("not"):
            return Expr("not_", (self.expression(NOT - 1),))
        if self._skip("~"):
            return Expr("invert", (self.expression(SIGNED - 1),))
        if self._skip("-"):
            number = self._next.kind == "number"
            inner = self.expression(SIGNED)
            if number and isinstance(inner, Literal) and isinstance(inner.value, int | float):
                return Literal(-inner.value, "")
            return Expr("neg", (inner,))
        return self._accessed(self._atom())

    def _accessed(self, source: Input) -> Input:
        for _ in range(DEEPEST + 1):
            if self._skip("."):
                token = self._take()
                if token.kind != "name" or not token.text.isidentifier():
                    raise UsageError(f"'.{token.text}' names no attribute")
                source = _into(source, Access("attribute", token.text))
            elif self._skip("["):
                key = self.expression(0)
                self.expect(Token("sign", "]"))
                value = key.value if isinstance(key, Literal) else None
                if isinstance(value, bool) or not isinstance(value, str | int):
                    raise UsageError('only a name or a number goes into […]: score["auc"]')
                source = _into(source, Access("item", value))
            else:
                return source
        raise _too_far()

    # ---- what operators join

    def _atom(self) -> Input:
        token = self._take()
        match token:
            case Token("number" | "string", text):
                return Literal(_constant(text), "")
            case Token("param", text):
                return self._param(text[1:])
            case Token("code", text):
                return self._of_code(text)
            case Token("name", text) if self._next.text == "(" and text[0] != "`":
                return self._call(text)
            case Token("name", text) if text in CONSTANTS:
                return Literal(CONSTANTS[text], "")
            case Token("name", text):
                return self._step(text.strip("`"))
            case Token("sign", "("):
                return self._bracketed()
            case Token("sign", "["):
                return built("list", self._items("]"))
            case Token("sign", "{"):
                return self._braced()
        told = f"'{token.text}' stands" if token.text else "the expression ends"
        raise UsageError(f"{told} where a value was expected")

    def _param(self, text: str) -> Input:
        if text[0] == "`":
            return ParamRef(self._known(text.strip("`"), self._params, "parameter"))
        parts = text.split(".")
        if len(parts) > DEEPEST:
            raise _too_far()
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            if name in self._params:
                source: Input = ParamRef(name)
                for part in parts[count:]:
                    source = _into(source, Access("attribute", part))
                return source
        return ParamRef(self._known(parts[0], self._params, "parameter"))

    def _step(self, name: str) -> Input:
        if name in self._params and name not in self._steps:
            raise UsageError(f"no step '{name}'", hint=f"The parameter of this name is ${name}.")
        return OutputRef(self._known(name, self._steps, "step"))

    def _known(self, name: str, known: Collection[str], what: str) -> str:
        if name not in known:
            raise UsageError(f"no {what} '{name}'", hint=near(name, known))
        return name

    def _bracketed(self) -> Input:
        items, comma = self._listed(")")
        return items[0] if len(items) == 1 and not comma else built("tuple", items)

    def _items(self, end: str) -> list[Input]:
        return self._listed(end)[0]

    def _listed(self, end: str) -> tuple[list[Input], bool]:
        """What stands between commas, and whether the last has one behind it."""
        items: list[Input] = []
        comma = False
        while not self._skip(end):
            items.append(self.expression(0))
            comma = self._skip(",")
            if not comma:
                self.expect(Token("sign", end))
                break
        return items, comma

    def _braced(self) -> Input:
        keys: list[Any] = []
        items: list[Input] = []
        pairs = True
        while not self._skip("}"):
            item = self.expression(0)
            if not items:
                pairs = self._next.text == ":"
            if pairs:
                self.expect(Token("sign", ":"))
                keys.append(_literal(item, "a key"))
                item = self.expression(0)
            items.append(item)
            if not self._skip(","):
                self.expect(Token("sign", "}"))
                break
        try:
            if not pairs:
                return Literal({_literal(item, "an element of a set") for item in items}, "")
            if len(set(keys)) < len(keys):
                raise UsageError("a key stands twice in {…}")
            return built("dict", items, tuple(keys))
        except TypeError as error:
            raise UsageError(f"{{…}} cannot be made: {error}") from None

    # ---- calls

    def _call(self, name: str) -> Input:
        self.expect(Token("sign", "("))
        match name:
            case "either":
                if not (options := self._items(")")):
                    raise UsageError("either() has nothing to choose from", hint="Name two steps.")
                return FirstOf(tuple(options))
            case "secret":
                return _secret(self._text(name))
            case "ref":
                return SourceRef(self._text(name))
            case _ if name == DATE:
                kind = self._take().text if self._next.kind == "name" else ""
                self.expect(Token("sign", ")"))
                if kind not in ("", "datetime", "str"):
                    raise UsageError(f"{DATE}({kind})", hint="Write datetime, str, or nothing.")
                return Expr(DATE, (Literal(kind or "date", ""),))
            case "namedtuple":
                keys, items = self._keywords()
                try:
                    namedtuple(name, keys)
                except ValueError as error:
                    raise UsageError(f"{name}(…) cannot be made: {error}") from None
                return built(name, items, keys)
        if name not in CALLS:
            words = (*CALLS, "either", "secret", "ref", DATE)
            raise UsageError(f"'{name}' cannot be called here", hint=near(name, words))
        positional, named = self._arguments(name)
        try:
            return Literal(CALLS[name](*positional, **named), "")
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise UsageError(f"{name}(…) cannot be made: {error}") from None

    def _text(self, name: str) -> str:
        (value, *rest) = [_literal(item, f"what {name}(…) takes") for item in self._items(")")] or [
            None
        ]
        if rest or not isinstance(value, str):
            raise UsageError(f"{name}(…) takes one text in quotes")
        return value

    def _arguments(self, name: str) -> tuple[list[Any], dict[str, Any]]:
        positional: list[Any] = []
        named: dict[str, Any] = {}
        while not self._skip(")"):
            keyword = self._keyword(named)
            value = _literal(self.expression(0), f"an argument of {name}(…)")
            if keyword:
                named[keyword] = value
            else:
                positional.append(value)
            if not self._skip(","):
                self.expect(Token("sign", ")"))
                break
        return positional, named

    def _keyword(self, seen: Collection[str]) -> str:
        following = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if self._next.kind == "name" and following == Token("sign", "="):
            word = self._take().text
            self._take()
            if word in seen:
                raise UsageError(f"'{word}' stands twice")
            return word
        return ""

    def _keywords(self) -> tuple[tuple[str, ...], list[Input]]:
        named: dict[str, Input] = {}
        while not self._skip(")"):
            word = self._keyword(named)
            if not word:
                raise UsageError("an argument without its name", hint="Write name=value.")
            named[word] = self.expression(0)
            if not self._skip(","):
                self.expect(Token("sign", ")"))
                break
        return tuple(named), list(named.values())

    def _of_code(self, name: str) -> Input:
        if not self._skip("("):
            return Literal(Named(name), "")
        keys, items = self._keywords()
        return built("namedtuple", items, keys, name)


def _into(source: Input, access: Access) -> Input:
    match source:
        case OutputRef(node=node, output=output, path=path):
            return OutputRef(node, output, (*path, access))
        case FirstOf(options=options) if all(isinstance(o, OutputRef | FirstOf) for o in options):
            return FirstOf(tuple(_into(option, access) for option in options))
    op = "getitem" if access.kind == "item" else "getattr"
    return Expr(op, (source, Literal(access.name, "")))


def _shallow(source: Input) -> None:
    """Refuses what is too deep for those that walk through it: brackets and operators together."""
    level = [source]
    for _ in range(DEEPEST + 1):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise UsageError(f"an expression of more than {DEEPEST} levels")


def _inside(source: Input) -> tuple[Input, ...]:
    match source:
        case Build(items=inner) | Expr(operands=inner) | FirstOf(options=inner):
            return inner
    return ()


def _too_far() -> UsageError:
    return UsageError(f"more than {DEEPEST} steps into a value")


def _literal(source: Input, what: str) -> Any:
    if not isinstance(source, Literal):
        raise UsageError(f"{what} is no plain value")
    return source.value


def _constant(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise UsageError(f"{text[:40]} cannot be read: {error}") from None


def _secret(address: str) -> Input:
    source, _, name = address.partition(":")
    if source not in SOURCES or not name:
        raise UsageError(f"'{address}' is no secret", hint='Write secret("env:NAME").')
    return SecretRef(source, name)

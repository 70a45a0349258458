"""However lines break, the code says the same: shown on the standard library, written anew."""

from __future__ import annotations

import argparse
import ast
import asyncio.base_events
import collections
import dataclasses
import inspect
import json.decoder
import textwrap
from collections.abc import Iterator
from types import CodeType, ModuleType

import pytest

from penstock.define.closure.bytecode import facts

MODULES = (argparse, asyncio.base_events, collections, dataclasses, inspect, json.decoder, textwrap)


def functions(code: CodeType) -> Iterator[CodeType]:
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield value
            yield from functions(value)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_written_anew_without_its_formatting_has_the_same_code(module: ModuleType) -> None:
    text = inspect.getsource(module)
    as_written = list(functions(compile(text, "one.py", "exec", dont_inherit=True)))
    anew = list(
        functions(compile(ast.unparse(ast.parse(text)), "two.py", "exec", dont_inherit=True))
    )

    different = [
        f"{one.co_qualname} (line {one.co_firstlineno})"
        for one, two in zip(as_written, anew, strict=True)
        if facts(one) != facts(two)
    ]
    assert different == []


def test_functions_that_differ_have_different_facts() -> None:
    """Of all functions of these modules, only those that are compiled alike have one content."""
    compiled: dict[str, set[tuple[object, ...]]] = {}
    for module in MODULES:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                node.name, node.returns = "f", None
                text = ast.unparse(_bare(node))
                made = compile(text, "f.py", "exec", dont_inherit=True)
                code = next(value for value in made.co_consts if isinstance(value, CodeType))
                found = facts(code)
                names = tuple(use.name for use in found.uses)
                compiled.setdefault(f"{found.content} {names}", set()).add(_written(code))

    assert [sorted(same) for same in compiled.values() if len(same) > 1] == []


def _written(code: CodeType) -> tuple[object, ...]:
    """All that is in it but where it stood: some texts are compiled alike."""
    constants = tuple(
        _written(value) if isinstance(value, CodeType) else repr(value) for value in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
    return code.co_code, names, constants, code.co_flags, code.co_exceptiontable


def _bare(function: ast.FunctionDef) -> ast.FunctionDef:
    """Without its docstring, annotations and defaults, which are no part of its code."""
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:] or [ast.Pass()]
    arguments = function.args
    everyone = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    for argument in (*everyone, arguments.vararg, arguments.kwarg):
        if argument is not None:
            argument.annotation = None
    arguments.defaults, arguments.kw_defaults = [], [None for _ in arguments.kwonlyargs]
    return function

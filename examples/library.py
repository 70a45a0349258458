"""How is Python's own library written? One file that needs nothing but penstock itself.

python examples/library.py            # every module is read once, again nothing is
penstock run examples/library.py:survey --workers 2 -p names='a*'
"""

import ast
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from penstock import context, each, pipeline, step


@dataclass(frozen=True)
class Module:
    name: str
    lines: int
    functions: int
    documented: int
    longest: int


def size(node: ast.AST) -> int:
    """Lines of a function, from its `def` to its last statement."""
    return getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1


@step
def read(file: Path) -> Module:
    """A module by numbers. Its key has the file's content: an edited file alone is read again."""
    source = file.read_text(encoding="utf-8", errors="replace")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return Module(
        name=file.stem,
        lines=source.count("\n"),
        functions=len(functions),
        documented=sum(ast.get_docstring(f) is not None for f in functions),
        longest=max(map(size, functions), default=0),
    )


@step
def summary(modules: list[Module]) -> dict[str, float]:
    functions = sum(module.functions for module in modules)
    figures = {
        "modules": len(modules),
        "lines": sum(module.lines for module in modules),
        "documented": sum(module.documented for module in modules) / max(functions, 1),
        "longest": max((module.longest for module in modules), default=0),
    }
    for name, value in figures.items():
        context().log_metric(name, value)
    return figures


@pipeline
def survey(names: str = "[a-f]*") -> dict[str, float]:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob(f"{names}.py"))
    return summary(read.map(each(files)))


if __name__ == "__main__":
    run = survey.run()
    for name, value in run.result().items():
        print(f"{name:12}{value:12,.2f}")  # noqa: T201

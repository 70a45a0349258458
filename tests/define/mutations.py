"""A small package of steps, and random edits of it."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from textwrap import dedent

PACKAGE = {
    name: dedent(text)
    for name, text in {
        "ground": """
        import functools

        SCALE = 3
        OFFSETS = {"near": 1, "far": 10}
        WORDS = ["one", "two", "three"]
        VOWELS = {"a", "e", "i"}

        def add(x, by=1): return x + by
        def sub(x, by=2): return x - by
        def clamp(x, low=0, high=50):
            if x < low:
                return low
            if x > high:
                return high
            return x
        @functools.lru_cache
        def slow(x): return clamp(x * SCALE)
        class Shape:
            sides = 4
            def area(self, x): return x * self.sides
            @property
            def corners(self): return self.sides + 1
        class Round(Shape):
            sides = 0
            def area(self, x): return super().area(x) + add(x)
        """,
        "middle": """
        from mutated import ground
        from mutated.ground import add, sub, Round, Shape, OFFSETS

        TABLE = {"up": add, "down": sub}
        LIMIT = ground.SCALE * 2

        def twice(function):
            def inner(*args):
                return function(*args) + function(*args)
            return inner
        def make(n):
            def inner(x):
                total = 0
                for i in range(n):
                    total += x * i
                return total
            return inner
        third, fourth = make(3), make(4)
        @twice
        def doubled(x): return x - 1
        def even(n): return True if n == 0 else odd(n - 1)
        def odd(n): return False if n == 0 else even(n - 1)
        def pairs(n):
            for i in range(n):
                yield i, i + 1
        """,
        "steps": """
        from mutated import ground, middle
        from mutated.middle import TABLE, doubled, even, fourth, third
        from mutated.ground import Round, Shape, slow

        def step_a(x): return ground.clamp(ground.add(x) * ground.SCALE)
        def step_b(x): return [name + str(f(x)) for name, f in TABLE.items()]
        def step_c(x): return third(x) - fourth(x), doubled(x)
        def step_d(x): return even(x), list(middle.pairs(x))
        def step_e(x): return Round().area(x), Shape().corners, slow(x)
        def step_f(x):
            from mutated.ground import WORDS
            return [word for word in WORDS if word[0] in ground.VOWELS or len(word) > 3]
        def step_g(x):
            try:
                return list(ground.OFFSETS)[x - 5], middle.LIMIT
            except (IndexError, KeyError):
                return None
        def step_h(x):
            first, second = x, x + 1
            return (lambda y, z=2: y * z - first)(second)
        def step_i(x):
            match x:
                case 5 | 6: return ground.sub(x)
                case _: return -x
        """,
    }.items()
}
STEPS = tuple(f"step_{letter}" for letter in "abcdefghi")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)
COMPARISONS = (ast.Lt, ast.Gt, ast.Eq, ast.NotEq, ast.LtE)


def edits_of(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Where an edit may be made, and which."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=int() | str()):
                yield node, "constant"
            case ast.BinOp():
                yield node, "operator"
            case ast.Compare():
                yield node, "comparison"
            case ast.Name(ctx=ast.Load()):
                yield node, "name"
            case ast.Dict(keys=[_, _, *_]):
                yield node, "order of items"
            case ast.FunctionDef() if len(node.body) > 1:
                yield node, "statement removed"
            case ast.Module():
                yield node, "names of two functions swapped"
            case ast.Attribute(ctx=ast.Load()):
                yield node, "attribute"
            case ast.arguments(args=[_, _, *_]):
                yield node, "parameters swapped"
            case ast.ClassDef():
                yield node, "member removed"


def make(node: ast.AST, kind: str, tree: ast.Module, chance: random.Random) -> None:
    functions = [part for part in ast.walk(tree) if isinstance(part, ast.FunctionDef)]
    names = sorted({part.id for part in ast.walk(tree) if isinstance(part, ast.Name)})
    match node:
        case ast.Constant(value=int()):
            node.value = node.value + chance.choice((-1, 1, 2))
        case ast.Constant(value=str()):
            node.value = node.value[::-1] + chance.choice(("", "!"))
        case ast.BinOp():
            node.op = chance.choice(OPERATORS)()
        case ast.Compare():
            node.ops[0] = chance.choice(COMPARISONS)()
        case ast.Name():
            node.id = chance.choice(names)
        case ast.Dict():
            order = chance.sample(range(len(node.keys)), len(node.keys))
            node.keys, node.values = [node.keys[i] for i in order], [node.values[i] for i in order]
        case ast.FunctionDef():
            del node.body[chance.randrange(len(node.body))]
        case ast.ClassDef() if len(node.body) > 1:
            del node.body[chance.randrange(len(node.body))]
        case ast.Module():
            one, other = chance.sample(functions, 2)
            one.name, other.name = other.name, one.name
        case ast.Attribute():
            others = [part.attr for part in ast.walk(tree) if isinstance(part, ast.Attribute)]
            node.attr = chance.choice(others)
        case ast.arguments():
            node.args.reverse()


def edited(texts: dict[str, str], chance: random.Random) -> tuple[dict[str, str], str]:
    name = chance.choice(sorted(texts))
    tree = ast.parse(texts[name])
    node, kind = chance.choice(list(edits_of(tree)))
    make(node, kind, tree, chance)
    return texts | {name: ast.unparse(tree)}, f"{kind} in {name}"

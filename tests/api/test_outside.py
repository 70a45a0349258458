"""Arguments from outside of the code: what is set of a value, and what of it stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penstock import pipeline
from penstock.api.arguments import outside


class Corner(NamedTuple):
    x: int = 0
    y: int = 0


@dataclass
class Counted:
    rate: float = 0.5
    size: int = 1
    uses: int = field(init=False, default=0)


@pipeline
def shown(corner: Corner = Corner(5, 7), counted: Counted = Counted(0.9, 9)) -> None:  # noqa: B008
    """Defaults that are not those of their classes."""


def test_one_field_is_set_and_the_others_are_those_of_the_parameters_default() -> None:
    given = {"corner": {"x": "4"}, "counted": {"rate": "0.1"}}
    found = outside(shown.callee, "shown", given, {})
    assert found == {"corner": Corner(4, 7), "counted": Counted(0.1, 9)}


def test_so_it_is_for_models_of_pydantic() -> None:
    import pydantic

    model: Any = pydantic.create_model("Model", depth=(int, 6), rate=(float, 0.1))

    usual = model(depth=3, rate=0.3)

    def fitted(hyper: Any = usual) -> None: ...

    fitted.__annotations__["hyper"] = model
    found = outside(pipeline(fitted).callee, "fitted", {"hyper": {"depth": "2"}}, {})
    assert found == {"hyper": model(depth=2, rate=0.3)}

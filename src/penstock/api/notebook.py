"""What a notebook shows of pipelines, steps, runs and artifacts: read here, drawn by `penstock.views`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from penstock.api import seam
from penstock.client import Client, describe
from penstock.core.graph import Closure, Graph, Param
from penstock.core.records import Made, Manifest, StepRecord
from penstock.define.callee import Callee, type_text
from penstock.define.markers import Reference
from penstock.define.step import Step
from penstock.define.trace import Environment, trace
from penstock.define.use import Usable
from penstock.errors import NotFound, PenstockError
from penstock.experiments.artifact import card
from penstock.run.references import resolve
from penstock.views.forms.artifact import PICTURES, artifact_form, picture
from penstock.views.forms.parts import Html, table
from penstock.views.forms.pipeline import pipeline_form, step_form
from penstock.views.forms.run import run_form
from penstock.views.forms.step import step_run_form

LARGEST = 8_000_000
"""Bytes of a picture that is shown."""
ITEMS = 10
"""Of a list."""


class Unset(Reference):
    """Stands for a parameter that has no value yet, so that the graph can be drawn without one."""

    __slots__ = ()

    def load(self) -> Any:
        raise PenstockError(f"'{self.address}' has no value yet")


# ---- what is defined


def usable_form(one: Usable[Any, Any]) -> str | None:
    return _step(one) if isinstance(one, Step) else bound_form(one, (), {})


def bound_form(one: Usable[Any, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A pipeline with some of its arguments, or none: the others are left open."""
    binding = one.callee.binding
    given = binding.bind(args, kwargs, "", partial=True)
    rest = {name: Unset(name) for name in binding.required if name not in given}
    graph, problem = _graph(one, {**given, **rest})
    shown = {name: repr(value) for name, value in given.items()}
    where, doc = one.callee.where, one.callee.doc
    return pipeline_form(
        one.name, doc, where, _params(one.callee), graph, given=shown, problem=problem
    )


def _params(callee: Callee) -> tuple[Param, ...]:
    binding, hints = callee.binding, callee.hints
    return tuple(
        Param(
            name=name,
            type=type_text(hints[name]) if name in hints else "",
            default=binding.defaults.get(name),
            required=name in binding.required,
        )
        for name in binding.names
    )


def _graph(one: Usable[Any, Any], given: Mapping[str, Any]) -> tuple[Graph | None, str]:
    def closure(_: Callable[..., Any]) -> Closure:
        return Closure("", ())

    # Only names and arrows are drawn: no digest is asked for, and no store opened.
    around = Environment(lambda value: "", closure, seam.project().root)
    named = {name: value for name, value in given.items() if name[0] != "*"}
    date = datetime.now(UTC).date().isoformat()
    try:
        return trace(one, (), named, around, logical_date=date).graph, ""
    except PenstockError as error:
        return None, f"Its graph: {one.name}.bind(…) with all arguments. {error.message}"
    except Exception as error:  # of the user's own code, which got a stand-in for an argument
        return None, f"Its graph: {one.name}.bind(…) with all arguments. {error!r}"


def _step(one: Step[Any, Any]) -> str:
    callee = one.callee
    try:
        signature = str(inspect.signature(callee.function))
    except (TypeError, ValueError):
        signature = "(…)"
    try:
        source = inspect.getsource(inspect.unwrap(callee.function))
    except (OSError, TypeError):
        source = ""
    settings = {
        name: str(getattr(one.settings, name)) + (" s" if name == "timeout" else "")
        for name in ("retries", "timeout", "cache", "resources", "executor", "role")
        if getattr(one.settings, name) not in (None, 0, "", {})
    }
    return step_form(one.name, callee.doc, callee.where, signature, settings, source)


# ---- what has run


def of_run(client: Client, run: str) -> str:
    record = client.run(run)
    return run_form(record, client.steps(run), client.metrics(run), client.graph(record))


def of_step(client: Client, run: str, name: str) -> str:
    step = client.step(run, name)
    items = [one for one in client.steps(run, step.node) if one.index] if not step.index else []
    items.sort(key=_place)
    return step_run_form(
        step,
        items,
        _described(client, step.outputs),
        _described(client, step.logged.artifacts),
        "" if items else client.log(run, name),
    )


def _described(client: Client, outputs: Mapping[str, Made]) -> dict[str, str]:
    return {name: describe(client.manifest(made.artifact)) for name, made in outputs.items()}


# ---- artifacts


def of_artifact(client: Client, address: str) -> str:
    stack = client.stack
    found = resolve(address, stack.metadata, stack.artifacts, stack.project.name)
    (made,) = found.outputs.values()
    try:
        manifest = client.manifest(made.artifact)
    except NotFound:
        # The list of a map is put together where somebody takes it.
        return _list(client, address)
    # Nothing that is looked at is made: no code of anybody runs for it.
    known = card(client, manifest)
    look = known.preview
    return artifact_form(
        address,
        manifest,
        known.about,
        _picture(client, manifest),
        table(look.columns, look.rows),
        look.text,
        more=look.more,
        problem=known.problem,
        made_by=[str(one) for one in known.made_by],
        used_by=[str(one) for one in known.used_by],
    )


def _list(client: Client, address: str) -> str:
    run, _, name = address.removeprefix("run:").partition("/")
    record = client.run(run)
    steps = client.steps(record.id, name) or client.steps(record.id, name.rpartition(".")[0])
    items = sorted((step for step in steps if step.index and step.outputs), key=_place)
    output = name.rpartition(".")[2]
    chosen = [step.outputs.get(output) or next(iter(step.outputs.values())) for step in items]
    manifest = Manifest(id="", content="", serializer="", type="builtins:list", items=len(chosen))
    text = "\n".join(describe(client.manifest(made.artifact)) for made in chosen[:ITEMS])
    more = len(chosen) > ITEMS
    return artifact_form(
        address, manifest, f"list of {len(chosen)}", Html(""), Html(""), text, more=more
    )


def _place(step: StepRecord) -> list[int]:
    return [int(part) for part in step.index.split(".")]


def _picture(client: Client, manifest: Manifest) -> Html:
    """Of a figure, an image, a file that is one."""
    for file in manifest.files:
        if file.name.lower().endswith(tuple(PICTURES)) and file.size <= LARGEST:
            if manifest.inline is not None:
                return picture(file.name, manifest.inline)
            path = client.stack.artifacts.store.path(file, verify=True)
            return picture(file.name, path.read_bytes())
    return Html("")

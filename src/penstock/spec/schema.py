"""The JSON Schema of a spec: what an editor completes and checks by."""

from __future__ import annotations

from typing import Any

from penstock.core.durations import WRITTEN
from penstock.core.graph import FORMAT

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NAME = {"type": "string", "pattern": r"^[^/\[\]. \t\n]+$"}
CODE = {"type": "string", "pattern": r"^[^:\s]+:[^:\s]+$"}
EXPRESSION = {"type": "string", "pattern": "^="}
SECONDS: dict[str, Any] = {
    "description": "90s, 10m, 1h30m, or seconds.",
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": f"^{WRITTEN}$"},
    ],
}


def _object(
    properties: dict[str, Any], required: list[str], *, description: str = ""
) -> dict[str, Any]:
    made = {"type": "object", "properties": properties, "additionalProperties": False}
    more = {"required": required} if required else {}
    return {**({"description": description} if description else {}), **made, **more}


def _values(description: str) -> dict[str, Any]:
    return {"description": description, "type": ["object", "null"]}


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, **more}


def schema() -> dict[str, Any]:
    """The schema, as JSON has it."""
    steps = {
        "description": "Each step by its name, in any order.",
        "type": ["object", "null"],
        "propertyNames": NAME,
        "additionalProperties": {
            "if": {"required": ["steps"]},
            "then": {"$ref": "#/$defs/nested"},
            "else": {"$ref": "#/$defs/step"},
        },
    }
    returns = _text("What the pipeline returns: = fit, or a list or mapping of such.")
    top = {
        "penstock": _text("The version of this format.", const=FORMAT),
        "pipeline": _text("The pipeline's name.", type="string"),
        "from": _text("Where it was compiled from, module:function.", type="string"),
        "parameters": _values("Values that -p sets; = required has none. Steps say $name."),
        "fixed": _values("Values that steps were built from: only told."),
        "steps": steps,
        "returns": returns,
    }
    return {
        "$schema": DRAFT,
        "title": "A pipeline of penstock",
        **_object(top, ["penstock", "steps"]),
        "$defs": {
            "step": _object(
                {"step": _text("The step, module:function.", **CODE), **_wiring(), **_options()},
                ["step"],
            ),
            "nested": _object(
                {
                    "pipeline": _text("The name of the pipeline in this place.", type="string"),
                    "from": _text("Where its function is.", type="string"),
                    **_wiring(),
                    "steps": steps,
                    "returns": returns,
                },
                ["steps"],
            ),
        },
    }


def _wiring() -> dict[str, Any]:
    return {
        "inputs": _values("Arguments: values, = step.output, = $parameter, = $depth * 2."),
        "each": _fan("Arguments to run over, element by element, together."),
        "cross": _fan("Arguments to run over, in every combination."),
        "collect": _text(
            "Failures become values, and the others finish.", type=["boolean", "null"]
        ),
        "when": _text("Only if this holds: = score > 0.9", anyOf=[EXPRESSION, {"type": "boolean"}]),
        "after": _text(
            "Only when these have ended.",
            anyOf=[NAME, {"type": "array", "items": NAME}, {"type": "null"}],
        ),
    }


def _fan(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "type": ["object", "null"],
        "additionalProperties": {"anyOf": [{"type": "array"}, EXPRESSION]},
    }


def _options() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    names = {"type": "array", "items": {"type": "string"}}
    retries = {"times": count, "delay": {"type": "number"}, "backoff": {"type": "number"}}
    cache = {
        "ttl": {"anyOf": [SECONDS, {"type": "null"}]},
        "ignore": {"anyOf": [names, {"type": "null"}]},
        "version": {"type": ["string", "number", "null"]},
        "environment": {"type": "boolean"},
        "also": _text("As the decorator says.", type="boolean"),
        "key": _text("As the decorator says.", type="boolean"),
    }
    return {
        "retries": _text(
            "Further attempts after a failure.",
            anyOf=[count, _object({**retries, "on": names}, [])],
        ),
        "timeout": {"anyOf": [SECONDS, {"type": "null"}]},
        "cache": _text(
            "When a result may be reused.",
            anyOf=[{"type": ["boolean", "null"]}, _object(cache, [])],
        ),
        "env": _text("The environment of the step."),
        "resources": _text("What it needs: {memory: 4GB}.", type=["object", "null"]),
        "executor": _text("Where it runs: processes.", type=["string", "null"]),
        "serializer": _text(
            "How outputs are stored.",
            anyOf=[
                {"type": "string"},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ],
        ),
    }

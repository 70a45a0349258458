"""The fields that every run has, by the names that people filter and sort by, and what each is."""

from __future__ import annotations

from typing import Literal as OneOf

Kind = OneOf["text", "status", "digest", "number", "moment", "duration", "flag"]

FIELDS: dict[str, Kind] = {
    "id": "digest",
    "name": "text",
    "pipeline": "text",
    "project": "text",
    "status": "status",
    "tag": "text",
    "note": "text",
    "created": "moment",
    "started": "moment",
    "ended": "moment",
    "took": "duration",
    "age": "duration",
    "seed": "text",
    "stack": "text",
    "parent": "text",
    "date": "text",
    "user": "text",
    "host": "text",
    "python": "text",
    "commit": "digest",
    "branch": "text",
    "dirty": "flag",
    "kept": "flag",
    "steps": "number",
    "done": "number",
    "reused": "number",
    "failed": "number",
    "skipped": "number",
    "cancelled": "number",
}
"""A digest is compared by its beginning; `age` is how long ago a run was created."""

ALWAYS = frozenset(
    ("id", "status", "tag", "pipeline", "project", "created", "started", "ended", "took", "age")
)
"""Fields that a parameter of the same name does not call into question."""
ALIASES = {"tags": "tag", "began": "started", "run": "id", "duration": "took"}
STATUSES = ("running", "done", "failed", "rejected", "cancelled", "crashed")

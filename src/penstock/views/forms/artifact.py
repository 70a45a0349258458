"""An artifact for a notebook: what it is, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.core.records import Manifest
from penstock.views.forms.parts import Html, code, facts, form, heading, hued, pre, soft, tag

PICTURES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
"""What a file's name says it is. A browser runs no script of a picture."""
LONGEST = 4_000
"""Characters of a preview."""


def artifact_form(
    address: str, manifest: Manifest, size: str, shape: str, preview: Html | str = ""
) -> str:
    """`preview` is HTML (a table, a picture) or text."""
    shown = preview if isinstance(preview, Html) else pre(preview[:LONGEST])
    return form(
        heading(_kind(manifest), soft(" · ".join(filter(None, (shape, size))))),
        facts(
            {
                "address": code(address),
                "type": code(manifest.type),
                "kept as": manifest.serializer,
                "items": f"{manifest.items:,}" if manifest.items is not None else "",
                "content": code(manifest.content[:16]),
                "unsafe": hued("reading it runs code: it is not shown here", "#d29922")
                if manifest.unsafe
                else "",
            }
        ),
        shown,
    )


def _kind(manifest: Manifest) -> str:
    return manifest.type.rpartition(":")[2] or manifest.serializer


def picture(name: str, data: bytes) -> Html:
    """A picture's bytes, inside of the page."""
    from base64 import b64encode

    kind = next((kind for end, kind in PICTURES.items() if name.lower().endswith(end)), "")
    if not kind:
        return Html("")
    source = f"data:{kind};base64,{b64encode(data).decode()}"
    return Html(tag("img", src=source, alt=name).replace("></img>", ">"))

"""An artifact for a notebook: what it is, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.core.records import Manifest
from penstock.views.forms.parts import (
    WARNING,
    Html,
    code,
    facts,
    form,
    heading,
    hued,
    join,
    pre,
    soft,
    tag,
)

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
"""Characters of a text."""
USES = 8


def artifact_form(
    address: str,
    manifest: Manifest,
    about: str,
    picture: Html,
    rows: Html,
    text: str,
    *,
    more: bool = False,
    problem: str = "",
    made_by: Sequence[str] = (),
    used_by: Sequence[str] = (),
) -> str:
    """`about` in a few words; then what it looks like: a picture, a table, or text."""
    kind, _, rest = about.partition(" ")
    return form(
        heading(kind.rstrip(","), soft(rest)),
        facts(
            {
                "address": code(address),
                "type": code(manifest.type),
                "kept as": manifest.serializer,
                "made by": _uses(made_by),
                "used by": _uses(used_by),
                "unsafe": hued("it is a pickle: reading it runs code", WARNING)
                if manifest.unsafe
                else "",
            }
        ),
        picture,
        rows,
        pre(text[:LONGEST]) if not picture else "",
        soft("… and more") if more and not picture else "",
        tag("p", soft(problem)) if problem and not picture else "",
    )


def _uses(uses: Sequence[str]) -> Html | str:
    if not uses:
        return ""
    shown = [code(one) for one in uses[-USES:]]
    rest = [soft(f"and {len(uses) - USES:,} more")] if len(uses) > USES else []
    return join([*shown, *rest], ", ")


def picture(name: str, data: bytes) -> Html:
    """A picture's bytes, inside of the page."""
    from base64 import b64encode

    kind = next((kind for end, kind in PICTURES.items() if name.lower().endswith(end)), "")
    if not kind:
        return Html("")
    source = f"data:{kind};base64,{b64encode(data).decode()}"
    return Html(tag("img", src=source, alt=name).replace("></img>", ">"))

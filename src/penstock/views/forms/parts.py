"""The parts that every form is made of: its style sheet, tables, facts, words in colour.

Text becomes HTML in one place, `html`: what is not `Html` already is escaped. A form needs nothing
from outside. Its colours are mixed from the text colour around it, which the notebook's theme sets,
so that it is at home in a light and in a dark one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from penstock.views.colors import MARKS
from penstock.views.words import one_line

ROWS = 60
"""Rows of a table before it says how many more there are."""
LONGEST = 400
"""Characters of a text in a cell."""

HUES: Mapping[str, str] = {
    "done": "#2da44e",
    "reused": "#1b9aaa",
    "running": "#3b82f6",
    "failed": "#e5484d",
    "crashed": "#e5484d",
    "rejected": "#d29922",
    "cancelled": "#d29922",
}
"""Of statuses; the others are grey."""
WARNING = "#d29922"
BETTER, WORSE = "#2da44e", "#e5484d"

SHEET = """
.penstock.penstock{
 color:var(--jp-content-font-color1,var(--vscode-editor-foreground,inherit));
 font:13px/1.5 var(--jp-content-font-family,var(--vscode-font-family,system-ui,sans-serif));
 --soft:color-mix(in srgb,currentColor 64%,transparent);
 --line:color-mix(in srgb,currentColor 18%,transparent);
 --wash:color-mix(in srgb,currentColor 5%,transparent);
 --hue:color-mix(in srgb,currentColor 55%,transparent);
 max-width:100%;overflow-x:auto;padding:2px 0}
.penstock.penstock .sides{display:flex;flex-wrap:wrap;gap:8px 44px;align-items:flex-start}
.penstock.penstock .sides>div{max-width:100%;overflow-x:auto}
.penstock.penstock h4{font-size:13px;font-weight:600;margin:0 0 4px;line-height:1.5}
.penstock.penstock h5{font-size:11px;font-weight:600;margin:12px 0 2px;letter-spacing:.04em;
 text-transform:uppercase;color:var(--soft);line-height:1.5}
.penstock.penstock p{margin:2px 0 6px}
.penstock.penstock code,.penstock.penstock pre{
 font:12px/1.45 var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,monospace));
 background:none;color:inherit;padding:0;border:0}
.penstock.penstock pre{white-space:pre;overflow:auto;max-height:320px;margin:4px 0;padding:6px 8px;
 background:var(--wash);border-radius:4px}
.penstock.penstock table{border-collapse:collapse;border:0;margin:2px 0;font-size:12px;
 table-layout:auto}
.penstock.penstock table tbody tr,.penstock.penstock table thead{background:none;border:0}
.penstock.penstock table tbody tr:hover{background:var(--wash)}
.penstock.penstock table th,.penstock.penstock table td{
 text-align:left;padding:2px 14px 2px 0;border:0;border-bottom:1px solid var(--line);
 vertical-align:top;max-width:46em;overflow-wrap:anywhere;color:inherit;white-space:normal}
.penstock.penstock table th{font-weight:500;color:var(--soft);white-space:nowrap}
.penstock.penstock table .right{text-align:right;font-variant-numeric:tabular-nums;
 white-space:nowrap}
.penstock.penstock .soft{color:var(--soft)}
.penstock.penstock h4 .soft{font-weight:400}
.penstock.penstock .name{white-space:nowrap}
.penstock.penstock .hued{color:color-mix(in srgb,var(--hue) 82%,currentColor);white-space:nowrap}
.penstock.penstock .bar{display:inline-block;width:90px;height:6px;border-radius:3px;
 background:var(--line);overflow:hidden;vertical-align:middle;margin-right:6px}
.penstock.penstock .bar i{display:block;height:100%;background:#3b82f6}
.penstock.penstock details{margin:4px 0}
.penstock.penstock summary{cursor:pointer;color:var(--soft)}
.penstock.penstock img{max-width:100%;background:#fff;border-radius:3px}
.penstock.penstock svg{display:block;max-width:none;color:inherit}
.penstock.penstock svg text{fill:currentColor;font-size:12px;font-family:inherit}
.penstock.penstock svg .note{font-size:10.5px;fill:var(--soft)}
.penstock.penstock svg .box{fill:color-mix(in srgb,var(--hue) 12%,transparent);
 stroke:color-mix(in srgb,var(--hue) 85%,currentColor);stroke-width:1.2}
.penstock.penstock svg .plain{fill:var(--wash);stroke:var(--hue)}
.penstock.penstock svg .cluster{fill:var(--wash);stroke:var(--line)}
.penstock.penstock svg .ground{
 fill:var(--jp-layout-color0,var(--vscode-editor-background,Canvas));stroke:none}
.penstock.penstock svg .dashed{stroke-dasharray:5 3}
.penstock.penstock svg .edge{fill:none;stroke:var(--hue);stroke-width:1.2}
.penstock.penstock svg .order{stroke-dasharray:2 3}
.penstock.penstock svg .head{fill:var(--hue);stroke:none}
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(text: object) -> Html:
    """As HTML: escaped, unless it is `Html`."""
    return text if isinstance(text, Html) else Html(escape(str(text)))


def join(parts: Iterable[object], between: str = "") -> Html:
    return Html(between.join(html(part) for part in parts))


def tag(name: str, *inner: object, cls: str = "", **attributes: str) -> Html:
    """An element; its attributes are escaped as well."""
    given = {"class": cls, **attributes} if cls else attributes
    words = "".join(f' {key}="{escape(value)}"' for key, value in given.items())
    return Html(f"<{name}{words}>{join(inner)}</{name}>")


def form(*parts: object) -> str:
    """What a notebook is given: the parts under their style sheet."""
    return f'<div class="penstock"><style>{SHEET}</style>{join(parts)}</div>'


def page(title: str, *parts: object) -> str:
    """The parts as a document of its own, light or dark as its reader likes."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html(title)}</title>'
        '<meta name="viewport" content="width=device-width">'
        "<style>:root{color-scheme:light dark}body{margin:24px;font-family:system-ui}</style>"
        f"</head><body>{form(*parts)}</body></html>"
    )


def heading(*words: object) -> Html:
    return tag("h4", join(words, " "))


def section(title: str, *parts: object) -> Html:
    """A small heading and what it is for; nothing, if that is nothing."""
    inner = join(parts)
    return Html(f"{tag('h5', title)}{inner}") if inner else inner


def status(word: str) -> Html:
    """A status in its colour, with its mark."""
    return hued(f"{MARKS.get(word, '·')} {word}", HUES.get(word, ""))


def hued(text: object, hue: str) -> Html:
    """Text in a colour of ours; grey without one."""
    if not hue:
        return tag("span", text, cls="soft")
    return tag("span", text, cls="hued", style=f"--hue:{hue}")


def soft(text: object) -> Html:
    return tag("span", text, cls="soft")


def code(text: object) -> Html:
    return tag("code", text)


def pre(text: str) -> Html:
    return tag("pre", text) if text else Html("")


def facts(pairs: Mapping[str, object]) -> Html:
    """Names and what they are; what is empty is left out."""
    shown = [(tag("span", name, cls="soft"), value) for name, value in pairs.items() if value != ""]
    return table((), shown) if shown else Html("")


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[int] = (),
    most: int = ROWS,
) -> Html:
    """Columns under their heads. The columns in `right` are numbers. The first is never broken."""
    lines = [*rows]
    if not lines:
        return Html("")
    body = [_row("td", row, right) for row in lines[:most]]
    if len(lines) > most:
        words = soft(f"… and {len(lines) - most:,} more")
        body.append(tag("tr", tag("td", words, colspan=str(max(len(lines[0]), 1)))))
    top = tag("thead", _row("th", head, right)) if any(head) else Html("")
    return tag("table", top, tag("tbody", join(body)))


def _row(kind: str, row: Sequence[object], right: Sequence[int]) -> Html:
    return tag(
        "tr",
        *(
            tag(kind, short(cell), cls="right" if n in right else "name" if n == 0 else "")
            for n, cell in enumerate(row)
        ),
    )


def short(text: object) -> Html:
    """One line of text for a cell, not longer than people read there."""
    if isinstance(text, Html):
        return text
    words = one_line(str(text))
    return html(words if len(words) <= LONGEST else words[: LONGEST - 1] + "…")


def fold(title: object, *parts: object, open: bool = False) -> Html:
    """What is seen after a click; nothing, if it is nothing."""
    inner = join(parts)
    if not inner:
        return inner
    words = Html(" open") if open else Html("")
    return Html(f"<details{words}>{tag('summary', title)}{inner}</details>")


def beside(*parts: object) -> Html:
    """Beside each other where there is room, else below."""
    return tag("div", *(tag("div", part) for part in parts if part), cls="sides")


def bar(done: float, total: float) -> Html:
    share = min(max(done / total, 0.0), 1.0) if total else 0.0
    return tag("span", tag("i", style=f"width:{share:.1%}"), cls="bar")

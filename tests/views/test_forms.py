"""Forms for notebooks: nothing in them is trusted, nothing comes from outside, nothing is endless."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from tests.views.played import began, node, over, says, step

from penstock.core.graph import Graph, Literal, Param
from penstock.core.records import ErrorRecord, FileRef, Logged, Manifest, Metric, RunRecord
from penstock.views.cells import Cells
from penstock.views.forms.artifact import artifact_form, picture
from penstock.views.forms.parts import Html, facts, fold, form, page, section, status, table
from penstock.views.forms.pipeline import pipeline_form, step_form
from penstock.views.forms.run import run_form
from penstock.views.forms.step import step_run_form

BAD = """</pre></style><script>alert(1)</script><img src=x onerror="alert(1)">'"&<b>"""
HARMLESS = {
    *("div", "style", "h4", "h5", "p", "span", "code", "pre", "table", "thead", "tbody", "tr"),
    *("th", "td", "details", "summary", "img", "svg", "g", "rect", "path", "text", "title", "i"),
}


class Read(HTMLParser):
    """Which elements there are, and what they are given."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.given: dict[str, set[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.given.setdefault(name, set()).add(value or "")
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def run(**more: object) -> RunRecord:
    return RunRecord(id="6abc", project="p", pipeline=BAD, status="failed", **more)  # type: ignore[arg-type]  # fields of a record


def forms() -> dict[str, str]:
    """One of each, with what is hostile wherever a user's text goes."""
    error = ErrorRecord(BAD, BAD, BAD)
    params = [Param(name=BAD, type=BAD, default=BAD), Param(name="x", required=True)]
    graph = Graph(name=BAD, nodes=(node(BAD),), outputs=Literal(None, ""))
    broken = step(BAD, "failed", error=error, reason=BAD, notes=(BAD,)).step
    item = step(f"{BAD}[0]", "done", reason=BAD).step
    logged = Logged(metrics=(Metric(BAD, 1.0, None, 0),))
    manifest = Manifest(
        id="1", content=BAD, serializer=BAD, type=f"m:{BAD}", unsafe=True, files=(FileRef(BAD, "", 1),)
    )  # fmt: skip
    told = run(
        name=BAD, note=BAD, tags=(BAD,), stack=BAD, parameters={BAD: BAD}, error=error, started=1
    )
    metrics = [(BAD, Metric(BAD, 0.5, None, 0))]
    return {
        "pipeline": pipeline_form(BAD, BAD, BAD, params, graph, given={"x": BAD}, problem=BAD),
        "step": step_form(BAD, BAD, BAD, BAD, {BAD: BAD}, BAD),
        "run": run_form(told, [broken, item], metrics, graph),
        "step of a run": step_run_form(
            step(BAD, "done", logged=logged, reads=(BAD,)).step, [item], {BAD: BAD}, {BAD: BAD}, BAD
        ),
        "failed step": step_run_form(broken, [], {}, {}, BAD),
        "artifact": artifact_form(
            BAD,
            manifest,
            BAD,
            Html(""),
            table([BAD], [[BAD]]),
            BAD,
            more=True,
            problem=BAD,
            made_by=[BAD],
            used_by=[BAD] * 20,
        ),
        "picture": artifact_form("a", manifest, "", picture(f'{BAD}".png', b"png"), Html(""), ""),
        "page": form(facts({BAD: BAD}), fold(BAD, BAD), section(BAD, BAD), status(BAD)),
        "table": form(table([BAD], [[BAD]])),
    }


@pytest.mark.parametrize("kind", forms())
def test_nothing_of_a_user_becomes_markup(kind: str) -> None:
    read = Read(forms()[kind])
    assert read.tags <= HARMLESS
    assert read.open == []
    assert not [name for name in read.given if name.startswith("on")]
    assert all(value.startswith("data:image/") for value in read.given.get("src", ()))
    assert "href" not in read.given
    assert all("<" not in value for value in read.given.get("style", ()))


@pytest.mark.parametrize("kind", forms())
def test_a_form_needs_nothing_from_outside(kind: str) -> None:
    text = forms()[kind].replace("http://www.w3.org/2000/svg", "")
    for word in ("http:", "https:", "@import", "url(", "//"):
        assert word not in text


def test_a_page_of_its_own_is_light_or_dark_as_its_reader_likes() -> None:
    text = page("a <b>", "x & y")
    assert "color-scheme:light dark" in text
    assert "<title>a &lt;b&gt;</title>" in text
    assert "x &amp; y" in text


def test_a_run_of_many_steps_is_shown_by_the_telling_ones() -> None:
    steps = [step(f"s{n}", "reused").step for n in range(5000)]
    steps += [step("bad", "failed", error=ErrorRecord("E", "x")).step]
    steps += [step(f"d{n}", "done").step for n in range(20)]
    text = run_form(run(), steps, [("s", Metric(f"m{n}", n, None, 0)) for n in range(900)], None)
    assert len(text) < 60_000
    assert "… and 4,961 more: 4,961 reused" in text
    assert "… and 840 more" in text
    assert ">bad</td>" in text
    assert ">d19</td>" in text


def test_a_long_text_is_cut() -> None:
    manifest = Manifest(id="1", content="c", serializer="json", type="builtins:str")
    assert len(artifact_form("a", manifest, "", Html(""), Html(""), "x" * 1_000_000)) < 15_000
    assert len(form(table([], [["x" * 1_000_000]]))) < 10_000
    done = step("s", "done").step
    assert len(step_run_form(done, [], {}, {}, "line\n" * 100_000)) < 15_000


def test_progress_in_a_cell_is_one_display_that_ends_folded() -> None:
    shown: list[tuple[str, str]] = []
    view = Cells(lambda html, text: shown.append((html, text)))
    start = began(node("fit"))
    for event in (*start, step("fit", "running"), says("fit", 1, 4, BAD), step("fit", "done")):
        view(event)
    view(over())
    view.close()
    html, text = shown[-1]
    assert text == "run 6abc of training: done; 1 done"
    assert "<details><summary>" in html
    assert Read(html).tags <= HARMLESS

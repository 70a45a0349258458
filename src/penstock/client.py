"""The reader of one stack: runs, steps, artifacts, logs and explanations, as frozen values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from penstock.artifacts.streams import STREAM
from penstock.config import near
from penstock.core.conditions import Measure, Names
from penstock.core.explanation import Explanation, Shown
from penstock.core.graph import Closure, Graph
from penstock.core.options import options
from penstock.core.parts import Change, InputChange, PackageChange, explain
from penstock.core.ports import RunFilter
from penstock.core.records import INLINE_LIMIT, Made, Manifest, Metric, RunRecord, StepRecord
from penstock.errors import NotFound
from penstock.perform.logs import log_path
from penstock.run.references import named
from penstock.run.results import Results
from penstock.spec.record import unpack, values
from penstock.stack import Stack


class Client:
    """Reads what a stack recorded. `run` is an id, a unique prefix of one, a name, or "last"."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._store = stack.metadata

    # ---- runs and steps

    def runs(self, filter: RunFilter = RunFilter()) -> Sequence[RunRecord]:  # noqa: B008  # frozen
        """This project's runs, newest first; set `project=""` for every project's."""
        project = self.stack.project.name if filter.project is None else filter.project or None
        return self._store.runs.list(replace(filter, project=project))

    def names(self) -> Names:
        """The parameters, steps and metrics that this project's runs can be filtered by."""
        return self._store.runs.names(self.stack.project.name)

    def chosen(self, filter: RunFilter, where: str = "", sort: Sequence[str] = ()) -> RunFilter:
        """The filter with a condition and an order as people write them. Raises UsageError."""
        if not where and not sort:
            return filter
        # Most commands ask for no choice: its language takes as long as a hundredth of a run.
        from penstock.core import where as language

        names = self.names()
        return replace(
            filter,
            where=language.where(where, names) if where else None,
            order=tuple(language.order(one, names) for one in sort),
        )

    def measured(self, runs: Sequence[str], metric: Measure) -> Sequence[float | None]:
        """A metric of many runs at once."""
        return self._store.runs.measured(runs, metric)

    def run(self, run: str) -> RunRecord:
        """Raises NotFound, with near names as its hint."""
        return named(self._store, run, self.stack.project.name)

    def edit(
        self,
        run: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        kept: bool | None = None,
    ) -> RunRecord:
        """Change what people say of a run; None leaves it. Raises UsageError for a name that misleads."""
        checked = options(name=name, tags=tags)
        return self._store.runs.edit(
            run,
            name=None if name is None else checked.name,
            tags=None if tags is None else checked.tags,
            note=note,
            kept=kept,
        )

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        return self._store.runs.steps(run, node)

    def step(self, run: str, name: str) -> StepRecord:
        """ "fit", "sub/fit-2", or an item of a map: "fit[3]"."""
        node, _, index = name.partition("[")
        index = index.removesuffix("]")
        for step in self.steps(run, node):
            if step.index == index:
                return step
        raise self._no_step(run, name)

    def metrics(self, run: str, *, last: bool = True) -> Sequence[tuple[str, Metric]]:
        return self._store.runs.metrics(run, last=last)

    # ---- artifacts

    def manifest(self, id: str) -> Manifest:
        return self._store.catalog.manifest(id)

    def load(self, made: Made | Manifest) -> object:
        """The value: verified, and a fresh one for each call."""
        manifest = made if isinstance(made, Manifest) else self.manifest(made.artifact)
        return self.stack.artifacts.decode(manifest)

    def result(self, run: str) -> object:
        """What the pipeline returned."""
        return self.results(run).value()

    def results(self, run: str) -> Results:
        """The values of a run, put together from its graph and its records."""
        record = self.run(run)
        graph = self.graph(record)
        if graph is None:
            raise NotFound(f"the graph of run '{record.id}' is not recorded")
        known: dict[str, Sequence[StepRecord]] = {}

        def steps(node: str) -> Sequence[StepRecord]:
            if node not in known:
                known[node] = self.steps(record.id, node)
            return known[node]

        return Results(graph, steps, self.load, self.fetch)

    def fetch(self, address: str) -> object:
        """What an address stands for: `run:ID/STEP[.OUTPUT]` or `artifact:ID`."""
        kind, _, rest = address.partition(":")
        if kind == "artifact":
            return self.load(self.manifest(rest))
        run, _, name = rest.partition("/")
        record = self.run(run)
        known = {step.name: step for step in self.steps(record.id)}
        output = ""
        if name not in known and "." in name:
            name, _, output = name.rpartition(".")
        step = self.step(record.id, name)
        if step.total is None or step.index:
            return self._output(step, output, address)
        items = [one for one in known.values() if one.node == step.node and one.index]
        items.sort(key=lambda item: [int(part) for part in item.index.split(".")])
        return [self._output(item, output, address) for item in items]

    def _output(self, step: StepRecord, output: str, address: str) -> object:
        if not output and len(step.outputs) == 1:
            output = next(iter(step.outputs))
        if output not in step.outputs:
            raise NotFound(f"'{address}' names no output", hint=near(output, step.outputs))
        return self.load(step.outputs[output])

    # ---- code, texts and logs

    def texts(self, *digests: str) -> Mapping[str, str]:
        return self._store.catalog.texts([digest for digest in digests if digest])

    def closure(self, step: StepRecord) -> Closure | None:
        """The code that the step was decided with; None where it was not kept."""
        return self.code_of(step.parts.code) if step.parts else None

    def code(self, run: str, step: str) -> Mapping[str, str]:
        """Sources of everything the step's code reached: "features.py:encode" to text."""
        record = self.step(self.run(run).id, step)
        if record.total is not None and not record.index:
            # A map has no code of its own: it is that of its items.
            items = self.steps(record.run, record.node)
            record = next((item for item in items if item.parts is not None), record)
        found = self.closure(record)
        return found.sources if found else {}

    def written(self, run: RunRecord) -> Graph | None:
        """The graph of a run as it was given: of one from a spec with its parameters open."""
        text = self.texts(run.graph).get(run.graph)
        return unpack(text) if text else None

    def yaml(self, run: str) -> str:
        """The pipeline of a run as YAML. Raises NotFound."""
        # Only who asks for it pays for its words.
        from penstock.spec.printer import print_graph

        record = self.run(run)
        graph = self.written(record)
        if graph is None:
            raise NotFound(f"the graph of run '{record.id}' is not recorded")
        return print_graph(graph)

    def graph(self, run: RunRecord) -> Graph | None:
        """The graph of a run with its arguments in place; None where it was not kept."""
        found = self.written(run)
        if found is None or all(param.structural for param in found.params):
            return None if found is None else values(found)
        from penstock.spec.binding import bound

        return bound(values(found), values(found).arguments, lambda _: "", run.logical_date)

    def log_path(self, step: StepRecord) -> Path:
        """Where the step's process writes; of a reused step, what its origin wrote."""
        logs = self.stack.project.home / "logs"
        run, node, index = self._origin(step)
        return log_path(logs, run, node, index)

    def _origin(self, step: StepRecord) -> tuple[str, str, str]:
        """Where this call was executed. It may have had another name there, or another place in a map."""
        if not step.source:
            return step.run, step.node, step.index
        entry = self._store.calls.find(step.key, step.seed or 0) if step.key else None
        if entry is not None and entry.run == step.source:
            return entry.run, entry.node, entry.index
        for one in self.steps(step.source):
            if one.key == step.key and not one.source:
                return one.run, one.node, one.index
        return step.source, step.node, step.index

    def log(self, run: str, step: str) -> str:
        """What the step printed and logged; "" if nothing."""
        return self.logged(self.step(self.run(run).id, step))

    def logged(self, step: StepRecord) -> str:
        """The same, of a step that is at hand."""
        try:
            return self.log_path(step).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    # ---- why

    def why(self, run: str, step: str) -> Explanation:
        """Why this step ran, or from where it was reused."""
        record = self.run(run)
        return self._explain(record, self.step(record.id, step))

    def explain(self, run: str) -> Sequence[Explanation]:
        """Every step of a run; a map is one entry."""
        record = self.run(run)
        steps = self.steps(record.id)
        items: dict[str, list[StepRecord]] = {}
        for step in steps:
            if step.index:
                items.setdefault(step.node, []).append(step)
        maps = {step.node for step in steps if not step.index}
        return [
            self._explain(record, step, items.get(step.node, ()))
            for step in steps
            if not step.index or step.node not in maps
        ]

    def _explain(
        self, run: RunRecord, step: StepRecord, items: Sequence[StepRecord] | None = None
    ) -> Explanation:
        if step.total is not None and not step.index and items is None:
            items = [item for item in self.steps(run.id, step.node) if item.index]
        told = next((item for item in items or () if item.status != "reused"), step)
        changes, shown, against = self._changes(run, told)
        return Explanation(
            run=run.id,
            step=step.name,
            status=step.status,
            reason=step.reason or told.reason,
            source=step.source,
            against=against,
            changes=changes,
            shown=shown,
            notes=step.notes,
            reads=step.reads,
            total=step.total,
            items=dict(Counter(item.status for item in items or ())),
        )

    def _changes(
        self, run: RunRecord, step: StepRecord
    ) -> tuple[tuple[Change, ...], dict[str, Shown], str]:
        if step.parts is None or step.status == "reused":
            return (), {}, ""
        old = self._store.calls.previous(run, step.node, step.index, step.ref)
        if old is None or old.parts is None:
            return (), {}, ""
        changes = explain(old.parts, step.parts, self.code_of, ref=step.ref)
        shown = {
            change.name: Shown(
                self._describe(old.run, old.parts.shown.get(change.name, ""), change.before),
                self._describe(run.id, change.source, change.after),
            )
            for change in changes
            if isinstance(change, InputChange)
        }
        return (*changes, *self._packages(old.run, run, step)), shown, old.run

    def _packages(self, before: str, run: RunRecord, step: StepRecord) -> Sequence[PackageChange]:
        """Packages that changed without being part of the key: only told."""
        was, now = self._store.runs.get(before).provenance.packages, run.provenance.packages
        if was == now:
            return ()
        texts = self.texts(was, now)
        if was not in texts or now not in texts:
            return ()
        old, new = versions(texts[was]), versions(texts[now])
        direct = step.parts.distributions if step.parts else {}
        return [
            PackageChange(name, old.get(name, ""), new.get(name, ""), direct=False)
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name) and name not in direct
        ]

    def _describe(self, run: str, source: str, content: str) -> str:
        node, _, output = source.partition(".")
        node = node.partition("[")[0]
        for step in self.steps(run, node) if node else ():
            for name, made in step.outputs.items():
                if made.content == content or (not step.index and name == (output or "result")):
                    return describe(self.manifest(made.artifact))
        return ""

    def code_of(self, code: str) -> Closure | None:
        text = self.texts(code).get(code)
        return msgspec.json.decode(text, type=Closure) if text else None

    def _no_step(self, run: str, name: str) -> NotFound:
        names = dict.fromkeys(step.node for step in self.steps(run))
        return NotFound(f"run '{run}' has no step '{name}'", hint=near(name, names))


_TAGGED = {f'{{"$":["float","{word}"]}}': word for word in ("nan", "inf", "-inf")}


def describe(manifest: Manifest) -> str:
    """An artifact in a few words: "DataFrame 330000 × 12, 31.2 MB", "dict {"auc":0.71}"."""
    kind = manifest.type.rpartition(":")[2] or manifest.serializer
    if manifest.items is not None:
        about = f"of {manifest.items}"
    elif manifest.serializer == STREAM:
        about = f"of {manifest.meta.get('count', 0)}"
    elif manifest.serializer == "json" and manifest.inline is not None:
        text = manifest.inline.decode(errors="replace")
        text = _TAGGED.get(text, text)
        # What JSON has no word for is written with tags, which say nothing to people.
        about = "" if '{"$"' in text else text if len(text) <= 60 else text[:59] + "…"
    elif manifest.serializer == "path":
        about = str(manifest.meta.get("name") or manifest.meta.get("path") or "")
    else:
        about = _shape(manifest.meta)
    size = f", {in_bytes(manifest.size)}" if manifest.size > INLINE_LIMIT else ""
    return f"{kind} {about}".rstrip() + size


def _shape(meta: Mapping[str, Any]) -> str:
    shape = meta.get("shape")
    if shape is None and "rows" in meta:
        shape = [meta["rows"], len(meta.get("columns") or ())]
    return " × ".join(str(length) for length in shape) if isinstance(shape, list | tuple) else ""


def in_bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def versions(text: str) -> Mapping[str, str]:
    """Packages by name, from lines of "name==version"."""
    pairs = (line.partition("==") for line in text.splitlines())
    return {name.strip(): version.strip() for name, _, version in pairs}

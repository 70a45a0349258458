"""A spec read: YAML into a graph whose code is not looked at yet, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from penstock.core.durations import is_wait, seconds
from penstock.core.graph import (
    FORMAT,
    CachePolicy,
    Each,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    Output,
    Param,
    Retry,
    StepNode,
)
from penstock.core.place import Place, near, unknown
from penstock.errors import ConfigError, UsageError
from penstock.spec.parser import built, parse
from penstock.spec.printer import REQUIRED
from penstock.spec.tree import Mapping, Scalar, Sequence, Tree, read_tree
from penstock.spec.values import needs_code

TOP = ("penstock", "pipeline", "from", "parameters", "fixed", "steps", "returns")
WIRING = ("inputs", "each", "cross", "collect", "when", "after")
OPTIONS = ("retries", "timeout", "cache", "env", "resources", "executor", "serializer")
STEP = ("step", *WIRING, *OPTIONS)
NESTED = ("pipeline", "from", *WIRING, "steps", "returns")
CACHE = ("ttl", "ignore", "version", "environment", "also", "key")
RETRIES = ("times", "delay", "backoff", "on")
FORBIDDEN = "/[]. \t\n"

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A graph from a file; `places` has the line of each part, by its keys from the top."""

    graph: Graph
    file: str
    places: dict[Path, int] = field(default_factory=dict)

    def place(self, *path: str) -> Place:
        """Where this stands, or the nearest that holds it."""
        for length in range(len(path), 0, -1):
            if line := self.places.get(path[:length]):
                return Place(self.file, line)
        return Place(self.file)


def read_spec(data: bytes | str, shown: str) -> Spec:
    """Raises ConfigError, with the line."""
    spec = Spec(Graph(name="", nodes=(), outputs=Literal(None, "")), shown)
    graph = _Reader(spec).top(read_tree(data, shown))
    return Spec(graph, shown, spec.places)


class _Reader:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    # ---- the levels

    def top(self, tree: Tree) -> Graph:
        parts = self._mapping(tree, (), TOP, "a part of a spec")
        version = self._plain(parts.get("penstock"), ("penstock",)) if "penstock" in parts else None
        if version != FORMAT:
            what = f"format {version}" if version is not None else "no format"
            raise self._wrong(
                ("penstock",),
                f"this has {what}, and is read as format {FORMAT}",
                f"A spec begins with `penstock: {FORMAT}`.",
            )
        params: list[Param] = []
        arguments: dict[str, Input] = {}
        for title, structural in (("parameters", False), ("fixed", True)):
            for name, value in self._named(parts.get(title), (title,)).items():
                path = (title, name)
                if name in arguments or any(name == param.name for param in params):
                    raise self._wrong(path, f"'{name}' is a parameter twice")
                source = self._parameter(value, path)
                params.append(Param(name=name, required=source is None, structural=structural))
                if source is not None:
                    arguments[name] = source
        name = self._text(parts, "pipeline", ()) or "pipeline"
        free = [param.name for param in params if not param.structural]
        nodes, outputs = self._body(parts, (), free)
        return Graph(
            name=name,
            ref=self._text(parts, "from", ()),
            nodes=nodes,
            outputs=outputs,
            params=tuple(params),
            arguments=arguments,
        )

    def _parameter(self, value: Tree, path: Path) -> Input | None:
        if isinstance(value, Scalar) and isinstance(value.value, str):
            text = value.value
            if text[:1] == "=" and text[1:].strip() == REQUIRED:
                return None
        return self._input(value, path, (), ())

    def _body(
        self, parts: dict[str, Tree], path: Path, params: Collection[str]
    ) -> tuple[tuple[Node, ...], Input]:
        steps = self._named(parts.get("steps"), (*path, "steps"))
        nodes = tuple(
            self._node(id, value, (*path, "steps", id), steps, params)
            for id, value in steps.items()
        )
        outputs: Input = Literal(None, "")
        if "returns" in parts:
            outputs = self._input(parts["returns"], (*path, "returns"), steps, params)
        return nodes, outputs

    def _node(
        self, id: str, tree: Tree, path: Path, steps: Collection[str], params: Collection[str]
    ) -> Node:
        if not id or any(mark in id for mark in FORBIDDEN):
            raise self._wrong(
                path,
                f"'{id}' cannot be the name of a step",
                "Letters, digits, '-' and '_' are safe.",
            )
        nested = isinstance(tree, Mapping) and any(k.value == "steps" for k, _ in tree.items)
        known = NESTED if nested else STEP
        parts = self._mapping(tree, path, known, "a part of a step")
        inputs, each = self._inputs(parts, path, steps, params)
        when = None
        if "when" in parts:
            when = self._input(parts["when"], (*path, "when"), steps, params)
        after = self._after(parts, path, steps)
        if nested:
            nodes, outputs = self._body(parts, path, inputs)
            name = self._text(parts, "pipeline", path) or id
            ref = self._text(parts, "from", path)
            graph = Graph(name=name, ref=ref, nodes=nodes, outputs=outputs)
            return GraphNode(id=id, graph=graph, inputs=inputs, each=each, when=when, after=after)
        ref = self._text(parts, "step", path)
        if ":" not in ref:
            hint = "Write step: module:function; or steps: of a pipeline in this place."
            raise self._wrong((*path, "step"), f"'{id}' names no step", hint)
        node = StepNode(id=id, ref=ref, code="", inputs=inputs, each=each, when=when, after=after)
        return self._set(node, parts, path)

    # ---- wiring

    def _inputs(
        self, parts: dict[str, Tree], path: Path, steps: Collection[str], params: Collection[str]
    ) -> tuple[dict[str, Input], Each | None]:
        found: dict[str, dict[str, Input]] = {}
        seen: dict[str, str] = {}
        for title in ("inputs", "each", "cross"):
            found[title] = {}
            for name, value in self._named(parts.get(title), (*path, title)).items():
                at = (*path, title, name)
                if name in seen:
                    raise self._wrong(at, f"'{name}' is in '{seen[name]}' too")
                seen[name] = title
                # One place for an argument, wherever it stands.
                self._spec.places[(*path, "inputs", name)] = self._line(at)
                found[title][name] = self._input(value, at, steps, params)
        collect = self._plain(parts.get("collect"), (*path, "collect")) or False
        if not isinstance(collect, bool):
            raise self._wrong((*path, "collect"), "collect is true or false")
        fans = found["each"] or found["cross"]
        if collect and not fans:
            raise self._wrong((*path, "collect"), "collect is of a map", "Add each: or cross:.")
        for title in ("each", "cross"):
            for name, source in found[title].items():
                if isinstance(source, Literal) and not _is_many(source.value):
                    raise self._wrong(
                        (*path, title, name), f"'{name}' runs over a list", "Write [a, b]."
                    )
        each = Each(tuple(found["each"]), tuple(found["cross"]), collect) if fans else None
        return {**found["inputs"], **found["each"], **found["cross"]}, each

    def _after(self, parts: dict[str, Tree], path: Path, steps: Collection[str]) -> tuple[str, ...]:
        names = self._plain(parts.get("after"), (*path, "after"))
        names = [names] if isinstance(names, str) else names or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._wrong((*path, "after"), "after is a list of steps")
        for name in names:
            if name not in steps:
                raise self._wrong((*path, "after"), f"no step '{name}'", near(name, steps))
        return tuple(names)

    def _input(
        self, tree: Tree, path: Path, steps: Collection[str], params: Collection[str]
    ) -> Input:
        self._spec.places[path] = tree.line
        match tree:
            case Scalar(str(text), line) if text[:1] == "=":
                try:
                    return parse(text[1:], steps, params)
                except UsageError as error:
                    place = Place(self._spec.file, line)
                    raise ConfigError(f"{place}: {error.message}", hint=error.hint) from None
            case Scalar(value):
                return Literal(value, "")
            case Sequence(items):
                inner = [self._input(item, path, steps, params) for item in items]
                made = built("list", inner)
            case Mapping(pairs):
                keys = tuple(self._key(key) for key, _ in pairs)
                inner = [self._input(item, path, steps, params) for _, item in pairs]
                made = built("dict", inner, keys)
        self._spec.places[path] = tree.line
        return made

    def _key(self, key: Scalar) -> Any:
        source = self._input(key, (), (), ())
        if not isinstance(source, Literal):
            place = Place(self._spec.file, key.line)
            raise ConfigError(f"{place}: '{key.value}' is no key", hint="Write a value.")
        try:
            hash(source.value)
        except TypeError:
            place = Place(self._spec.file, key.line)
            raise ConfigError(f"{place}: '{key.value}' is no key: it can change") from None
        return source.value

    # ---- options of a step

    def _set(self, node: StepNode, parts: dict[str, Tree], path: Path) -> StepNode:
        given = {name: parts[name] for name in OPTIONS if name in parts}
        if not given:
            return node
        made: dict[str, Any] = {}
        for name, tree in given.items():
            made |= self._option(name, tree, (*path, name))
        node = replace(node, **made)
        plain = StepNode(id="", ref="", code="")
        kept = {"retries": "retry", "serializer": "outputs"}
        reset = (
            n for n in given if getattr(node, kept.get(n, n)) == getattr(plain, kept.get(n, n))
        )
        return replace(node, reset=tuple(reset))

    def _option(self, name: str, tree: Tree, path: Path) -> dict[str, Any]:
        value = self._plain(tree, path)
        match name, value:
            case "retries", _:
                return {"retry": self._retries(tree, value, path)}
            case "timeout", None:
                return {"timeout": None}
            case "timeout", _:
                return {"timeout": self._seconds(value, path)}
            case "cache", bool() | None:
                return {"cache": CachePolicy(enabled=value)}
            case "cache", dict():
                return {"cache": self._cache(tree, path)}
            case "env", _:
                return {"env": value}
            case "resources", dict() | None:
                return {"resources": value or {}}
            case "executor", str() | None:
                return {"executor": value or ""}
            case "serializer", str():
                return {"outputs": (Output("", "", value),)}
            case "serializer", dict() if all(
                isinstance(x, str) for pair in value.items() for x in pair
            ):
                return {"outputs": tuple(Output(key, "", word) for key, word in value.items())}
        raise self._wrong(path, f"'{name}' is {_kind(value)}", _EXAMPLES[name])

    def _retries(self, tree: Tree, value: Any, path: Path) -> Retry:
        if isinstance(value, dict):
            self._mapping(tree, path, RETRIES, "a part of retries")
            on = value.pop("on", [])
            numbers = [value.get("delay", 1.0), value.get("backoff", 2.0)]
            value, fine = value.get("times", 1), all(map(is_wait, numbers))
            if not fine or not isinstance(on, list) or not all(isinstance(n, str) for n in on):
                raise self._wrong(path, "a part of retries is wrong", _EXAMPLES["retries"])
        else:
            numbers, on = [1.0, 2.0], []
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(path, f"{value!r} is no number of retries", _EXAMPLES["retries"])
        return Retry(value, float(numbers[0]), float(numbers[1]), tuple(on))

    def _cache(self, tree: Tree, path: Path) -> CachePolicy:
        words = {
            name: self._plain(item, (*path, name))
            for name, item in self._mapping(tree, path, CACHE, "a part of a cache policy").items()
        }
        ignore, ttl = words.get("ignore") or [], words.get("ttl")
        if not isinstance(ignore, list) or not all(isinstance(name, str) for name in ignore):
            raise self._wrong((*path, "ignore"), "ignore is a list of arguments")
        version = words.get("version")
        if isinstance(version, bool) or not isinstance(version, str | int | float | None):
            raise self._wrong((*path, "version"), "version is text or a number")
        for name in ("environment", "also", "key"):
            if not isinstance(words.get(name, False), bool):
                hint = "What it names stands in code: true keeps it, leave it out for none."
                raise self._wrong((*path, name), f"'{name}' is true or false", hint)
        return CachePolicy(
            ttl=None if ttl is None else self._seconds(ttl, (*path, "ttl")),
            ignore=tuple(ignore),
            version="" if version is None else str(version),
            environment=words.get("environment", False),
            also="code" if words.get("also") else "",
            has_key=words.get("key", False),
        )

    def _seconds(self, value: Any, path: Path) -> float:
        found = seconds(value) if isinstance(value, str) else value if is_wait(value) else None
        if not found:
            raise self._wrong(path, f"{value!r} is no time", "Write 90s, 10m, 1h30m, or seconds.")
        return float(found)

    # ---- plain parts

    def _mapping(
        self, tree: Tree, path: Path, known: Collection[str], what: str
    ) -> dict[str, Tree]:
        found = self._named(tree, path)
        for name in found:
            if name not in known:
                raise unknown(what, name, known, Place(self._spec.file, self._line((*path, name))))
        return found

    def _named(self, tree: Tree | None, path: Path) -> dict[str, Tree]:
        """A mapping of names; what is left empty has none."""
        match tree:
            case None | Scalar(None):
                return {}
            case Mapping(items, line):
                self._spec.places.setdefault(path, line)
                for key, _ in items:
                    self._spec.places[(*path, str(key.value))] = key.line
                wrong = next((key for key, _ in items if not isinstance(key.value, str)), None)
                if wrong is not None:
                    place = Place(self._spec.file, wrong.line)
                    raise ConfigError(f"{place}: '{wrong.value}' is no name", hint="Quote it.")
                return {key.value: item for key, item in items}
        what = f"'{path[-1]}'" if path else "the file"
        place = Place(self._spec.file, tree.line)
        raise ConfigError(
            f"{place}: {what} is not a mapping of names", hint="Write 'name: value' lines under it."
        )

    def _plain(self, tree: Tree | None, path: Path) -> Any:
        """A value without inputs in it."""
        if tree is None:
            return None
        source = self._input(tree, path, (), ())
        if not isinstance(source, Literal) or needs_code(source.value):
            raise self._wrong(path, f"'{path[-1]}' is no plain value")
        return source.value

    def _text(self, parts: dict[str, Tree], name: str, path: Path) -> str:
        tree = parts.get(name)
        # A name is no expression, whatever it begins with.
        value = tree.value if isinstance(tree, Scalar) else self._plain(tree, (*path, name))
        if not isinstance(value, str | None):
            raise self._wrong((*path, name), f"'{name}' is {_kind(value)}, not text")
        return value or ""

    def _line(self, path: Path) -> int:
        return next(self._lines(path), 0)

    def _lines(self, path: Path) -> Iterator[int]:
        for length in range(len(path), -1, -1):
            if line := self._spec.places.get(path[:length]):
                yield line

    def _wrong(self, path: Path, what: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{Place(self._spec.file, self._line(path))}: {what}", hint=hint)


_EXAMPLES = {
    "retries": "Write 2, or {times: 2, delay: 1}.",
    "cache": "Write false, or {ttl: 12h, version: '2'}.",
    "resources": "Write {cpu: 2, memory: 4GB}.",
    "executor": "Write processes.",
    "serializer": "Write pickle, or {OUTPUT: pickle}.",
}


def _is_many(value: Any) -> bool:
    # What code makes is looked at when it is made.
    return needs_code(value) or (not isinstance(value, str | bytes) and hasattr(value, "__iter__"))


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"

"""Performing a call: load its arguments, run the user's function, store what it returns."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from penstock.artifacts.codec import Artifacts
from penstock.artifacts.streams import is_stream
from penstock.core import interrupts
from penstock.core.calls import DATED, Broke, Call, Outcome, Succeeded
from penstock.core.failing import cut, describe, retryable
from penstock.core.naming import MAIN
from penstock.core.project import Project
from penstock.core.records import ErrorRecord, Logged, Manifest
from penstock.errors import CodeChanged, DefinitionError, PenstockError, SerializationError
from penstock.perform import audit
from penstock.perform.arguments import LOST, Loader, Lost, invoke, look
from penstock.perform.audit import Watch, undeclared
from penstock.perform.capture import Capture, Descriptors, Streams
from penstock.perform.context import Notify, Scene
from penstock.perform.debugger import is_quit
from penstock.perform.logs import Log, file_name, log_path
from penstock.perform.redact import Redactor
from penstock.perform.stage import Stage
from penstock.perform.usage import Meter

T = TypeVar("T")


class Tools(Struct, frozen=True):
    """What a call is performed with."""

    artifacts: Artifacts
    project: Project
    scratch: Path
    logs: Path
    closure: Callable[[Callable[..., Any]], str] | None = None
    """Computes a function's code digest anew; None where the code is what was planned."""
    class_digest: Callable[[str], str] | None = None
    """The same for a class, by its name; "" where it is not to be found."""
    own: bool = False
    """This process does nothing but perform calls: its file descriptors are theirs."""
    fflush: Callable[[], None] = lambda: None
    """Lets out what native code has printed."""

    def perform(self, call: Call, function: Callable[..., Any], notify: Notify) -> Outcome:
        return perform(call, function, self, notify)


def perform(call: Call, function: Callable[..., Any], tools: Tools, notify: Notify) -> Outcome:
    """Perform a call; whatever the user's code does, the answer is an outcome.

    Only KeyboardInterrupt passes through. `notify` is told of progress and checkpoints, with id 0.
    """
    meter = Meter(own=tools.own)
    name = f"{call.run}.{file_name(call.node, call.index)}.{os.getpid()}"
    scratch = Path(f"{tools.scratch}{os.sep}{name}")
    loader = Loader(tools.artifacts, scratch, copies=not tools.own)
    heeded = interrupts.heed()
    try:
        if tools.closure is not None and tools.closure(function) != call.code:
            return _refused(_changed(call), meter)
        if other := _other_class(call, tools):
            return _refused(other, meter)
        return _loaded(call, function, tools, notify, loader, meter)
    except Lost as lost:
        return _refused(lost.error, meter, lost.artifacts)
    except PenstockError as error:
        return _refused(error, meter)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # around the user's serializers, which restore the arguments
        return _refused(cut(error), meter)
    finally:
        interrupts.hold(heeded)
        if os.path.isdir(scratch):
            shutil.rmtree(scratch, ignore_errors=True)


def _loaded(
    call: Call,
    function: Callable[..., Any],
    tools: Tools,
    notify: Notify,
    loader: Loader,
    meter: Meter,
) -> Outcome:
    arguments = loader.load(call.arguments)
    secrets = Redactor(loader.secrets) if loader.secrets else None
    watch = Watch(tools.project.root, tools.project.home, loader.paths, strict=call.strict)
    before = [(path, look(path)) for path in loader.paths]
    scene = _scene(call, tools, notify, loader.scratch)
    capture = _capture(call, tools, secrets) if call.capture else None
    memory = call.memory if tools.own else None
    outputs: dict[str, Manifest] = {}
    failure: BaseException | None = None
    drew = False
    # Put up and taken down whole: no interrupt comes between.
    interrupts.hold(False)
    with Stage(scene, watch, meter, capture, memory) as stage:
        try:
            interrupts.heed()
            results = _outputs(call, invoke(function, arguments))
            del arguments
            for name in [name for name, value in results.items() if is_stream(value)]:
                # The function goes on while its items are stored.
                items = _drawn(results.pop(name), watch)
                outputs[name] = _encode(call, name, items, tools, scene, loader.scratch)
            drew = stage.leave_function()
            reads = _reads(watch, scene)
            if call.strict and reads:
                raise undeclared(reads)
            for name, value in results.items():
                outputs[name] = _encode(call, name, value, tools, scene)
        except KeyboardInterrupt:
            raise
        except LOST as error:  # of a stream that it was reading
            if lost := loader.lost():
                raise Lost(lost, error) from error
            failure = error
        except BaseException as error:  # around user code: SystemExit is a failure, too
            if is_quit(error) and not tools.own:
                raise KeyboardInterrupt from error
            failure = error
        finally:
            interrupts.hold(False)
    logged, notes = _logged(scene, secrets), _notes(scene)
    if failure is not None:
        told = describe(failure)
        shown = _redacted(told, secrets)
        return Broke(
            kind="error",
            error=shown,
            # One that would tell a secret to whoever shows it stays here.
            exception=cut(failure) if shown == told else None,
            retryable=_worth(failure, call),
            logged=logged,
            reads=_reads(watch, scene),
            notes=notes,
            usage=meter.read(),
        )
    return Succeeded(
        outputs={output.name: outputs[output.name] for output in call.outputs},
        extra=tuple(scene.extra),
        logged=logged,
        drew=drew,
        reads=reads,
        changed=tuple(str(path) for path, seen in before if look(path) != seen),
        notes=notes,
        usage=meter.read(),
    )


# ---- what surrounds the function


def _scene(call: Call, tools: Tools, notify: Notify, scratch: Path) -> Scene:
    return Scene(
        run=call.run,
        step=call.node,
        index=call.index,
        attempt=call.attempt,
        seed=call.seed,
        key=call.key,
        logical_date=call.logical_date,
        make_scratch=lambda: _unwatched(partial(_make, scratch)),
        encode=lambda value: _unwatched(partial(tools.artifacts.encode, value, scratch=scratch)),
        decode=lambda manifest: _unwatched(
            partial(tools.artifacts.decode, manifest, scratch=scratch)
        ),
        notify=lambda signal: _unwatched(partial(notify, signal)),
        resume=call.resume,
    )


def _capture(call: Call, tools: Tools, secrets: Redactor | None) -> Capture:
    locate = partial(log_path, tools.logs, call.run, call.node, call.index)
    log = Log(locate, call.attempt, secrets)
    if tools.own:
        return Descriptors(log, redacted=secrets is not None, fflush=tools.fflush)
    return Streams(log)


def _make(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _unwatched(work: Callable[[], T]) -> T:
    """What we read and write for the step is not what the step reads."""
    before = audit.watch(None)
    try:
        return work()
    finally:
        audit.watch(before)


# ---- what comes of it


def _outputs(call: Call, result: Any) -> dict[str, Any]:
    names = tuple(output.name for output in call.outputs)
    if not call.several:
        return {names[0]: result}
    if isinstance(result, tuple) and getattr(result, "_fields", None) == names:
        return dict(zip(names, result, strict=True))
    raise DefinitionError(
        f"'{call.node}' returned a '{type(result).__name__}', but its annotation promises the "
        f"fields {', '.join(names)}",
        hint="Return the NamedTuple that is its return annotation.",
    )


def _encode(
    call: Call,
    name: str,
    value: Any,
    tools: Tools,
    scene: Scene,
    scratch: Path | None = None,
) -> Manifest:
    """`scratch` is the folder that the step may still ask for."""
    serializer = next((o.serializer for o in call.outputs if o.name == name), "")
    try:
        manifest, items = tools.artifacts.encode(
            value, serializer=serializer, scratch=scratch or scene.scratch
        )
    except SerializationError as error:
        which = (
            f"output '{name}' of '{call.node}'" if call.several else f"what '{call.node}' returns"
        )
        raise SerializationError(
            f"{which} cannot be stored: {error.message}", hint=error.hint
        ) from error
    scene.extra += items
    return manifest


def _drawn(stream: Iterator[Any], watch: Watch) -> Iterator[Any]:
    """The items, each made under watch: between them we write, which is not the step's doing."""
    while True:
        try:
            item = next(stream)
        except StopIteration:
            return
        audit.watch(None)
        yield item
        del item
        audit.watch(watch)


def _reads(watch: Watch, scene: Scene) -> tuple[str, ...]:
    return (*watch.reads, DATED) if scene.dated else watch.reads


def _notes(scene: Scene) -> tuple[str, ...]:
    return ("continued from a checkpoint",) if scene.continued else ()


def _worth(error: BaseException, call: Call) -> bool:
    """Another attempt at what we refuse would go the same way."""
    return not isinstance(error, PenstockError) and retryable(error, call.retry)


def _logged(scene: Scene, secrets: Redactor | None) -> Logged:
    logged = scene.logged()
    if secrets is None:
        return logged
    return replace(logged, params={name: _clean(v, secrets) for name, v in logged.params.items()})


def _clean(value: Any, secrets: Redactor) -> Any:
    match value:
        case str():
            return secrets.text(value)
        case list():
            return [_clean(item, secrets) for item in value]
        case dict():
            return {secrets.text(name): _clean(item, secrets) for name, item in value.items()}
        case _:
            return value


def _redacted(error: ErrorRecord, secrets: Redactor | None) -> ErrorRecord:
    if secrets is None:
        return error
    return ErrorRecord(error.type, secrets.text(error.message), secrets.text(error.traceback))


# ---- refusals


def _refused(error: BaseException, meter: Meter, lost: tuple[str, ...] = ()) -> Broke:
    return Broke(
        kind="refused",
        error=describe(error),
        exception=error,
        retryable=False,
        lost=lost,
        usage=meter.read(),
    )


def _other_class(call: Call, tools: Tools) -> CodeChanged | None:
    """What the key says of the classes of inputs must be true of those that load them here."""
    if tools.class_digest is None:
        return None
    for name, planned in call.classes.items():
        module, _, cls = name.partition(":")
        # A notebook's class travels with the function that uses it, whose own digest is compared.
        if module != MAIN and tools.class_digest(name) != planned:
            return CodeChanged(
                f"'{cls}' of '{module}' changed since the run was planned",
                hint=f"'{call.node}' is given it, and its file was edited meanwhile. Run again.",
            )
    return None


def _changed(call: Call) -> CodeChanged:
    return CodeChanged(
        f"the code of '{call.node}' changed since the run was planned",
        hint="Its file, or one of those that it uses, was edited meanwhile. Run again.",
    )

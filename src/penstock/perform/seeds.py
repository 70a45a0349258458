"""Seeds: `random`, NumPy's old generator and torch start each call alike; who draws is noticed.

Whether a generator was used is seen by drawing once more when the call has ended: the number must
be the first of its seed. That costs a third of comparing states (625 words each).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any

from penstock.perform import context
from penstock.perform.latecomers import when_imported

WORD = 2**32


class Seeds:
    """The generators of one call."""

    __slots__ = ("_checks", "_restore", "_seed")

    def __init__(self, seed: int, *, nested: bool) -> None:
        self._seed = seed
        self._checks: list[Callable[[], bool]] = []
        self._restore: list[Callable[[], None]] = []
        for name, begin in _KINDS.items():
            module = sys.modules.get(name)
            if module is not None:
                # The step that this call runs inside of draws on as if nothing had happened.
                if nested:
                    self._restore.append(_KEEP[name](module))
                self._checks.append(begin(module, seed))

    def latecomer(self, module: ModuleType) -> None:
        """A library that the step itself imported."""
        self._checks.append(_KINDS[module.__name__](module, self._seed))

    def drew(self) -> bool:
        """Whether any of them was used. Asked once, at the end: it draws itself."""
        return any(check() for check in self._checks)

    def close(self) -> None:
        for restore in self._restore:
            restore()


class Preserved:
    """A block after which the generators are as they were before: a run leaves no trace in a notebook."""

    def __enter__(self) -> None:
        self._restore = [
            keep(module) for name, keep in _KEEP.items() if (module := sys.modules.get(name))
        ]

    def __exit__(self, *_: object) -> None:
        for restore in self._restore:
            restore()


_current: list[Seeds] = []


def begin(seed: int) -> None:
    """Seed what is imported; what a step imports later is seeded then."""
    for name in _KINDS:
        when_imported(name, _late)
    _current.append(Seeds(seed, nested=bool(_current)))
    context.rehearse(seed)


def drew() -> bool:
    """Whether the innermost call has used a generator. Asked once, at its end."""
    return _current[-1].drew()


def end() -> None:
    context.rehearsed()
    _current.pop().close()


def _late(module: ModuleType) -> None:
    if _current:
        _current[-1].latecomer(module)


# ---- the kinds


_probe = Random()
_numpy_probe: list[Any] = []


def _python(module: Any, seed: int) -> Callable[[], bool]:
    module.seed(seed)

    def changed() -> bool:
        _probe.seed(seed)
        return bool(module.getrandbits(64) != _probe.getrandbits(64))

    return changed


def _numpy(module: Any, seed: int) -> Callable[[], bool]:
    word = seed % WORD
    module.seed(word)
    # The generator by name: a step may set another one in its place.
    bits = module.mtrand._rand._bit_generator

    def changed() -> bool:
        if not _numpy_probe:
            _numpy_probe.append(module.RandomState())
        probe = _numpy_probe[0]
        probe.seed(word)
        if module.mtrand._rand._bit_generator is not bits:
            return True
        return bool(bits.random_raw() != probe._bit_generator.random_raw())

    return changed


def _torch(module: Any, seed: int) -> Callable[[], bool]:
    module.manual_seed(seed)  # of every device, also of those that are not used yet
    before = _torch_states(module)

    def changed() -> bool:
        now = _torch_states(module)
        # A device that the call was the first to use has no state before it: it counts as drawn from.
        return len(now) != len(before) or not all(map(module.equal, now, before))

    return changed


def _torch_states(module: Any) -> list[Any]:
    devices = module.cuda.get_rng_state_all() if module.cuda.is_initialized() else ()
    return [module.get_rng_state(), *devices]


_KINDS: dict[str, Callable[[Any, int], Callable[[], bool]]] = {
    "random": _python,
    "numpy.random": _numpy,
    "torch": _torch,
}


def _keep_python(module: Any) -> Callable[[], None]:
    state = module.getstate()
    return lambda: module.setstate(state)


def _keep_numpy(module: Any) -> Callable[[], None]:
    state = module.get_state()
    return lambda: module.set_state(state)


def _keep_torch(module: Any) -> Callable[[], None]:
    state, *devices = _torch_states(module)

    def restore() -> None:
        module.set_rng_state(state)
        if devices:
            module.cuda.set_rng_state_all(devices)

    return restore


_KEEP: dict[str, Callable[[Any], Callable[[], None]]] = {
    "random": _keep_python,
    "numpy.random": _keep_numpy,
    "torch": _keep_torch,
}

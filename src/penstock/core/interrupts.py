"""Ctrl-C and SIGTERM, held back while an engine has something in hand.

An exception between any two lines of the engine could lose a step between its end and the record of
it. So while a run goes on, an interrupt waits until the engine looks; where a step's own code runs,
and where nothing is done but waiting, it is heard at once. Signals belong to the process, and so
does what is known of them here.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from msgspec import Struct, field

Act = Callable[[int, FrameType | None], Any]

SAME = 0.25
"""Seconds within which a second one is the first again: a terminal and a wrapper both pass it on."""


class _Held(Struct):
    thread: int
    before: dict[int, Any] = field(default_factory=dict)
    """By signal: its handler, which is called when it is heard."""
    heeding: bool = False
    ending: bool = False
    hurried: bool = False
    asked: int = 0
    """A signal that has come and was not heard yet."""
    last: float = 0.0

    def handle(self, number: int, frame: FrameType | None) -> None:
        moment = time.monotonic()
        again, self.last = moment - self.last < SAME, moment
        if self.ending:
            # It may have ended well, and what called it has to hear of this.
            self.asked, self.hurried = number, self.hurried or not again
        elif self.heeding or (self.asked and not again):  # Who asks twice is not kept waiting.
            self.hear(number, frame)
        else:
            self.asked = number

    def hear(self, number: int, frame: FrameType | None = None) -> None:
        self.asked = 0
        act: Act = signal.default_int_handler
        if callable(handler := self.before[number]):
            act = handler
        act(number, frame)

    def let_go(self) -> None:
        for number, handler in reversed(self.before.items()):
            # What a step has set in the meantime is its own affair.
            if signal.getsignal(number) == self.handle:
                signal.signal(number, handler)


_held: _Held | None = None


@contextmanager
def held() -> Iterator[None]:
    """Hold interrupts back: around a run. May nest; on another thread than the main one, nothing to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
    elif _held is not None:
        yield from _held_within(_held)
    else:
        yield from _held_first()


def _held_within(outer: _Held) -> Iterator[None]:
    """Of a run that a step makes."""
    before = outer.heeding
    outer.heeding = False
    try:
        yield
    except BaseException:
        outer.asked = 0
        raise
    finally:
        outer.heeding, outer.ending, outer.hurried = before, False, False
    check()


def _held_first() -> Iterator[None]:
    global _held
    one = _Held(threading.get_ident())
    # Until SIGINT is ours, and again when it no longer is, an interrupt may come between any two of
    # these lines: it is the first to be taken over and the last to be let go.
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            # SIGTERM cancels a run in good order, as Ctrl-C does; what is ignored stays ignored.
            if callable(handler) or (number == signal.SIGTERM and handler == signal.SIG_DFL):
                one.before[number] = handler
                signal.signal(number, one.handle)
        _held = one
        yield
    finally:
        _held = None
        one.let_go()
    if one.asked:
        one.hear(one.asked)


def heed() -> bool:
    """From here an interrupt is heard at once, also one that has come. The answer is for `hold`."""
    one = _held
    if one is None or one.thread != threading.get_ident():
        return False
    before, one.heeding = one.heeding, True
    check()
    return before


def hold(heeded: bool) -> None:
    """As it was before `heed`."""
    one = _held
    if one is not None and one.thread == threading.get_ident():
        one.heeding = heeded


def check() -> None:
    """Hear what has come, if anything."""
    one = _held
    if one is not None and one.asked and not one.ending and one.thread == threading.get_ident():
        one.hear(one.asked)


def end() -> None:
    """The run ends, one way or another: nothing interrupts that any more."""
    if _held is not None and _held.thread == threading.get_ident():
        _held.ending = True


def hurried() -> bool:
    """Whether someone is impatient with a run that ends."""
    return _held is not None and _held.hurried and _held.thread == threading.get_ident()


_MASKED = (signal.SIGINT, signal.SIGTERM)


def _forks() -> None:
    # What reaches the child before it is our own no more would be lost: Python forgets it.
    if _held is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _MASKED)


def _forked_here() -> None:
    if _held is not None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _MASKED)


def _forked() -> None:
    """A child that a step has forked is none of ours: a signal does to it what it always did."""
    global _held
    one, _held = _held, None
    if one is not None:
        one.let_go()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _MASKED)


os.register_at_fork(before=_forks, after_in_parent=_forked_here, after_in_child=_forked)

"""What a worker and its parent say to each other: frames over a socket, each after its length."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from penstock.core.calls import Broke, Call, Outcome, Succeeded
from penstock.core.graph import Target
from penstock.core.records import Manifest
from penstock.core.unsafe import pack, unpack

HEADER = struct.Struct("<Q")
CHUNK = 1 << 16


# ---- from the worker: plain values, and the user's exception in a packet of its own


class Ready(Struct, frozen=True, tag="ready"):
    """The process is up."""


class Begun(Struct, frozen=True, tag="begun"):
    """A function that was told for the first time is found; its call runs."""


class Moved(Struct, frozen=True, tag="moved"):
    done: float
    total: float | None
    message: str


class Kept(Struct, frozen=True, tag="kept"):
    """A checkpoint; the worker waits until it is recorded."""

    manifest: Manifest
    items: tuple[Manifest, ...] = ()


class Ended(Struct, frozen=True, tag="ended"):
    outcome: Succeeded | Broke
    exception: bytes = b""
    """The user's exception, packed, where it can be."""


Said = Ready | Begun | Moved | Kept | Ended
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Said] = msgspec.msgpack.Decoder(Said)


def said(data: bytes) -> Said:
    return _decoder.decode(data)


def say(message: Said) -> bytes:
    return _frame(_encoder.encode(message))


def ended(outcome: Outcome) -> bytes:
    """The end of a call; an exception that cannot be packed stays behind, its record does not."""
    if isinstance(outcome, Broke) and outcome.exception is not None:
        exception = _packed(outcome.exception)
        plain = msgspec.structs.replace(outcome, exception=None)
        return say(Ended(plain, exception))
    return say(Ended(outcome))


def outcome(message: Ended) -> Outcome:
    if isinstance(message.outcome, Broke) and message.exception:
        exception = _unpacked(message.exception)
        return msgspec.structs.replace(message.outcome, exception=exception)
    return message.outcome


def _packed(exception: BaseException) -> bytes:
    try:
        data = pack(exception)
        unpack(data)
    except Exception:  # the exception's own code
        return b""
    return data


def _unpacked(data: bytes) -> BaseException | None:
    try:
        value = unpack(data)
    except Exception:  # the exception's own code
        return None
    return value if isinstance(value, BaseException) else None


# ---- to the worker: calls hold values of the user's classes


class Task(Struct, frozen=True):
    """A call, and where its function is: told once, then known by its number."""

    call: Call
    function: int
    target: Target | None


RECORDED = b"\0"
"""The checkpoint is recorded: go on."""


def task(message: Task) -> bytes:
    return _frame(b"\1" + pack(message))


def recorded() -> bytes:
    return _frame(RECORDED)


def told(data: bytes) -> Task | None:
    """A task; None is the answer to a checkpoint."""
    if data == RECORDED:
        return None
    found: Task = unpack(data[1:])
    return found


# ---- frames


def _frame(data: bytes) -> bytes:
    return HEADER.pack(len(data)) + data


class Frames:
    """Bytes as they come, cut into frames."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        while len(self._data) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._data)
            end = HEADER.size + length
            if len(self._data) < end:
                return
            frame = bytes(self._data[HEADER.size : end])
            del self._data[:end]
            yield frame


def receive(connection: socket.socket) -> bytes | None:
    """The next frame, waiting for it; None when the other side is gone."""
    header = _exactly(connection, HEADER.size)
    if header is None:
        return None
    return _exactly(connection, HEADER.unpack(header)[0])


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        more = connection.recv(min(length - len(data), 1 << 20))
        if not more:
            return None
        data += more
    return bytes(data)

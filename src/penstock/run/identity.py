"""Run ids: short, sortable by time, found by prefix."""

from __future__ import annotations

import os
import time

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, in lower case: no i, l, o, u."""


def new_id() -> str:
    """Eight digits of milliseconds since 2020, three of chance: "6q4h1c2z-k3f" without the dash."""
    moment = time.time_ns() // 1_000_000 - 1_577_836_800_000
    return _digits(moment, 8) + _digits(int.from_bytes(os.urandom(2)), 3)


def _digits(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 32)
        text = DIGITS[digit] + text
    return text

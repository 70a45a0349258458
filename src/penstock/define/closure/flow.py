"""Where jumps lead, told so that it does not matter how lines break.

The compiler joins jumps to jumps, and drops or keeps those that do nothing, by the lines they are on.
"""

from __future__ import annotations

from penstock.define.closure.instructions import (
    BACKWARD,
    GOTO,
    JUMP,
    KIND,
    NAMES,
    SKIP,
    Body,
    handlers,
)


def _threads() -> dict[tuple[int, int], tuple[int, bool]]:
    """A jump that keeps the value it tested, and the jump it meets: what both come to, and whether
    that goes on behind the second. The compiler does this only where both stand on one line."""
    found = {}
    keeps = {s: NAMES.get(f"JUMP_IF_{s}_OR_POP") for s in ("TRUE", "FALSE")}
    pops = {s: NAMES.get(f"POP_JUMP_FORWARD_IF_{s}") for s in ("TRUE", "FALSE")}
    for sense, other in (("TRUE", "FALSE"), ("FALSE", "TRUE")):
        keep, pop = keeps[sense], pops[sense]
        if keep is None or pop is None:  # From 3.12 on there are none.
            continue
        found[keep, keep] = keep, False
        found[keep, pop] = pop, False
        for met in (keeps[other], pops[other]):
            if met is not None:
                found[keep, met] = pop, True
    return found


THREADS = _threads()
INVERSE = {
    NAMES[f"POP_JUMP_IF_{one}"]: NAMES[f"POP_JUMP_IF_{other}"]
    for one, other in (
        *(("TRUE", "FALSE"), ("FALSE", "TRUE")),
        *(("NONE", "NOT_NONE"), ("NOT_NONE", "NONE")),
    )
    if f"POP_JUMP_IF_{one}" in NAMES
}


class Flow:
    """Where the jumps of a body lead."""

    __slots__ = ("at", "body", "targets")

    def __init__(self, body: Body) -> None:
        self.body = body
        self.at: dict[int, int] = {}
        self.targets: dict[int, int] = {}
        jumps = [i for i, op in enumerate(body.ops) if KIND[op] >= JUMP]
        if not jumps and not body.code.co_exceptiontable:
            return
        units = (*body.units, len(body.code.co_code) // 2)
        self.at = dict(zip(reversed(units), range(len(units) - 1, -1, -1), strict=True))
        for i in jumps:
            arg = -body.args[i] if body.ops[i] in BACKWARD else body.args[i]
            self.targets[i] = self.at[units[i + 1] + arg]

    def landing(self, i: int) -> int:
        """Where one gets to from `i` without doing anything; in an empty endless loop, nowhere else."""
        ops = self.body.ops
        passed = set()
        while i < len(ops) and i not in passed and KIND[ops[i]] in (SKIP, GOTO):
            passed.add(i)
            i = i + 1 if KIND[ops[i]] == SKIP else self.targets[i]
        return i

    def past(self, i: int) -> int:
        """The jump that the conditional one at `i` jumps around; 0 if it does not."""
        ops, goto = self.body.ops, i + 1
        while KIND[ops[goto]] == SKIP:
            goto += 1
        around = KIND[ops[goto]] == GOTO
        return goto if around and self.landing(self.targets[i]) == self.landing(goto + 1) else 0

    def guards(self, place: list[int]) -> tuple[tuple[int, int, int, int], ...]:
        """The ranges of a stream that have a handler; ranges that meet and have the same are one."""
        found: list[tuple[int, int, int, int]] = []
        for start, stop, handler, depth in handlers(self.body.code.co_exceptiontable):
            to = place[self.landing(self.at[handler])]
            guard = (place[self.at[start]], place[self.at[stop]], to, depth)
            if found and found[-1][1:] == (guard[0], *guard[2:]):
                guard = (found.pop()[0], *guard[1:])
            if guard[0] < guard[1]:
                found.append(guard)
        return tuple(found)

"""Plain Python: nothing is kept."""

import large_work as work


def array(mebibytes: int) -> float:
    values = work.negate(work.scale(work.shift(work.make(mebibytes))))
    return float(values[-1])


def frame(rows: int) -> int:
    return len(work.regate(work.reprice(work.make_frame(rows))))

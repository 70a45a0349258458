import large_work as work
from project import run


def array(mebibytes: int) -> float:
    return float(run(mebibytes=mebibytes).load("negated")[-1])


def frame(rows: int) -> int:
    return len(run(rows=rows).load("regated_table"))


def bits(mebibytes: int, salt: str) -> str:
    return run(mebibytes=mebibytes, salt=salt).load("digest")


def bits_load(mebibytes: int) -> str:
    return work.digest(run(mebibytes=mebibytes, salt="").load("made"))

import commands
import large_work as work


def array(mebibytes: int) -> float:
    return commands.run("array_flow", "--mebibytes", mebibytes).last


def frame(rows: int) -> int:
    return commands.run("frame_flow", "--rows", rows).length


def bits(mebibytes: int, salt: str) -> str:
    return commands.run(
        "bits_flow", "--mebibytes", mebibytes, "--salt", salt, resume=False
    ).digested


def bits_load(mebibytes: int) -> str:
    return work.digest(commands.runs("bits_flow")[0]["start"].task.data.made)

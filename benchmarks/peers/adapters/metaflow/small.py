import commands


def chain(count: int) -> int:
    return commands.run("chain_flow").number


def fan(count: int) -> int:
    return commands.run("fan_flow", "--count", count).total


def edit() -> int:
    return commands.run("edit_flow").scaled


def long() -> int:
    return commands.run("wait_flow").number


def status() -> str:
    """Its client knows `successful` and `finished`; an unfinished run may still be under way."""
    run = commands.runs("wait_flow")[0]
    return "successful" if run.successful else "finished" if run.finished else "not finished"


def many(number: int) -> None:
    commands.start("score_flow", "--number", number, resume=False)


def runs(count: int) -> list[tuple[str, float]]:
    found = commands.runs("score_flow")[:count]
    return [("successful" if one.successful else "", one.data.score) for one in found]


def load(count: int) -> int:
    return commands.runs("score_flow")[:count][-1].data.score

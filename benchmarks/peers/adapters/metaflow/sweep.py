import commands


def sweep(count: int, kind: str) -> list[float]:
    file = "apart_flow" if kind == "apart" else "sweep_flow"
    return commands.run(file, "--count", count).scores

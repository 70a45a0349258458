import sweep_work as work
from project import run


def sweep(count: int, kind: str) -> list[float]:
    parameters: dict[str, object] = {}
    for number, setting in enumerate(work.settings(count, kind)):
        given = setting._asdict() | {"table": str(setting.table)}
        parameters |= {f"run{number}": given, "table": given["table"], "seed": given["seed"]}
    catalog = run(**parameters)
    return [catalog.load(f"run{number}.auc") for number in range(count)]

from project import run


def chain(count: int) -> int:
    return run(start=0).load(f"number{count}")


def fan(count: int) -> int:
    return run(count=count).load("total")


def edit() -> int:
    return run(number=21).load("scaled")


def long() -> int:
    return run(number=41).load("waited")

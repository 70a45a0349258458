from small_work import executed, wait_for_go


def before() -> int:
    executed("before")
    return 41


def wait(before: int) -> int:
    wait_for_go()
    return before + 1

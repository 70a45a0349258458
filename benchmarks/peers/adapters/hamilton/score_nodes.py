def added(number: int) -> int:
    return number + 1


def measured(added: int) -> int:
    return added

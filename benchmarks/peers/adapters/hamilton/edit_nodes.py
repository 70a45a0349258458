import features
from small_work import executed


def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)

from small_work import executed

import features


def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)

"""Plain Python: the loop that people write, which does everything for each setting."""

import sweep_work as work


def sweep(count: int, kind: str) -> list[float]:
    scores = []
    for table, seed, depth, leaf in work.settings(count, kind):
        train, test = work.split(work.load(table), seed)
        train_matrix, test_matrix = work.encode(train, test)
        model = work.fit(train_matrix, train, depth, leaf)
        scores.append(work.score(model, test_matrix, test))
    return scores

"""A sweep whose runs share nothing: the `foreach` begins before the data is read."""

import sweep_work as work
from metaflow import FlowSpec, Parameter, step


class ApartFlow(FlowSpec):
    count = Parameter("count", type=int)

    @step
    def start(self):
        self.settings = [tuple(one) for one in work.settings(self.count, "apart")]
        self.next(self.split, foreach="settings")

    @step
    def split(self):
        self.setting = self.input
        table, seed, *_ = self.setting
        self.train, self.test = work.split(work.load(table), seed)
        self.train_matrix, self.test_matrix = work.encode(self.train, self.test)
        self.next(self.fit)

    @step
    def fit(self):
        _, _, depth, leaf = self.setting
        self.model = work.fit(self.train_matrix, self.train, depth, leaf)
        self.auc = work.score(self.model, self.test_matrix, self.test)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.scores = [one.auc for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ApartFlow()

"""A sweep is a `foreach`: https://docs.metaflow.org/metaflow/basics#foreach."""

import sweep_work as work
from metaflow import FlowSpec, Parameter, step


class SweepFlow(FlowSpec):
    count = Parameter("count", type=int)

    @step
    def start(self):
        self.settings = [tuple(one) for one in work.settings(self.count, "shared")]
        table, seed, *_ = self.settings[0]
        self.train, self.test = work.split(work.load(table), seed)
        self.train_matrix, self.test_matrix = work.encode(self.train, self.test)
        self.next(self.fit, foreach="settings")

    @step
    def fit(self):
        _, _, depth, leaf = self.input
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
    SweepFlow()

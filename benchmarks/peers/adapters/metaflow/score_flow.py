from metaflow import FlowSpec, Parameter, step


class ScoreFlow(FlowSpec):
    number = Parameter("number", type=int)

    @step
    def start(self):
        self.added = self.number + 1
        self.next(self.end)

    @step
    def end(self):
        self.score = self.added


if __name__ == "__main__":
    ScoreFlow()

from metaflow import FlowSpec, Parameter, step


class FanFlow(FlowSpec):
    count = Parameter("count", type=int)

    @step
    def start(self):
        self.numbers = list(range(self.count))
        self.next(self.double, foreach="numbers")

    @step
    def double(self):
        self.doubled = self.input * 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.doubled for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FanFlow()

import large_work as work
from metaflow import FlowSpec, Parameter, step


class ArrayFlow(FlowSpec):
    mebibytes = Parameter("mebibytes", type=int)

    @step
    def start(self):
        self.made = work.make(self.mebibytes)
        self.next(self.shift)

    @step
    def shift(self):
        self.shifted = work.shift(self.made)
        self.next(self.scale)

    @step
    def scale(self):
        self.scaled = work.scale(self.shifted)
        self.next(self.negate)

    @step
    def negate(self):
        self.negated = work.negate(self.scaled)
        self.last = float(self.negated[-1])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ArrayFlow()

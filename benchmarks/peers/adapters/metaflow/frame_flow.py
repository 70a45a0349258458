import large_work as work
from metaflow import FlowSpec, Parameter, step


class FrameFlow(FlowSpec):
    rows = Parameter("rows", type=int)

    @step
    def start(self):
        self.made = work.make_frame(self.rows)
        self.next(self.reprice)

    @step
    def reprice(self):
        self.repriced = work.reprice(self.made)
        self.next(self.regate)

    @step
    def regate(self):
        self.regated = work.regate(self.repriced)
        self.length = len(self.regated)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FrameFlow()

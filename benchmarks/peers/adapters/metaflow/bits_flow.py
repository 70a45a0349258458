import large_work as work
from metaflow import FlowSpec, Parameter, step


class BitsFlow(FlowSpec):
    mebibytes = Parameter("mebibytes", type=int)
    salt = Parameter("salt")

    @step
    def start(self):
        self.made = work.make(self.mebibytes)
        self.next(self.shift)

    @step
    def shift(self):
        self.shifted = work.shift(self.made)
        self.next(self.digest)

    @step
    def digest(self):
        self.digested = work.digest(self.shifted, self.salt)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BitsFlow()

from metaflow import FlowSpec, step
from small_work import executed, wait_for_go


class WaitFlow(FlowSpec):
    @step
    def start(self):
        executed("before")
        self.number = 41
        self.next(self.wait)

    @step
    def wait(self):
        wait_for_go()
        self.number += 1
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WaitFlow()

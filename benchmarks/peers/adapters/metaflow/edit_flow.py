from metaflow import FlowSpec, step
from small_work import executed

import features


class EditFlow(FlowSpec):
    @step
    def start(self):
        executed("scaled")  # a comment
        self.scaled = features.scale(21)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EditFlow()

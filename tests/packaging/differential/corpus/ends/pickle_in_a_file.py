# run: train(path=PATH)
# %%
import os
import pickle
import tempfile
from pathlib import Path


class Scaler:
    def __init__(self, by):
        self.by = by

    def transform(self, x):
        return x * self.by


class Pipeline:
    def __init__(self):
        self.steps = [Scaler(3)]

    def run(self, x):
        for step in self.steps:
            x = step.transform(x)
        return x


PATH = os.path.join(tempfile.gettempdir(), f"pipeline-{os.getpid()}.pickle")
Path(PATH).write_bytes(pickle.dumps(Pipeline()))


# %%
def train(path):
    pipeline = pickle.loads(Path(path).read_bytes())
    return pipeline.run(4), type(pipeline).__module__

# run: train(path=PATH)
# form: script
import os
import pickle
import tempfile

import models
import storage


class Net:
    width = 3


PATH = os.path.join(tempfile.gettempdir(), f"net-{os.getpid()}.pickle")
with open(PATH, "wb") as stream:
    pickle.dump(Net(), stream)
LAYER = pickle.dumps(models.Layer(), 0)
del models


def train(path):
    return storage.read(path).width, pickle.loads(LAYER).depth

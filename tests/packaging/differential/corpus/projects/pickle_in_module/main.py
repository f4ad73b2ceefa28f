# form: module
# run: train()
import pickle


class Net:
    def __init__(self):
        self.w = 3


SAVED = pickle.dumps(Net())


def train():
    return pickle.loads(SAVED).w, Net.__module__

# run: train()
class Borg:
    state = {"n": 1}

    def __init__(self):
        self.__dict__ = self.state


first, second = Borg(), Borg()
first.n = 5


def train():
    second.n += 1
    return first.n, Borg.state["n"], first.__dict__ is second.__dict__ is Borg.state

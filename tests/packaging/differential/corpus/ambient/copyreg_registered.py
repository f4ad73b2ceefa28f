# run: train()
import copy
import copyreg


class Scale:
    def __init__(self, n):
        self.n = n


def rebuild(n):
    return Scale(n * 2)


copyreg.pickle(Scale, lambda scale: (rebuild, (scale.n,)))


def train():
    return copy.copy(Scale(2)).n

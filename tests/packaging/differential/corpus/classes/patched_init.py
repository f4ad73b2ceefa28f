# run: main()
# %%
class Model:
    def __init__(self, width):
        self.width = width


# %%
_init = Model.__init__


def init(self, width, depth=2):
    _init(self, width)
    self.depth = depth


Model.__init__ = init
Model.__call__ = lambda self, x: x * self.width + self.depth


# %%
def main():
    model = Model(3)
    return model.width, model.depth, model(10)

# run: Model(width=3)
# %%
def make_model(depth):
    class Inner:
        layers = depth

        def __init__(self, width):
            self.width = width

        def size(self):
            return self.width * self.layers

    return lambda width: Inner(width).size()


Model = make_model(4)

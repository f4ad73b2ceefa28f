# run: main()
# %%
class Layer:
    def __init__(self, width):
        self.width = width
        self.frozen = False


layers = [Layer(w) for w in (1, 2, 3)]
by_width = {layer.width: layer for layer in layers}

# %%
by_width[2].frozen = True
layers.pop()


# %%
def main():
    return [(layer.width, layer.frozen) for layer in layers], len(by_width), by_width[1] is layers[0]

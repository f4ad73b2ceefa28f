# run: train(model_class=Net, optimizer=halve, schedule=steps["slow"])
# %%
class Net:
    def __init__(self, width):
        self.width = width


halve = lambda lr: lr / 2
steps = {"slow": lambda epoch: epoch + 1}


def train(model_class, optimizer, schedule):
    return model_class(3).width, optimizer(0.5), schedule(1)

# run: train(epochs=2)
hooks = []


def on_epoch_end(function):
    hooks.append(function)
    return function


@on_epoch_end
def log(epoch, loss):
    print(f"epoch {epoch}: {loss:.3f}")


@on_epoch_end
def check(epoch, loss):
    assert loss > 0, epoch


def train(epochs):
    for epoch in range(epochs):
        loss = 1 / (epoch + 1)
        for hook in hooks:
            hook(epoch, loss)
    return len(hooks)

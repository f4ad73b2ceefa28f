"""The function of jobs that are listed. Its module imports nothing that would go with it."""


def train(epochs: int, rate: float) -> float:
    import math

    loss = 1.0
    for epoch in range(epochs):
        loss *= math.exp(-rate * epoch)
        print(f"epoch {epoch}: loss {loss:.4f}")
    return loss

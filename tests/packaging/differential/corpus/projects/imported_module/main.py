# form: module
# run: train(steps=2)
from dataclasses import dataclass

print("loading main")


@dataclass
class Config:
    lr: float = 0.1


REGISTRY = {}


def register(function):
    REGISTRY[function.__name__] = function
    return function


@register
def step(x):
    return x + 1


def train(steps):
    return [step(i) for i in range(steps)], sorted(REGISTRY), Config()

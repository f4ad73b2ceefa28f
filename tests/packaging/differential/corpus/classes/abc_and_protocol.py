# run: main()
from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable


class Loss(ABC):
    @abstractmethod
    def value(self, x: float) -> float: ...

    def __call__(self, x):
        return self.value(x)


class L2(Loss):
    def value(self, x):
        return x * x


@runtime_checkable
class HasValue(Protocol):
    def value(self, x: float) -> float: ...


def main():
    try:
        Loss()
    except TypeError:
        print("abstract")
    return L2()(3), isinstance(L2(), HasValue), isinstance(3, HasValue)

# run: main()
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound="Comparable")


class Comparable:
    pass


class Stack(Generic[T]):
    def __init__(self) -> None:
        self.items: list[T] = []

    def push(self, item: T) -> "Stack[T]":
        self.items.append(item)
        return self


Numbers = Stack[int]


def main():
    return Numbers().push(1).push(2).items, T.__name__, Numbers.__args__

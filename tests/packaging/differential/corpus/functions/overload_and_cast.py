# run: main()
from typing import Callable, Final, TypeAlias, cast, overload

Number: TypeAlias = int | float
Step = Callable[[Number], Number]
LIMIT: Final = 3


@overload
def twice(x: int) -> int: ...
@overload
def twice(x: str) -> str: ...
def twice(x):
    return x * 2


def main():
    return twice(2), twice("a"), cast(int, LIMIT), Number.__args__ == (int, float)

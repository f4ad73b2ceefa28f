"""A module of the user's, for functions that run in executors."""


def quadruple(number: int) -> int:
    return 4 * number

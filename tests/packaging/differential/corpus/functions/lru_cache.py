# run: main(n=30)
from functools import cache, lru_cache


@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@cache
def square(n):
    print("computing", n)
    return n * n


def main(n):
    return fib(n), square(3), square(3), fib.cache_info().currsize

# run: main(n=1500)
import sys

sys.setrecursionlimit(5000)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def main(n):
    return depth(n)

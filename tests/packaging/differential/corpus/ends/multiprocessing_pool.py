# run: main()
import multiprocessing as mp


def square(x):
    return x * x


def main():
    with mp.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(4))

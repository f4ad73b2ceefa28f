# run: train()
import multiprocessing as mp


def square(n):
    return n * n


def train():
    with mp.get_context().Pool(1) as pool:
        return pool.map(square, [1, 2]), mp.get_start_method()


def main():
    mp.set_start_method("spawn", force=True)


if __name__ == "__main__":
    main()

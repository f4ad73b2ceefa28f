# run: train()
import logging
import sys


def begin(level):
    root = logging.getLogger()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(level)
    noisy = logging.getLogger("noisy")
    noisy.setLevel(logging.ERROR)


def main(level=logging.INFO):
    begin(level)
    print("begun")


main()


def train():
    logging.info("shown")
    logging.getLogger("noisy").warning("not shown")
    return logging.getLogger("noisy").level

# run: run(words=["--lr", "0.5", "--tag", "a", "--tag", "b"])
import argparse

from trainer import Trainer
from trainer.config import Config


def parser():
    made = argparse.ArgumentParser()
    made.add_argument("--lr", type=float)
    made.add_argument("--tag", action="append")
    return made


def run(words):
    options = parser().parse_args(words)
    return Trainer(Config(options.lr, tuple(options.tag))).fit()


if __name__ == "__main__":
    print(run(["--lr", "1", "--tag", "main"]))

# run: train()
import logging

for name in ("noisy.a", "noisy.b"):
    logging.getLogger(name).setLevel(logging.ERROR)


def train():
    return [logging.getLogger(f"noisy.{part}").level for part in "ab"]

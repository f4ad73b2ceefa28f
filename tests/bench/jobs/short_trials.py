"""Trials of searches: one of a second, and one that is never run."""

import time


def second(lr: float) -> float:
    """Take a second."""
    time.sleep(1)
    return lr


def never(lr: float, batch: int, opt: str) -> float:
    """Only described, not run."""
    return lr * batch * len(opt)

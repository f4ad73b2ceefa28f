"""Names for jobs that are given none: what the job runs, and four hexadecimal digits, like `train-digits-3f2a`."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Callable
from pathlib import PurePath

from kubeflow.core.stdlib import re
from kubeflow.trainer.jobs.jobspec import AnyTrainer
from kubeflow.trainer.types.code import is_path
from kubeflow.trainer.types.trainers import CustomTrainer, CustomTrainerContainer

# With the digits 33 characters: longer names leave no room for those of the pods that fetch a dataset.
_LONGEST_STEM = 28
_DEFAULT = "train"
TRIES = 5
"""How many fresh names are tried before one that is taken is an error."""


def digits() -> str:
    """Return four random hexadecimal digits."""
    return os.urandom(2).hex()


def fresh_name(stem: str) -> str:
    """Return a name that is probably not taken: `stem` as an RFC 1035 label, and four random hexadecimal digits.

    Args:
        stem: Any text; what a label cannot have is left out or becomes `-`.
    """
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", plain).lower()
    label = re.sub(r"[^a-z0-9]+", "-", words).lstrip("-0123456789")[:_LONGEST_STEM].rstrip("-")
    return f"{label or _DEFAULT}-{digits()}"


def stem(trainer: AnyTrainer | None, runtime: str) -> str:
    """Return what a job is called after: its code, its image, or the runtime whose own trainer it runs.

    Args:
        trainer: What the job runs.
        runtime: The name of its runtime.
    """
    if isinstance(trainer, CustomTrainer):
        return _code(trainer)
    if isinstance(trainer, CustomTrainerContainer):
        return re.split(r"[@:]", trainer.image.rpartition("/")[2])[0]
    return runtime


def _code(trainer: CustomTrainer) -> str:
    if trainer.module is not None:
        *packages, last = trainer.module.split(".")
        return packages[-1] if last == "__main__" and packages else last
    if is_path(trainer.func):
        return PurePath(trainer.func).stem
    return _function(trainer.func) if callable(trainer.func) else _DEFAULT


def _function(func: Callable[..., object]) -> str:
    while isinstance(func, functools.partial):
        func = func.func
    name = str(getattr(func, "__name__", "") or type(func).__name__)
    # A lambda has no name, and of a call of an object its class says more.
    if name == "__call__":
        return type(getattr(func, "__self__", func)).__name__
    return _DEFAULT if name == "<lambda>" else PurePath(name).name

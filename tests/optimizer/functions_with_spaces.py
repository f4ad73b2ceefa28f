"""Functions of trials that hold search spaces themselves, as users slip them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubeflow.optimizer import Search

UNIT: Any = Search.uniform(0, 1)


@dataclass(frozen=True)
class Settings:
    """An argument with a field."""

    rate: object = 0.1


def fit(lr: float = 0.1, width: int = 8, kind: object = None) -> float:
    """Hold none."""
    return lr * width


def drawn_by_default(lr: float = UNIT, width: int = 8) -> float:
    """Hold one as a default."""
    return lr * width


def reads_a_variable(width: int) -> float:
    """Hold one in a variable of the module."""
    return float(UNIT) * width

"""What trials of the tests run: small functions of the standard library."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layer:
    """A choice that is an object."""

    width: int


def bowl(lr: float, batch: int, flag: bool = True, layer: Layer | None = None) -> dict[str, float]:
    """Return a loss that is smallest at lr=0.1, and how the values came."""
    assert type(lr) is float
    assert type(batch) is int
    assert type(flag) is bool
    print(f"batch {batch}")
    return {"loss": (lr - 0.1) ** 2 + (0.0 if flag else 1.0), "width": 0 if layer is None else layer.width}


def untyped(lr, n):  # type: ignore[no-untyped-def]
    """Print a loss as people do, and double a value, which of a text would be another text."""
    print(f"loss={lr * 2 + n}")


def diverge(x: int) -> float:
    """Fail in another way for each value."""
    if x == 0:
        raise ValueError("too small")
    return {1: math.nan, 2: math.inf}.get(x, float(x))


def misnamed(x: int) -> dict[str, float]:
    """Return other metrics than those that are looked for."""
    return {"los": x, "accuracy": 1.0}


def taken(x: object) -> float:
    """Take anything."""
    return 1.0


def named(x: int) -> dict[str, float]:
    """Return the metric that is looked for."""
    return {"loss": float(x)}


def curve(x: int, go: str) -> float:
    """Report steps; a bad trial never ends by itself."""
    from kubeflow.optimizer import report

    print("reports", x, flush=True)  # first: a bad one is stopped as soon as it has reported
    for step in range(10):
        report(step=step, loss=x + 1 / (step + 1))
    while x > 1 and not Path(go).exists():
        time.sleep(0.02)
    return float(x)


def once(x: int, where: str) -> float:
    """Leave a mark of each start, and work for a while."""
    import os

    descriptor = os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{x}\n".encode())
    os.close(descriptor)
    time.sleep(0.3)
    return float(x)


def sleep(x: int) -> float:
    """Run for ever."""
    print("sleeping", flush=True)
    time.sleep(3600)
    return float(x)


def trade(x: float) -> dict[str, float]:
    """Return two metrics, of which one is better where the other is worse."""
    return {"error": x, "seconds": 1 - x}


def population(rate: float) -> float:
    """Go on from the checkpoint of the parent, if there is one, and leave another."""
    import os

    place = Path(os.environ["KUBEFLOW_CHECKPOINT_DIR"]) / "generations"
    before = int(place.read_text()) if place.exists() else 0
    place.write_text(str(before + 1))
    print(f"loss={rate} generation={before}")
    return rate

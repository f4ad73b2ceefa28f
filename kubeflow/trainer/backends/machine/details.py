"""What the backend keeps with a job in the store, to show it as users see jobs."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import Any, cast

from kubeflow.core.stdlib import json
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType


@dataclass(frozen=True, slots=True)
class Details:
    """What a job's plan does not say in the terms of a `TrainJob`.

    Attributes:
        runtime: Its runtime.
        num_nodes: Training nodes.
        device: Device of a node, `"gpu"` or `"cpu"`.
        device_count: Devices of a node.
    """

    runtime: Runtime
    num_nodes: int
    device: str
    device_count: int

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON data."""
        trainer = {**asdict(self.runtime.trainer), "trainer_type": self.runtime.trainer.trainer_type.name}
        runtime = {**asdict(self.runtime), "trainer": trainer, "kind": self.runtime.kind.name}
        return {**asdict(self), "runtime": runtime}


@functools.lru_cache(maxsize=256)  # most jobs of a listing have the same
def read_details(text: str) -> Details:
    """Read what `to_json` gave, from its text."""
    data = cast("dict[str, Any]", json.loads(text))
    runtime = data.pop("runtime")
    trainer = runtime.pop("trainer")
    trainer["trainer_type"] = TrainerType[trainer["trainer_type"]]
    trainer["command"] = tuple(trainer["command"])
    kind = RuntimeKind[runtime.pop("kind")]
    runtime["missing"] = tuple(runtime.get("missing", ()))
    return Details(runtime=Runtime(trainer=RuntimeTrainer(**trainer), kind=kind, **runtime), **data)

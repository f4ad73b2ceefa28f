"""What the backend keeps with a job in the store, to show it as users see jobs."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import Any, cast

from kubeflow.core.artifact import Artifact
from kubeflow.core.stdlib import json
from kubeflow.trainer.jobs.outputs import output_data, read_output
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
        output: Where it leaves what it makes; `None` is its own folder.
    """

    runtime: Runtime
    num_nodes: int
    device: str
    device_count: int
    output: Artifact | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON data."""
        trainer = {**asdict(self.runtime.trainer), "trainer_type": self.runtime.trainer.trainer_type.name}
        runtime = {**asdict(self.runtime), "trainer": trainer, "kind": self.runtime.kind.name}
        data: dict[str, object] = {**asdict(self), "runtime": runtime}
        del data["output"]  # a version without outputs reads the jobs that name none
        return data if self.output is None else {**data, "output": output_data(self.output)}


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
    output = data.pop("output", None)
    data["output"] = None if output is None else read_output(output)
    return Details(runtime=Runtime(trainer=RuntimeTrainer(**trainer), kind=kind, **runtime), **data)

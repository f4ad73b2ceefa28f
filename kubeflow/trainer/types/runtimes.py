"""A runtime: the environment, prepared by an administrator, that jobs run in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, get_args

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.trainers import TrainerType

if TYPE_CHECKING:
    from kubeflow.core.html import Cell

Phase = Literal["pre-training", "post-training"]
"""Phases of a model's life that a runtime can be for."""

PHASES: tuple[Phase, ...] = get_args(Phase)


class RuntimeKind(Enum):
    """Whether a runtime serves the whole cluster or one namespace."""

    CLUSTER_TRAINING_RUNTIME = "ClusterTrainingRuntime"
    TRAINING_RUNTIME = "TrainingRuntime"


@dataclass(frozen=True)
class RuntimeTrainer:
    """How a runtime trains.

    Attributes:
        trainer_type: Whether it takes the user's code or brings its own.
        framework: Like `"torch"`, `"jax"`, `"deepspeed"`; it decides how processes are launched.
        image: Container image of its nodes; `"local"` where processes run without one.
        num_nodes: Training nodes of a job that does not say, as `TrainJob.num_nodes` counts them: 2 for the MPI
            runtimes that Trainer ships, which have a worker beside the launcher.
        device: Device of a node, like `"gpu"` or `"cpu"`; `"Unknown"` when the runtime does not say.
        device_count: Devices per node, as text; `"Unknown"` when the runtime does not say.
        command: What it runs when the job brings no code; empty when the image decides.
    """

    trainer_type: TrainerType
    framework: str
    image: str
    num_nodes: int = 1
    device: str = constants.UNKNOWN
    device_count: str = constants.UNKNOWN
    command: tuple[str, ...] = ()

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True)
class Runtime:
    """A runtime that jobs can name.

    Attributes:
        name: Its name, unique within its kind (and namespace).
        trainer: How it trains.
        kind: Whether it serves the cluster or a namespace.
        pretrained_model: The model that it fine-tunes, if it is made for one.
        missing: What this machine lacks to run it, like `"torch"` or `"mpirun"`, where jobs run on this machine; always
            empty for the runtimes of a cluster.
    """

    name: str
    trainer: RuntimeTrainer
    kind: RuntimeKind
    pretrained_model: str | None = None
    missing: tuple[str, ...] = ()

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    @property
    def runnable(self) -> bool:
        """Whether a job in it can start; otherwise `missing` says what to install first."""
        return not self.missing

    @property
    def phase(self) -> Phase:
        """Whether it fine-tunes a model with a trainer of its own, or runs the user's code."""
        return "post-training" if self.trainer.trainer_type is TrainerType.BUILTIN_TRAINER else "pre-training"

    def _repr_html_(self) -> str:
        """Return the runtime as notebooks show it: how it trains, with what, and what this machine lacks for it."""
        from kubeflow.core import html

        how = self.trainer
        devices = "" if constants.UNKNOWN in (how.device, how.device_count) else f"{how.device_count} {how.device}"
        return html.view(
            html.heading(f"Runtime {self.name}"),
            html.facts(
                {
                    "Kind": self.kind.value,
                    "Framework": how.framework,
                    "Trains": _TRAINS[self.phase],
                    "Image": how.image,
                    "Nodes": how.num_nodes,
                    "Devices": devices,
                    "Model": self.pretrained_model,
                    "Command": " ".join(how.command),
                    "Missing here": ", ".join(self.missing),
                }
            ),
        )


_TRAINS: Mapping[Phase, str] = {"pre-training": "your code", "post-training": "a model that it fine-tunes"}


class RuntimeList(ShownList[Runtime]):
    """Runtimes, shown with a line for each: what `list_runtimes` returns."""

    WHAT = "runtimes"

    @classmethod
    def row(cls, item: Runtime) -> Mapping[str, Cell]:  # noqa: D102
        return {
            "Name": item.name,
            "Framework": item.trainer.framework,
            "Phase": item.phase,
            "Nodes": item.trainer.num_nodes,
            "Image": item.trainer.image,
            "Model": item.pretrained_model,
            "Missing here": ", ".join(item.missing),
        }


thin_all(globals())

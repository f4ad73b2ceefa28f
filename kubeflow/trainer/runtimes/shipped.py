"""The runtimes that Kubeflow Trainer ships, by name and framework; no cluster is asked.

Facts of the manifests of Trainer 2.0 to 2.3. An administrator may install others: those are given as `Runtime` objects.
"""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import RuntimeNotFound
from kubeflow.trainer.jobs.names import runtime_meant
from kubeflow.trainer.rendering.older_minors import NEWEST
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType

FRAMEWORKS = {
    "torch-distributed": "torch",
    "torch-distributed-with-cache": "torch",
    "deepspeed-distributed": "deepspeed",
    "mlx-distributed": "mlx",
    "jax-distributed": "jax",
    "xgboost-distributed": "xgboost",
    "torchtune-llama3.2-1b": "torchtune",
    "torchtune-llama3.2-3b": "torchtune",
    "torchtune-qwen2.5-1.5b": "torchtune",
}
"""The framework of each runtime that the newest Trainer ships, by its name."""
MODELS = {
    "torchtune-llama3.2-1b": "hf://meta-llama/Llama-3.2-1B-Instruct",
    "torchtune-llama3.2-3b": "hf://meta-llama/Llama-3.2-3B-Instruct",
    "torchtune-qwen2.5-1.5b": "hf://Qwen/Qwen2.5-1.5B-Instruct",
}
"""The model that each TorchTune runtime fetches unless a job says otherwise (the manifests of Trainer 2.3)."""
DATASET = "hf://tatsu-lab/alpaca"
"""The dataset that all of them fetch unless a job says otherwise."""
_OLDER = {"mpi-distributed": "mpi"}
# First and last minor that ships them; the others have been there since 2.0.
_SINCE = {
    "torch-distributed-with-cache": "2.1",
    "torchtune-qwen2.5-1.5b": "2.1",
    "jax-distributed": "2.2",
    "xgboost-distributed": "2.2",
}
_UNTIL = {"mpi-distributed": "2.0"}


def shipped_runtime(name: str, minor: str = NEWEST) -> Runtime:
    """Return the shipped runtime called `name`. Its image and devices are unknown without a cluster.

    Args:
        name: Its name.
        minor: Of Trainer, like `"2.1"`; a patch number is ignored.

    Raises:
        RuntimeNotFound: With the names of all that this minor ships.
    """
    wanted = _number(minor)
    frameworks = {**FRAMEWORKS, **_OLDER}
    shipped = [
        each for each in frameworks if _number(_SINCE.get(each, "2.0")) <= wanted <= _number(_UNTIL.get(each, minor))
    ]
    known = runtime_meant(name, shipped)
    if known is None:
        raise RuntimeNotFound(name, shipped)
    framework = frameworks[known]
    builtin = framework == "torchtune"
    return Runtime(
        name=known,
        trainer=RuntimeTrainer(
            trainer_type=TrainerType.BUILTIN_TRAINER if builtin else TrainerType.CUSTOM_TRAINER,
            framework=framework,
            image=constants.UNKNOWN,
            num_nodes=2 if framework in constants.MPI_FRAMEWORKS else 1,  # the launcher and a worker
        ),
        kind=default_kind(),
    )


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.removeprefix("v").split(".")[:2])


def default_kind() -> RuntimeKind:
    """Return the kind of a runtime that is given by its name alone, which an administrator may override.

    Raises:
        InvalidInput: When the override names no kind.
    """
    try:
        return RuntimeKind(constants.RUNTIME_KIND)
    except ValueError:
        known = " or ".join(repr(kind.value) for kind in RuntimeKind)
        raise InvalidInput(
            f"The environment variable DEFAULT_TRAINER_RUNTIME_KIND is {known}, not {constants.RUNTIME_KIND!r}: "
            "correct it, or leave it out."
        ) from None

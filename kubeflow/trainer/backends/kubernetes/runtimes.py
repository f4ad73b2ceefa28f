"""The runtimes that Kubeflow Trainer ships, by name and framework; no cluster is asked.

Facts of the manifests of Trainer 2.3.0. An administrator may install others: those are given as `Runtime` objects.
"""

from __future__ import annotations

from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import RuntimeNotFound
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType

_FRAMEWORKS = {
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


def shipped_runtime(name: str) -> Runtime:
    """Return the shipped runtime called `name`. Its image and devices are unknown without a cluster.

    Raises:
        RuntimeNotFound: With the names of all shipped runtimes.
    """
    framework = _FRAMEWORKS.get(name)
    if framework is None:
        raise RuntimeNotFound(name, _FRAMEWORKS)
    builtin = framework == "torchtune"
    return Runtime(
        name=name,
        trainer=RuntimeTrainer(
            trainer_type=TrainerType.BUILTIN_TRAINER if builtin else TrainerType.CUSTOM_TRAINER,
            framework=framework,
            image=constants.UNKNOWN,
        ),
        kind=RuntimeKind.CLUSTER_TRAINING_RUNTIME,
    )

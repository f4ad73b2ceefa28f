"""Runtimes as objects, for tests that ask no backend for them."""

from __future__ import annotations

from kubeflow.trainer import Runtime, RuntimeKind, RuntimeTrainer, TrainerType

TORCH = Runtime(
    "torch-distributed",
    RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "image"),
    RuntimeKind.CLUSTER_TRAINING_RUNTIME,
)
PLAIN = Runtime(
    "plain", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "plain", "local"), RuntimeKind.CLUSTER_TRAINING_RUNTIME
)

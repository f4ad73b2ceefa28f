"""The steps of a job, the same on every backend: `node-0`, `node-1`, ... and the initializers."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.trainer.constants import constants


def node_step(index: int) -> str:
    """Return the step of the training node `index`, from 0: `"node-1"`."""
    return f"{constants.NODE}-{index}"


def node_index(step: str) -> int | None:
    """Return the index of the training node that `step` names, like 1 of `"node-1"`; `None` for another step."""
    stem, _, index = step.rpartition("-")
    return int(index) if stem == constants.NODE and index.isdigit() else None


def no_such_step(job: str, step: str, steps: Sequence[str]) -> InvalidInput:
    """Return the error for a step that a job does not have.

    Args:
        job: Name of the job.
        step: What the user wrote.
        steps: The steps that the job has, in order.
    """
    return InvalidInput(
        f"TrainJob {job!r} has no step {step!r}.{did_you_mean(str(step), steps)} "
        f"Steps: {', '.join(steps)}; step=None is all of them."
    )

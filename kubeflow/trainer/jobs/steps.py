"""The steps of a job, the same on every backend: `node-0`, `node-1`, ... and the initializers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.trainer.constants import constants

_LISTED = 2  # nodes in a row that are named one by one


def node_step(index: int) -> str:
    """Return the step of the training node `index`, from 0: `"node-1"`."""
    return f"{constants.NODE}-{index}"


def node_index(step: str) -> int | None:
    """Return the index of the training node that `step` names, like 1 of `"node-1"`; `None` for another step."""
    stem, _, index = step.rpartition("-")
    return int(index) if stem == constants.NODE and index.isdigit() else None


def steps_in_short(steps: Iterable[str]) -> str:
    """Return steps in one line, with a run of three nodes or more as its ends: `"node-0 ... node-99 (100)"`.

    Args:
        steps: Names of steps, in order.
    """
    runs: list[list[str]] = []
    for step in steps:
        index = node_index(step)
        if runs and index is not None and node_index(runs[-1][-1]) == index - 1:
            runs[-1].append(step)
        else:
            runs.append([step])
    return ", ".join(f"{run[0]} ... {run[-1]} ({len(run)})" if len(run) > _LISTED else ", ".join(run) for run in runs)


def no_such_step(job: str, step: str, steps: Sequence[str]) -> InvalidInput:
    """Return the error for a step that a job does not have.

    Args:
        job: Name of the job.
        step: What the user wrote.
        steps: The steps that the job has, in order.
    """
    return InvalidInput(
        f"TrainJob {job!r} has no step {step!r}.{did_you_mean(str(step), steps)} "
        f"Steps: {steps_in_short(steps)}; step=None is all of them."
    )

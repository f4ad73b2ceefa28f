"""The steps of a job, the same on every backend: `node-0`, `node-1`, ... and the initializers.

A runtime of a cluster may have jobs of other names. Their steps are called by them: `leader-0`, `workers-2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.stdlib import re
from kubeflow.trainer.constants import constants

_NUMBERED = re.compile(r"-\d+$", re.ASCII)
_LISTED = 2  # steps in a row that are named one by one
INITIALIZERS = (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)


class FirstNode(StrEnum):
    """What a caller means who names no step: the first training node of a job.

    It is the text `"node-0"`, which is the first training node of most jobs.
    """

    STEP = f"{constants.NODE}-0"

    def __repr__(self) -> str:
        return repr(self.value)


def node_step(index: int) -> str:
    """Return the step of the training node `index`, from 0: `"node-1"`."""
    return f"{constants.NODE}-{index}"


def node_index(step: str) -> int | None:
    """Return the index of the training node that `step` names, like 1 of `"node-1"`; `None` for another step."""
    stem, _, index = step.rpartition("-")
    return int(index) if stem == constants.NODE and index.isdigit() else None


def step_name(job: str, index: int, *, replica: int = 0, replicas: int = 1, beside_launcher: bool = False) -> str:
    """Return the step that a pod of a cluster's job is. No other pod of the job has the same.

    The name depends on nothing but the place of the pod, so that it stays the same while other pods come and go. The
    first launcher of MPI is `node-0`, and its workers count from `node-1`, as in the published package 0.5.0.

    Args:
        job: Name of the replicated job, like `"node"` or `"workers"`.
        index: Completion index of the pod in its Job, from 0.
        replica: Index of the Job among the replicas of the replicated job, from 0.
        replicas: Jobs that are made of the replicated job. With more than one, both numbers are in the name; and so
            they are where `job` ends with a number itself, as `workers-1` does beside two replicas of `workers`.
        beside_launcher: True when the pod is a worker of an MPI launcher.
    """
    first = replica == index == 0
    if job == constants.LAUNCHER and first:
        return node_step(0)
    if job in INITIALIZERS and first:
        return job
    if replicas > 1 or _NUMBERED.search(job):
        return f"{job}-{replica}-{index}"
    return f"{job}-{index + (1 if beside_launcher and job == constants.NODE else 0)}"


def steps_in_short(steps: Iterable[str]) -> str:
    """Return steps in one line, with a run of three or more as its ends: `"node-0 ... node-99 (100)"`.

    Args:
        steps: Names of steps, in order.
    """
    runs: list[list[str]] = []
    for step in steps:
        if runs and _follows(runs[-1][-1], step):
            runs[-1].append(step)
        else:
            runs.append([step])
    return ", ".join(f"{run[0]} ... {run[-1]} ({len(run)})" if len(run) > _LISTED else ", ".join(run) for run in runs)


def _follows(before: str, step: str) -> bool:
    stem, _, index = step.rpartition("-")
    stem_before, _, index_before = before.rpartition("-")
    return (
        stem == stem_before and index.isdecimal() and index_before.isdecimal() and int(index) == int(index_before) + 1
    )


def no_such_step(job: str, step: str, steps: Sequence[str]) -> InvalidInput:
    """Return the error for a step that a job does not have.

    Args:
        job: Name of the job.
        step: What the user wrote.
        steps: The steps that the job has, in order.
    """
    listed = f"Steps: {steps_in_short(steps)}; step=None is all of them." if steps else "It has no steps yet."
    return InvalidInput(f"TrainJob {job!r} has no step {step!r}.{did_you_mean(str(step), steps)} {listed}")


def no_such_container(job: str, step: str | None, container: str, containers: Sequence[str]) -> InvalidInput:
    """Return the error for a container that the pods of a job do not have.

    Args:
        job: Name of the job.
        step: The step that the user wrote; `None` for all.
        container: The container that the user wrote.
        containers: The containers that the pods have.
    """
    where = f"TrainJob {job!r}" if step is None else f"Step {step!r} of TrainJob {job!r}"
    return InvalidInput(
        f"{where} has no container {container!r}.{did_you_mean(str(container), containers)} "
        f"Containers: {', '.join(containers)}; container=None is the main one."
    )

"""Which of a runtime's jobs an option changes when it does not say: those whose pods train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.runtimes import Runtime

Jobs: TypeAlias = str | Sequence[str] | None
"""Jobs of a runtime, by name. `None`: those that train, which are `node`, in MPI runtimes `launcher` too."""

INITIALIZERS = (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)


def training_jobs(runtime: Runtime) -> tuple[str, ...]:
    """Return the jobs of `runtime` whose pods train. In MPI runtimes the launcher trains as a node of its own."""
    if runtime.trainer.framework in constants.MPI_FRAMEWORKS:
        return (constants.LAUNCHER, constants.NODE)
    return (constants.NODE,)


def targets(runtime: Runtime, jobs: Jobs) -> tuple[str, ...]:
    """Return the jobs that an option with `job=jobs` changes.

    Raises:
        InvalidInput: When `jobs` names none.
    """
    if jobs is None:
        return training_jobs(runtime)
    names = (jobs,) if isinstance(jobs, str) else tuple(jobs)
    if not names or not all(isinstance(name, str) and name for name in names):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(
            f"job= names jobs of the runtime, like 'node' or 'dataset-initializer', not {jobs!r}. "
            "Leave it out for the pods that train."
        )
    return tuple(dict.fromkeys(names))


def main_container(job: str) -> str:
    """Return the container of `job` that does its work; Trainer fixes these names."""
    return job if job in INITIALIZERS else constants.NODE

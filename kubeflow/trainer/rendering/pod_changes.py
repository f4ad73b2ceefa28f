"""What an option changes, read back as plain data: for jobs that are no TrainJobs and take the same options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import Fragment, Variables, pod_specs
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.runtimes.shipped import shipped_runtime

TRAINS = "node"
"""The job, and the container, that an option means which names none."""


@dataclass(frozen=True, slots=True)
class PodChanges:
    """What an option of the trainer changes.

    Attributes:
        name: The job's name, `None` where it does not name the job.
        labels: Labels of the job.
        annotations: Annotations of the job.
        suspend: True when the job is made without being started.
        deadline: Seconds after which the job fails while it is active.
        pods: Changes to pod specs in wire names, by the job of the runtime whose pods they are; `TRAINS` for an option
            that names none. So is the container of the pods that does their work.
        variables: Environment variables with values from the cluster, `EnvVar` objects in wire names.
    """

    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    suspend: bool = False
    deadline: int | None = None
    pods: tuple[tuple[str, Json], ...] = ()
    variables: tuple[Json, ...] = ()

    __repr__ = repr_of_fields


def pod_changes(option: Option) -> PodChanges:
    """Return what an option changes, whatever kind of job it is given to.

    Raises:
        InvalidInput: It changes what only a TrainJob has, such as its trainer, its runtime or its restarts.
    """
    blank = JobSpec(name="job", runtime=shipped_runtime("torch-distributed"))
    spec = option.apply(blank)
    rest = replace(
        spec,
        name=blank.name,
        labels=blank.labels,
        annotations=blank.annotations,
        suspend=blank.suspend,
        active_deadline_seconds=None,
        edits=(),
    )
    pods: list[tuple[str, Json]] = []
    variables: list[Json] = []
    for edit in spec.edits:
        if isinstance(edit.apply, Variables):
            variables += edit.apply.entries
        elif isinstance(edit.apply, Fragment) and _is_of_pods(edit.apply.content):
            pods += [(job, dict(pod)) for job, pod in pod_specs(edit.apply.content)]
        else:
            rest = replace(rest, suspend=True)
    if rest != blank:
        raise InvalidInput(
            f"options.{type(option).__name__} changes what only a TrainJob has: leave it out of this kind of job."
        )
    return PodChanges(
        name=None if spec.name == blank.name else spec.name,
        labels=spec.labels,
        annotations=spec.annotations,
        suspend=spec.suspend,
        deadline=spec.active_deadline_seconds,
        pods=tuple(pods),
        variables=tuple(variables),
    )


def _is_of_pods(content: Json) -> bool:
    """Return True when a runtime patch changes specs of pods and nothing else."""
    only = content
    for key in ("template", "spec", "replicatedJobs"):
        if set(only) != {key}:
            return False
        found = only[key]
        if key == "replicatedJobs":
            return all(_is_one(job) for job in cast("list[Json]", found))
        only = cast("Json", found)
    return False


def _is_one(job: Json) -> bool:
    only: Json = {key: value for key, value in job.items() if key != "name"}
    for key in ("template", "spec", "template", "spec"):
        if set(only) != {key}:
            return False
        only = cast("Json", only[key])
    return True

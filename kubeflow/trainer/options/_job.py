"""Options that say something about the job as a whole; most of them mean the same on every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias, get_args

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.quantity import Quantity
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import in_job, in_jobs, with_patch
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.options._targets import Jobs, targets
from kubeflow.trainer.types import resources
from kubeflow.trainer.types.checks import check_annotations, check_count, check_labels, check_strings

LONGEST = 2**31 - 1
"""Seconds, 68 years: more than that, and some part of Kubernetes cannot count them."""

Level: TypeAlias = Literal["trainjob", "jobset", "job", "pod"]
"""What carries labels: the TrainJob, the JobSet that it becomes, the Jobs of that, or their pods."""


@dataclass(frozen=True)
class Name(Option):
    """The job's name, instead of `train(name=...)`.

    Attributes:
        name: RFC 1035 label, at most 63 characters.
    """

    cluster_only: ClassVar[bool] = False

    name: str

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        names.check(self.name)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` under this name."""
        return replace(spec, name=self.name)


@dataclass(frozen=True)
class Labels(Option):
    """Labels to find, group and bill jobs by. Several options add up; of the same key the later one counts.

    Attributes:
        labels: Values by key.
        on: What carries them. Pods (for a network policy, say) do not inherit those of the TrainJob.
        job: For `on="job"` and `on="pod"`: the jobs of the runtime. Default: those that train.
    """

    labels: Mapping[str, str]
    on: Level = "trainjob"
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check("labels", self.labels, self.on, self.job)

    @property
    def cluster_only(self) -> bool:
        """True when a part of a cluster carries the labels; those of the job itself can be searched for anywhere."""
        return self.on != "trainjob"

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these labels."""
        if self.on == "trainjob":
            return replace(spec, labels={**spec.labels, **self.labels})
        return _with_metadata(spec, "Labels", {"labels": dict(self.labels)}, self.on, self.job)


@dataclass(frozen=True)
class Annotations(Option):
    """Annotations: notes that programs of a cluster read. Several options add up; of the same key the later one counts.

    Attributes:
        annotations: Values by key.
        on: What carries them. Pods (for a service mesh, say) do not inherit those of the TrainJob.
        job: For `on="job"` and `on="pod"`: the jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    annotations: Mapping[str, str]
    on: Level = "trainjob"
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check("annotations", self.annotations, self.on, self.job)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these annotations."""
        if self.on == "trainjob":
            return replace(spec, annotations={**spec.annotations, **self.annotations})
        return _with_metadata(spec, "Annotations", {"annotations": dict(self.annotations)}, self.on, self.job)


@dataclass(frozen=True)
class ActiveDeadlineSeconds(Option):
    """The job fails when it is active for longer. On a cluster: Trainer 2.2 and later.

    Attributes:
        seconds: At least 1, counted from the start, or from the last time that it was resumed.
    """

    cluster_only: ClassVar[bool] = False

    seconds: int

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_count("ActiveDeadlineSeconds", self.seconds, most=LONGEST)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this deadline."""
        _check_same("ActiveDeadlineSeconds", spec.active_deadline_seconds, self.seconds)
        return replace(spec, active_deadline_seconds=self.seconds)


@dataclass(frozen=True)
class Suspend(Option):
    """Make the job without starting it; `client.resume_job(name)` starts it."""

    cluster_only: ClassVar[bool] = False

    __repr__ = repr_of_fields

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec`, suspended."""
        return replace(spec, suspend=True)


@dataclass(frozen=True)
class MaxRestarts(Option):
    """Let torchrun restart all ranks after one of them failed.

    The train function starts anew each time: it should begin from its last checkpoint. Only for torch runtimes.

    Attributes:
        restarts: How often, at least 1.
    """

    cluster_only: ClassVar[bool] = False

    restarts: int

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_count("MaxRestarts", self.restarts)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these restarts."""
        if spec.runtime.trainer.framework != "torch":
            raise InvalidInput(
                f"MaxRestarts works through torchrun, which runtime {spec.runtime.name!r} "
                f"({spec.runtime.trainer.framework}) does not use: leave it out, or take a torch runtime."
            )
        _check_same("MaxRestarts", spec.max_restarts or None, self.restarts)
        return replace(spec, max_restarts=self.restarts)


@dataclass(frozen=True)
class ResourceRequests(Option):
    """What each node is promised, where that is less than its limit in `resources_per_node`.

    A node may then use more than a machine keeps free for it. Without this option requests equal limits.

    Attributes:
        requests: Amount by resource, in the names and units of `resources_per_node`. Not for devices and huge pages,
            of which Kubernetes promises all or nothing. A resource without a limit has none.

    Example:
        >>> train(..., resources_per_node={"cpu": 8, "memory": "32Gi"}, options=[ResourceRequests({"cpu": 2})])
    """

    cluster_only: ClassVar[bool] = True

    requests: Mapping[str, str | int | float]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        amounts = resources.normalise(self.requests, "ResourceRequests")
        if not amounts:
            raise InvalidInput("ResourceRequests is empty: name a resource, or leave it out.")
        # https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#consuming-extended-resources
        if whole := [name for name in amounts if resources.is_device(name) or resources.is_huge_pages(name)]:
            raise InvalidInput(
                f"Kubernetes promises all of {', '.join(whole)} or nothing: leave it out of ResourceRequests, and give "
                "it in resources_per_node alone."
            )

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these requests.

        Raises:
            InvalidInput: When one is above its limit.
        """
        amounts = resources.normalise(self.requests, "ResourceRequests")
        for name, amount in amounts.items():
            limit = spec.resources.get(name)
            if limit is not None and Quantity(amount).value > Quantity(limit).value:
                raise InvalidInput(
                    f"ResourceRequests asks for {amount} of {name}, which is more than its limit of {limit} in "
                    "resources_per_node: ask for less, or raise the limit."
                )
        _check_same("ResourceRequests", spec.requests or None, amounts)
        return replace(spec, requests=amounts)


@dataclass(frozen=True)
class TrainerCommand(Option):
    """The command of the nodes, instead of the image's or the runtime's. Not for functions and built-in trainers.

    It is written in Kubernetes' own language: `$(NAME)` is the variable NAME of the node, `$$(NAME)` is that text.

    Attributes:
        command: The program and its first arguments; no shell sees them.
    """

    cluster_only: ClassVar[bool] = False

    command: Sequence[str]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_strings("TrainerCommand", self.command)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this command."""
        _check_own_code("TrainerCommand", spec)
        _check_same("TrainerCommand", spec.command, tuple(self.command))
        return replace(spec, command=tuple(self.command))


@dataclass(frozen=True)
class TrainerArgs(Option):
    """The arguments of the command of the nodes, instead of the runtime's. Not for functions and built-in trainers.

    They are written in Kubernetes' own language, as in `TrainerCommand`.

    Attributes:
        args: The arguments; no shell sees them.
    """

    cluster_only: ClassVar[bool] = False

    args: Sequence[str]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if isinstance(self.args, str) or not all(isinstance(arg, str) for arg in self.args):
            raise InvalidInput(f"TrainerArgs takes a list of strings, not {self.args!r}.")

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these arguments."""
        _check_own_code("TrainerArgs", spec)
        _check_same("TrainerArgs", spec.args, tuple(self.args))
        return replace(spec, args=tuple(self.args))


def _check_own_code(option: str, spec: JobSpec) -> None:
    if spec.bundle is not None:
        raise InvalidInput(
            f"{option} and a function both say what runs: give the function its arguments with func_args=, or use "
            "CustomTrainerContainer(image=...)."
        )
    if spec.builtin is not None:
        raise InvalidInput(
            f"{option} and BuiltinTrainer both say what runs: put the settings into its config, or leave trainer= out."
        )


def _check_same(option: str, before: object, now: object) -> None:
    if before is not None and before != now:
        raise InvalidInput(f"{option} is given twice, with {before!r} and {now!r}. Leave one of them out.")


def _check(field: str, values: Mapping[str, str], on: Level, job: Jobs) -> None:
    (check_labels if field == "labels" else check_annotations)(field, values)
    levels = get_args(Level)
    if on not in levels:
        raise InvalidInput(f"on={on!r} carries no {field}.{did_you_mean(str(on), levels)} Known: {', '.join(levels)}.")
    if job is not None and on not in ("job", "pod"):
        raise InvalidInput(f"job= chooses among jobs and pods: write on='job' or on='pod' too, not on={on!r}.")


def _with_metadata(spec: JobSpec, what: str, metadata: Json, on: Level, job: Jobs) -> JobSpec:
    if on == "jobset":
        return with_patch(spec, f"{what} of the JobSet", {"template": {"metadata": metadata}})
    template: Json = {"metadata": metadata} if on == "job" else {"spec": {"template": {"metadata": metadata}}}
    content = in_jobs([in_job(name, template) for name in targets(spec.runtime, job)])
    return with_patch(spec, f"{what} of {on}s", content)


thin_all(globals())

"""A job as its user sees it: status, steps and events. What is sent to a cluster is a generated model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast, get_args

from kubeflow.core.artifact import Artifact, SupportsArtifact
from kubeflow.core.display import call, repr_of_fields, values_line
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.checks import check_instance, wrong_type
from kubeflow.trainer.types.initializers import Initializer
from kubeflow.trainer.types.runtimes import Runtime
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer, CustomTrainerContainer

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.core.html import Cell
    from kubeflow.trainer.jobs.jobspec import Option

S = TypeVar("S", bound=str)

JobReference: TypeAlias = "str | TrainJob | v1alpha1.TrainJob"
"""What methods take for an existing job: its name, the `TrainJob` that `get_job` returned, or the model of one."""

JobStatus = Literal["Created", "Running", "Suspended", "Complete", "Failed", "Stopped", "Unknown"]
"""The statuses of a job. A job ends as `Complete`, `Failed`, or `Stopped` (by `stop_job`); `Unknown` is a state that
this version cannot name."""

AwaitableStatus = Literal["Created", "Running", "Suspended", "Complete", "Failed", "Stopped"]
"""The statuses that can be waited for."""

STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)
AWAITABLE: tuple[AwaitableStatus, ...] = get_args(AwaitableStatus)


@dataclass(frozen=True)
class Step:
    """One part of a job: a training node such as `"node-0"`, or an initializer.

    On a cluster a step is the place of one pod. The steps follow from the runtime's replicated jobs, their replicas and
    their parallelism. The launcher of MPI is `"node-0"`, its workers count from `"node-1"`. Jobs of other names give
    steps by these names: `"leader-0"`, `"workers-2"`, and `"workers-1-2"` where there are replicas of `workers`.

    Attributes:
        name: Its name, as `get_job_logs(step=...)` takes it. It does not change while the job exists.
        status: `"Pending"`, `"Running"`, `"Succeeded"` or `"Failed"`; `None` when unknown.
        pod_name: The pod on a cluster; the same kind of name for a local process.
        device: Device of the node, like `"gpu"`.
        device_count: Devices of the node, as text.
        note: Why the status is unknown, like `"on another cluster"`; mostly empty.
    """

    name: str
    status: str | None
    pod_name: str
    device: str = constants.UNKNOWN
    device_count: str = constants.UNKNOWN
    note: str = ""

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True)
class TrainJob:
    """A job at one moment.

    Attributes:
        name: Its name.
        runtime: The runtime it runs in.
        steps: Its parts, initializers first, nodes in order.
        num_nodes: Training nodes: the steps that are no initializers. An MPI launcher counts where it trains too, so
            that `num_nodes=1` of an MPI runtime is 2 on a cluster.
        creation_timestamp: When it was made, with time zone.
        status: `Created`, `Running`, `Suspended`, `Complete`, `Failed`, `Stopped`, or `Unknown`.
        progress: Percent done, from 0 to 100, as its train function last reported (`update_trainjob_status`).
        estimated_remaining_seconds: Seconds left, as it last reported.
        metrics: Metrics by name, as it last reported; numbers where they read as such.
        notes: What keeps other fields from being known or true for long, in words: that its runtime does not exist any
            more, that another cluster runs it. Mostly empty.
    """

    name: str
    runtime: Runtime
    steps: Sequence[Step]
    num_nodes: int
    creation_timestamp: datetime
    status: JobStatus = "Unknown"
    progress: int | None = None
    estimated_remaining_seconds: int | None = None
    metrics: Mapping[str, float | str] = field(default_factory=dict[str, float | str])
    notes: Sequence[str] = ()

    to_dict = dict_of_fields

    def __repr__(self) -> str:
        """Return name, status, nodes, runtime, time, notes, and what the job has reported; `steps` has the rest."""
        return call(
            "TrainJob",
            name=self.name,
            status=self.status,
            progress=self.progress,
            num_nodes=self.num_nodes,
            runtime=self.runtime.name,
            creation_timestamp=self.creation_timestamp,
            metrics=self.metrics or None,
            notes=list(self.notes) or None,
        )

    def _repr_html_(self) -> str:
        """Return the job as notebooks show it: status, nodes, what it has reported, its steps."""
        from kubeflow.core import html
        from kubeflow.core.durations import duration_text

        left, failed = self.estimated_remaining_seconds, [step.name for step in self.steps if step.status == "Failed"]
        running = sum(step.status == "Running" for step in self.steps)
        next_call = _NEXT.get(self.status)
        steps = html.table(
            ["Step", "Status", "Device", "Pod"],
            [
                [step.name, html.StatusWord(step.status or step.note), devices_text(step), step.pod_name]
                for step in self.steps
            ],
            what="steps",
        )
        return html.view(
            html.heading(f"TrainJob {self.name}", self.status),
            html.facts(
                {
                    "Runtime": self.runtime.name,
                    "Nodes": f"{self.num_nodes}, {running} steps running" if running else self.num_nodes,
                    "Made": self.creation_timestamp,
                    "Progress": None if self.progress is None else html.progress_bar(self.progress),
                    "Left": None if left is None or self.status != "Running" else duration_text(left),
                    "Metrics": values_line(self.metrics),
                    "Failed": ", ".join([*failed[:_FEW], *(["…"] if len(failed) > _FEW else [])]),
                    **({} if next_call is None else {next_call[0]: f"client.{next_call[1]}({self.name!r})"}),
                }
            ),
            html.bullets(self.notes),
            html.details(f"{len(self.steps)} steps", steps, opened=len(self.steps) <= _FEW) if self.steps else None,
        )


# What a notebook says below a job that has ended: a job itself holds neither result nor cause.
_NEXT: Mapping[str, tuple[str, str]] = {
    "Complete": ("Result", "get_job_result"),
    "Failed": ("Why", "explain"),
    "Suspended": ("Go on", "resume_job"),
}
_FEW = 8  # steps that are shown unfolded


def devices_text(step: Step) -> str:
    """Return the devices of a step, like `8 gpu`; empty where they are not known."""
    return "" if constants.UNKNOWN in (step.device, step.device_count) else f"{step.device_count} {step.device}"


class JobList(ShownList[TrainJob]):
    """Jobs, shown with a line for each: what `list_jobs` returns."""

    WHAT = "jobs"

    @classmethod
    def row(cls, item: TrainJob) -> Mapping[str, Cell]:  # noqa: D102
        from kubeflow.core.html import StatusWord

        return {
            "Name": item.name,
            "Status": StatusWord(item.status),
            "Nodes": item.num_nodes,
            "Done": None if item.progress is None else f"{item.progress} %",
            "Runtime": item.runtime.name,
            "Age": item.creation_timestamp,
            "Metrics": values_line(item.metrics),
            "Notes": "; ".join(item.notes),
        }


@dataclass(frozen=True)
class Event:
    """Something that happened to a job.

    Attributes:
        involved_object_kind: What it happened to: `"TrainJob"`, `"Pod"`, `"Process"`, ...
        involved_object_name: The name of that.
        message: What happened, in words.
        reason: What happened, in one CamelCase word.
        event_time: When, with time zone.
    """

    involved_object_kind: str
    involved_object_name: str
    message: str
    reason: str
    event_time: datetime

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


class EventList(ShownList[Event]):
    """Events, shown with a line for each: what `get_job_events` returns."""

    WHAT = "events"

    @classmethod
    def row(cls, item: Event) -> Mapping[str, Cell]:  # noqa: D102
        return {
            "Age": item.event_time,
            "Object": f"{item.involved_object_kind} {item.involved_object_name}",
            "Reason": item.reason,
            "Message": item.message,
        }


@dataclass(frozen=True)
class TrainJobTemplate:
    """The arguments of a job, to be used more than once: `client.train(**template)`.

    Attributes:
        trainer: What the job runs.
        runtime: The runtime, by name or as an object. Default: `torch-distributed`.
        initializer: What is fetched before training.
        options: Changes that go beyond the trainer, applied in order.
    """

    trainer: CustomTrainer | CustomTrainerContainer | BuiltinTrainer
    runtime: str | Runtime | None = None
    initializer: Initializer | Artifact | SupportsArtifact | None = None
    options: Sequence[Option] | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_instance("trainer", self.trainer, (CustomTrainer, CustomTrainerContainer, BuiltinTrainer))

    def keys(self) -> list[str]:
        """Return the argument names of `TrainerClient.train` that `**template` fills."""
        # Options only where there are some: `train(**template, options=[...])` gives others.
        return ["trainer", "runtime", "initializer", *([] if self.options is None else ["options"])]

    def __getitem__(self, key: str) -> Any:  # `**` gives one type to parameters of different types
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)


# What other parts of Kubernetes call a status; the spelling alone would lead to another one.
_ELSEWHERE = {"Succeeded": "Complete", "Pending": "Created"}


def name_of(job: JobReference, namespace: str | None = None) -> str:
    """Return the name of a job that is given by its name, as a `TrainJob`, or as the model of one.

    Args:
        job: What the user gave.
        namespace: Where it is looked for; `None` where there are no namespaces.

    Raises:
        InvalidInput: For anything else, for a model without a name, and for one of another namespace.
    """
    if isinstance(job, str):
        return str(job)
    if isinstance(job, TrainJob):
        return job.name
    from kubeflow_api.trainer import v1alpha1

    if not isinstance(job, v1alpha1.TrainJob):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("name", job, (str, TrainJob), remedy="Give the name that train() returned.")
    if job.metadata is None or not job.metadata.name:
        raise InvalidInput("name takes a TrainJob that has a name: this one has no metadata.name.")
    if namespace is not None and job.metadata.namespace not in (None, namespace):
        raise InvalidInput(
            f"TrainJob {job.metadata.name!r} is of namespace {job.metadata.namespace!r}, and this client works in "
            f"{namespace!r}: use KubernetesBackendConfig(namespace={job.metadata.namespace!r})."
        )
    return job.metadata.name


def check_statuses(given: S | Collection[S], known: Iterable[S]) -> frozenset[S]:
    """Return the statuses that are given as one or as several.

    Raises:
        InvalidInput: One of them does not exist, with the one that was probably meant.
    """
    names = list(known)
    several = not isinstance(given, str) and isinstance(given, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
    statuses = list(cast("Iterable[S]", given)) if several else [cast("S", given)]
    for status in statuses:
        if status not in names:
            word = status.capitalize() if isinstance(status, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
            hint = did_you_mean(_ELSEWHERE.get(word, word), names)
            raise InvalidInput(f"A job never has the status {status!r}.{hint} Known: {', '.join(names)}.")
    return frozenset(statuses)


thin_all(globals())

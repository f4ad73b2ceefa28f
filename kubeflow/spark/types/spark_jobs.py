"""A Spark job as its user sees it, and what a job runs in the terms of the published package."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeAlias, cast

from kubeflow.core.display import call, repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.types.checks import wrong_type
from kubeflow.trainer.types.job_name import R_co

if TYPE_CHECKING:
    from kubeflow_api.spark import v1beta2

    from kubeflow.core.html import Cell

SparkJobReference: TypeAlias = "str | SparkJob | v1beta2.SparkApplication"
"""What methods take for an existing job: its name, the `SparkJob` that `get_job` returned, or the model of one."""


class SparkJobStatus(str, Enum):  # noqa: UP042 - as in the published package: `str()` gives the member
    """Where a job is. It ends as `COMPLETED` or `FAILED`; nothing else is an end."""

    CREATED = "Created"
    """It was made, and its driver does not run yet."""
    RUNNING = "Running"
    """Its driver runs."""
    RETRYING = "Retrying"
    """An attempt failed, and there will be another one."""
    SUSPENDED = "Suspended"
    """None of its processes runs; `resume_job` starts it anew."""
    COMPLETED = "Completed"
    """It ended well."""
    FAILED = "Failed"
    """It failed, and there will be no other attempt."""
    UNKNOWN = "Unknown"
    """A state that this version cannot name; whether the job goes on is not known."""

    @classmethod
    def from_operator_state(cls, raw_state: str | None) -> SparkJobStatus:
        """Return the status for what an operator writes as `status.applicationState.state`; `UNKNOWN` for other words.

        A submission or an attempt that failed may be followed by another. Which it is, is decided next: `RETRYING`
        until the operator says `FAILED`.
        """
        return _OF_OPERATOR.get((raw_state or "").upper(), cls.UNKNOWN)


# The operator's state machine: internal/controller/sparkapplication/controller.go, Spark Operator 2.4 to 2.5.2.
_OF_OPERATOR = {
    "": SparkJobStatus.CREATED,
    "NEW": SparkJobStatus.CREATED,
    "SUBMITTED": SparkJobStatus.CREATED,
    "RUNNING": SparkJobStatus.RUNNING,
    "SUCCEEDING": SparkJobStatus.RUNNING,
    "COMPLETED": SparkJobStatus.COMPLETED,
    "FAILED": SparkJobStatus.FAILED,
    "FAILING": SparkJobStatus.RETRYING,
    "SUBMISSION_FAILED": SparkJobStatus.RETRYING,
    "PENDING_RERUN": SparkJobStatus.RETRYING,
    "INVALIDATING": SparkJobStatus.RETRYING,
    "SUSPENDING": SparkJobStatus.SUSPENDED,
    "SUSPENDED": SparkJobStatus.SUSPENDED,
    "RESUMING": SparkJobStatus.CREATED,
    "UNKNOWN": SparkJobStatus.UNKNOWN,
}
SPARK_ENDED = frozenset({SparkJobStatus.COMPLETED, SparkJobStatus.FAILED})
"""The statuses of jobs that have ended."""


@dataclass(frozen=True)
class SparkJob:
    """A job at one moment.

    Attributes:
        name: Its name.
        namespace: Its namespace; empty for a job of this machine.
        status: Where it is.
        creation_timestamp: When it was made, with time zone.
        num_executors: The executors that it was made with.
        driver_pod_name: The pod of its driver; the process on this machine, as `"pid 4242"`. `None` before there is
            one.
        message: Why it is where it is, in words: what failed, when the next attempt is due. Mostly empty.
        attempts: Attempts so far, the current one included; 0 before the first.
        executors: Where its executors are, by the names of their pods: `"PENDING"`, `"RUNNING"`, `"COMPLETED"`,
            `"FAILED"` or `"UNKNOWN"`. Empty on this machine, where they are threads of the driver.
    """

    name: str
    namespace: str = ""
    status: SparkJobStatus | None = None
    creation_timestamp: datetime | None = None
    num_executors: int | None = None
    driver_pod_name: str | None = None
    message: str = ""
    attempts: int = 0
    executors: Mapping[str, str] | None = None

    to_dict = dict_of_fields

    def __repr__(self) -> str:
        return call(
            "SparkJob",
            name=self.name,
            namespace=self.namespace or None,
            status=None if self.status is None else self.status.value,
            num_executors=self.num_executors,
            driver_pod_name=self.driver_pod_name,
            creation_timestamp=self.creation_timestamp,
            message=self.message or None,
            attempts=self.attempts if self.attempts > 1 else None,
        )

    def _repr_html_(self) -> str:
        """Return the job as notebooks show it: status, why, driver, executors."""
        from kubeflow.core import html

        executors = self.executors or {}
        rows = [[name, html.StatusWord(status)] for name, status in executors.items()]
        return html.view(
            html.heading(f"Spark job {self.name}", None if self.status is None else self.status.value),
            html.tag("p", self.message) if self.message else None,
            html.facts(
                {
                    "Namespace": self.namespace,
                    "Driver": self.driver_pod_name,
                    "Executors": self.num_executors,
                    "Attempts": self.attempts if self.attempts > 1 else None,
                    "Made": self.creation_timestamp,
                }
            ),
            html.details(
                f"{len(executors)} executors",
                html.table(["Executor", "Status"], rows, what="executors"),
                opened=len(executors) <= _FEW,
            )
            if executors
            else None,
        )


_FEW = 8  # executors that are shown unfolded


class SparkJobList(ShownList[SparkJob]):
    """Spark jobs, shown with a line for each: what `list_jobs` returns."""

    WHAT = "Spark jobs"

    @classmethod
    def row(cls, item: SparkJob) -> Mapping[str, Cell]:  # noqa: D102
        from kubeflow.core.html import StatusWord

        return {
            "Name": item.name,
            "Status": StatusWord("Unknown" if item.status is None else item.status.value),
            "Executors": item.num_executors,
            "Attempts": item.attempts if item.attempts > 1 else None,
            "Age": item.creation_timestamp,
            "Message": item.message,
        }


@dataclass(frozen=True)
class FileJob:
    """A program that exists as a file: what `process_data(file=...)` and `process_data(jar=...)` run.

    Attributes:
        file_source: A Python script or a jar: a path of this machine, or an address that the driver reads, like
            `"s3a://bucket/etl.py"` or `"local:///opt/spark/examples/jars/spark-examples.jar"`.
        args: The words of its command line.
        main_class: Of a jar: its main class, like `"org.apache.spark.examples.SparkPi"`.
    """

    file_source: str | os.PathLike[str]
    args: Sequence[str | float | os.PathLike[str]] | None = None
    main_class: str | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True)
class FuncJob(Generic[R_co]):
    """A function: what `process_data(func)` runs. It is packaged with the code of yours that it uses.

    Attributes:
        func: The function. A parameter named `spark` is the session.
        func_args: Its other arguments, by name.
    """

    func: Callable[..., R_co]
    func_args: Mapping[str, object] | None = None

    __repr__ = repr_of_fields


def spark_job_name(job: SparkJobReference, namespace: str | None = None) -> str:
    """Return the name of a job that is given by its name, as a `SparkJob`, or as the model of one.

    Args:
        job: What the user gave.
        namespace: Where it is looked for; `None` where there are no namespaces.

    Raises:
        InvalidInput: For anything else, for a model without a name, and for one of another namespace.
    """
    if isinstance(job, str):
        return str(job)
    home: str | None
    if isinstance(job, SparkJob):
        name, home = job.name, job.namespace or None
    else:
        from kubeflow_api.spark import v1beta2

        if not isinstance(job, v1beta2.SparkApplication):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("name", job, (str, SparkJob), remedy="Give the name that process_data() returned.")
        if not job.metadata.name:
            raise InvalidInput("name takes a SparkApplication that has a name: this one has no metadata.name.")
        name, home = job.metadata.name, job.metadata.namespace
    if namespace is not None and home not in (None, namespace):
        raise InvalidInput(
            f"Spark job {name!r} is of namespace {home!r}, and this client works in {namespace!r}: use "
            f"KubernetesBackendConfig(namespace={home!r})."
        )
    return name


def spark_statuses(given: object) -> frozenset[SparkJobStatus]:
    """Return the statuses that are given as one or as several, as members or by their values.

    Raises:
        InvalidInput: One of them does not exist, with the one that was probably meant; or there is none.
    """
    several = isinstance(given, Iterable) and not isinstance(given, str)
    statuses: list[object] = list(cast("Iterable[object]", given)) if several else [given]
    found: set[SparkJobStatus] = set()
    values = [status.value for status in SparkJobStatus]
    for status in statuses:
        try:
            found.add(SparkJobStatus(status))
        except ValueError:
            word = {"Complete": "Completed", "Succeeded": "Completed"}.get(str(status).capitalize(), str(status))
            hint = did_you_mean(word.capitalize(), values)
            raise InvalidInput(
                f"A Spark job never has the status {status!r}.{hint} Known: {', '.join(values)}."
            ) from None
    return frozenset(found)


thin_all(globals())

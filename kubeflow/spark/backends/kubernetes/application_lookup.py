"""Finds applications by name, and shows them as users see them. No object breaks a listing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError, Invalid, NotFound
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request
from kubeflow.spark.backends.kubernetes.application_names import driver_pod_name
from kubeflow.spark.backends.kubernetes.application_states import application_moment
from kubeflow.spark.backends.kubernetes.spark_connection import APPLICATIONS, SCHEDULES, SparkConnection, spark_path
from kubeflow.spark.errors import SparkJobNotFound
from kubeflow.spark.types.spark_jobs import SparkJob, SparkJobStatus

_PAGE = "1000"
_TOLD = (SparkJobStatus.FAILED, SparkJobStatus.RETRYING, SparkJobStatus.UNKNOWN)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def find_application(connection: SparkConnection, name: str) -> Json:
    """Return an application as the server sent it: one request, and up to two more when there is none.

    Raises:
        SparkJobNotFound: With the names that there are.
        InvalidInput: `name` is no text.
    """
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"name must be the name of a Spark job, as text, not {name!r}.")
    try:
        return connection.transport.send(Request("GET", spark_path(APPLICATIONS, connection.namespace, name)))
    except (NotFound, Invalid) as error:
        raise application_missing(connection, name) from error


def application_missing(connection: SparkConnection, name: str) -> SparkJobNotFound:
    """Return the error for a job that does not exist; it names others, if they can be listed."""
    where = f"in namespace {connection.namespace!r}"
    try:
        items = sorted(_listed(connection, None), key=created)
        if is_schedule(connection, name):
            where += f", but a ScheduledSparkApplication, whose runs are jobs called '{name}-...'"
    except ClusterError as error:  # what matters is said without the list
        return SparkJobNotFound(name, (), where=where, unseen=str(error))
    return SparkJobNotFound(name, [wire.text(item, "metadata", "name") for item in items], where=where)


def is_schedule(connection: SparkConnection, name: str) -> bool:
    """Return whether there is a ScheduledSparkApplication of a name: one request."""
    try:
        connection.transport.send(Request("GET", spark_path(SCHEDULES, connection.namespace, name)))
    except ClusterError:
        return False
    return True


def list_applications(connection: SparkConnection, label_selector: str | None) -> list[SparkJob]:
    """Return the jobs whose labels match, oldest first: one request for each 1,000.

    Raises:
        ClusterError: As the transport does.
    """
    return [spark_job(item) for item in sorted(_listed(connection, label_selector), key=created)]


def _listed(connection: SparkConnection, label_selector: str | None) -> Iterable[Json]:
    query = {"limit": _PAGE, **({"labelSelector": label_selector} if label_selector else {})}
    return wire.listed(connection.transport, spark_path(APPLICATIONS, connection.namespace), query)


def created(item: Json) -> datetime:
    """Return when an object was made; long ago where it does not say."""
    return wire.time(item, "metadata", "creationTimestamp") or _LONG_AGO


def spark_job(application: Json) -> SparkJob:
    """Return an application as users see it. Fields that do not fit the schema count as absent.

    Args:
        application: As the server sent it.
    """
    moment = application_moment(application)
    executors = wire.strings(application, "status", "executorState")
    words = ""
    if moment.status is SparkJobStatus.FAILED:
        words = moment.message or moment.words
    elif moment.status in _TOLD:
        words = f"{moment.words}{f': {moment.message}' if moment.message else ''}"
    started = moment.state not in ("", "SUSPENDED", "SUSPENDING") and bool(
        wire.text(application, "status", "driverInfo", "podName")
    )
    return SparkJob(
        name=wire.text(application, "metadata", "name"),
        namespace=wire.text(application, "metadata", "namespace"),
        status=moment.status,
        creation_timestamp=wire.time(application, "metadata", "creationTimestamp"),
        num_executors=_executors(application),
        driver_pod_name=driver_pod(application) if started else None,
        message=words,
        attempts=moment.attempts,
        executors=executors or None,
    )


def driver_pod(application: Json) -> str:
    """Return the name of the driver's pod: as the status says, else as the operator will call it."""
    named = wire.text(application, "status", "driverInfo", "podName") or wire.text(
        application, "spec", "driver", "podName"
    )
    return named or driver_pod_name(wire.text(application, "metadata", "name"))


def _executors(application: Json) -> int | None:
    fixed = wire.integer(application, "spec", "executor", "instances")
    if fixed is not None:
        return fixed
    for field in ("initialExecutors", "minExecutors"):
        if (count := wire.integer(application, "spec", "dynamicAllocation", field)) is not None:
            return count
    return None

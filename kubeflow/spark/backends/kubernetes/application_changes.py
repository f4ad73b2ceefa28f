"""Changes to Spark jobs that exist: suspend, resume, delete."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping

from kubeflow.cluster import wire
from kubeflow.cluster.errors import Conflict, NotFound, ServerFault
from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import wait_until_gone
from kubeflow.core.transport import Interruption, Request
from kubeflow.spark.backends.kubernetes.application_lookup import (
    application_missing,
    find_application,
    is_schedule,
)
from kubeflow.spark.backends.kubernetes.application_names import SCHEDULE_NAME_LABEL
from kubeflow.spark.backends.kubernetes.application_pods import followed_application
from kubeflow.spark.backends.kubernetes.application_states import application_moment
from kubeflow.spark.backends.kubernetes.spark_connection import APPLICATIONS, SCHEDULES, SparkConnection, spark_path
from kubeflow.spark.errors import SparkJobNotFound, SparkJobWaitTimeout
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.constants import constants

logger = logging.getLogger(__name__)


def suspend_application(connection: SparkConnection, name: str) -> None:
    """Have the pods of a job deleted, and keep the job: a read and at most one write. A schedule makes no more runs.

    Raises:
        SparkJobNotFound: With names like it.
        InvalidInput: It has ended.
    """
    _set_suspended(connection, name, suspended=True)


def resume_application(connection: SparkConnection, name: str) -> None:
    """Have a suspended job submitted anew: a read and at most one write.

    Raises:
        SparkJobNotFound: With names like it.
        InvalidInput: It has ended.
    """
    queue = _set_suspended(connection, name, suspended=False)
    if queue is not None:
        logger.warning("Spark job %s is of Kueue's queue %s, which decides when it runs.", name, queue)


def _set_suspended(connection: SparkConnection, name: str, *, suspended: bool) -> str | None:
    try:
        application = find_application(connection, name)
    except SparkJobNotFound:
        if not is_schedule(connection, name):
            raise
        connection.schedules.patch(name, {"spec": {"suspend": suspended}})
        return None
    moment = application_moment(application)
    if moment.final:
        raise InvalidInput(f"Spark job {name!r} has ended as {moment.status.value}: run it again to run it once more.")
    if (wire.at(application, "spec", "suspend") is True) is not suspended:
        patch: Mapping[str, object] = {"spec": {"suspend": suspended}}
        try:
            connection.applications.patch(name, patch)
        except NotFound as error:
            raise application_missing(connection, name) from error
    return wire.strings(application, "metadata", "labels").get(constants.KUEUE_QUEUE_LABEL)


def delete_application(connection: SparkConnection, name: str, wait: float | None) -> None:
    """Delete a job with one request; what it owns, its pods and its code, goes after it.

    Of a schedule, its runs are waited for as well.

    Raises:
        SparkJobNotFound: With names like it.
        SparkJobWaitTimeout: Something of it is still there after `wait` seconds.
    """
    if wait is not None and not wait > 0:
        raise InvalidInput(f"timeout is in seconds and must be greater than 0, not {wait!r}.")
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"name must be the name of a Spark job, as text, not {name!r}.")
    started = time.monotonic()
    try:
        connection.applications.delete(name)
    except (NotFound, InvalidInput) as error:
        try:
            _delete_schedule(connection, name, started, wait)
        except (NotFound, InvalidInput):
            raise application_missing(connection, name) from error
        return
    except (Interruption, ServerFault) as error:
        logger.debug("it is not known whether Spark job %s is deleted: %s", name, error)
        with contextlib.suppress(NotFound, Conflict):
            connection.applications.delete(name)
    if wait is not None:
        _until_gone(connection, name, started, wait, lambda: _left(connection, name))


def _delete_schedule(connection: SparkConnection, name: str, started: float, wait: float | None) -> None:
    remains = None if wait is None else _Remains(connection, name)
    connection.schedules.delete(name)
    if wait is not None and remains is not None:
        _until_gone(connection, name, started, wait, remains.left)


class _Remains:
    """What is left of a schedule that is being deleted: itself, its runs, and their pods."""

    def __init__(self, connection: SparkConnection, name: str) -> None:
        self._connection, self._name = connection, name
        schedule = connection.transport.send(Request("GET", spark_path(SCHEDULES, connection.namespace, name)))
        self._uid = wire.text(schedule, "metadata", "uid")
        # Pods name their run only, and stay a while after it.
        self._runs: set[str] = set(self._now())

    def left(self) -> str | None:
        """Return what is left, in words; `None` when nothing is."""
        try:
            schedule = self._connection.transport.send(
                Request("GET", spark_path(SCHEDULES, self._connection.namespace, self._name))
            )
            if wire.text(schedule, "metadata", "uid") == self._uid:
                return f"ScheduledSparkApplication {self._name}"
        except NotFound:
            pass
        if runs := self._now():
            self._runs.update(runs)
            return f"SparkApplications {', '.join(runs)}"
        pods = [pod.name for run in sorted(self._runs) for pod in self._pods(run)]
        return f"pods {', '.join(pods)}" if pods else None

    def _pods(self, run: str) -> list[JobPod]:
        pods = followed_application().list_pods(self._connection.transport, self._connection.namespace, run)
        if not pods:
            self._runs.discard(run)
        return pods

    def _now(self) -> list[str]:
        path = spark_path(APPLICATIONS, self._connection.namespace)
        query = {"labelSelector": f"{SCHEDULE_NAME_LABEL}={self._name}"}
        return sorted(
            wire.text(run, "metadata", "name")
            for run in wire.listed(self._connection.transport, path, query)
            if any(wire.text(owner, "uid") == self._uid for owner in wire.objects(run, "metadata", "ownerReferences"))
        )


def _until_gone(
    connection: SparkConnection, name: str, started: float, wait: float, look: Callable[[], str | None]
) -> None:
    def too_late(left: str) -> SparkJobWaitTimeout:
        remedy = (
            f"Still there: {left}. Look at what holds it back, such as a finalizer or a pod that does not end: kubectl "
            f"get sparkapplications,pods -n {connection.namespace}"
        )
        return SparkJobWaitTimeout(name, "being deleted", ("gone",), wait, remedy=remedy)

    wait_until_gone(look, too_late, started=started, wait=wait)


def _left(connection: SparkConnection, name: str) -> str | None:
    """Return what is left of a deleted job, in words; `None` when nothing is."""
    try:
        application = find_application(connection, name)
    except SparkJobNotFound:
        pods = followed_application().list_pods(connection.transport, connection.namespace, name)
        return f"pods {', '.join(pod.name for pod in pods)}" if pods else None
    # A job that is not being deleted has taken the name since, and its pods are not ours to wait for.
    return f"SparkApplication {name}" if wire.at(application, "metadata", "deletionTimestamp") else None

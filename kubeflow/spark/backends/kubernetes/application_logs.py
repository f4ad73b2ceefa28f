"""The log lines of driver and executors, and of the server of a session: Trainer's reader on their pods."""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.spark.backends.kubernetes.application_lookup import created, find_application
from kubeflow.spark.backends.kubernetes.application_pods import (
    DRIVER,
    EXECUTOR,
    SERVER,
    followed_application,
    followed_session,
    steps_of,
)
from kubeflow.spark.backends.kubernetes.spark_connection import SparkConnection
from kubeflow.trainer.backends.kubernetes.logs.job_logs import read
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines

_ONE = re.compile(r"executor-\d+", re.ASCII)


def application_logs(
    connection: SparkConnection, name: str, role: str, selection: LogSelection, follow: bool
) -> LogLines:
    """Check the arguments at once, with one request, then yield lines as they come; see `SparkBackend.get_job_logs`.

    Of a job that was just made, `follow` waits for the pod. Lines of a driver that was started again follow those of
    the one before it.

    Raises:
        InvalidInput: There is no such role.
        SparkJobNotFound: With names like it.
    """
    if role not in (DRIVER, EXECUTOR) and not _ONE.fullmatch(role):
        raise InvalidInput(
            f"A Spark job has no {role!r}: its logs are those of 'driver', of 'executor' (all of them, each line with "
            "its origin), and of one executor, like 'executor-2'."
        )
    application = find_application(connection, name)
    kind = followed_application(role)
    made = created(application)
    if role == EXECUTOR:
        pods = kind.list_pods(connection.transport, connection.namespace, name)
        steps = steps_of([pod for pod in pods if pod.created is None or pod.created >= made])
        step = None
    else:
        steps, step = [role], role
    logged = LoggedJob(
        connection.transport, connection.namespace, name, steps, made, container=selection.container, kind=kind
    )
    return read(logged, _of(selection, step), follow=follow)


def session_logs(connection: SparkConnection, name: str, selection: LogSelection, follow: bool) -> LogLines:
    """Yield the lines of a session's server, until the session is deleted where they are followed."""
    logged = LoggedJob(
        connection.transport,
        connection.namespace,
        name,
        [SERVER],
        container=selection.container,
        kind=followed_session(SERVER),
    )
    return read(logged, _of(selection, SERVER), follow=follow)


def _of(selection: LogSelection, step: str | None) -> LogSelection:
    return LogSelection(step, selection.container, selection.after, selection.tail_lines, selection.since)

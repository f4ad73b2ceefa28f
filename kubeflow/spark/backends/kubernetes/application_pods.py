"""The pods of an application, and of a session: which is the driver, and which executor each of the others is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from kubeflow.cluster import wire
from kubeflow.cluster.pods.pod import read_pod
from kubeflow.cluster.wire import Json
from kubeflow.spark.backends.kubernetes.application_names import (
    APP_NAME_LABEL,
    CONNECT_NAME_LABEL,
    DRIVER_CONTAINER,
    EXECUTOR_CONTAINER,
    EXECUTOR_LABEL,
    ROLE_LABEL,
)
from kubeflow.spark.backends.kubernetes.application_states import application_moment
from kubeflow.spark.backends.kubernetes.spark_connection import APPLICATIONS, CONNECTS, spark_path
from kubeflow.spark.errors import KIND
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.watches.followed_kind import FollowedKind

DRIVER, EXECUTOR, SERVER = "driver", "executor", "server"
_ROLES = {"driver": DRIVER, "executor": EXECUTOR, "connect-server": SERVER}
_CONTAINERS = (DRIVER_CONTAINER, EXECUTOR_CONTAINER, "executor")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SparkPod(JobPod):
    """A pod of an application or of a session. Its `step` is `"driver"`, `"server"` or `"executor-2"`."""

    @property
    def is_node(self) -> bool:
        """True: another attempt may follow a driver that has succeeded."""
        return True


def read_spark_pods(items: Iterable[Json]) -> list[JobPod]:
    """Return what pods say, oldest first; odd ones have odd values and raise nothing."""
    pods = [_read(item) for item in items]
    return sorted(pods, key=lambda pod: (pod.created or _LONG_AGO, pod.step, pod.name))


def _read(item: Json) -> SparkPod:
    labels = wire.strings(item, "metadata", "labels")
    containers = wire.objects(item, "spec", "containers")
    main = next((c for c in containers if wire.text(c, "name") in _CONTAINERS), containers[0] if containers else None)
    read = read_pod(item, main)
    role = _ROLES.get(labels.get(ROLE_LABEL, ""), "")
    number = labels.get(EXECUTOR_LABEL, "")
    return SparkPod(
        **{part.name: getattr(read, part.name) for part in fields(read)},
        job=labels.get(APP_NAME_LABEL) or labels.get(CONNECT_NAME_LABEL, ""),
        replicated_job=role,
        completion_index=int(number) if number.isascii() and number.isdigit() else 0,
        step=f"{EXECUTOR}-{number or read.name}" if role == EXECUTOR else role or read.name,
    )


def newest_pods(pods: Iterable[JobPod]) -> list[JobPod]:
    """Return the newest pod of each step, the driver first, then executors by number."""
    newest: dict[str, JobPod] = {}
    for pod in sorted(pods, key=lambda pod: pod.created or _LONG_AGO):
        newest[pod.step] = pod
    return sorted(newest.values(), key=lambda pod: (pod.replicated_job == EXECUTOR, pod.completion_index, pod.step))


def followed_application(role: str | None = None) -> FollowedKind:
    """Return how applications are followed with the pods of a role.

    Args:
        role: `"driver"`, `"executor"`, or one executor, `"executor-2"`; `None` for all pods. Requests for the log of
            the driver do not depend on the number of executors.
    """
    return FollowedKind(
        lambda namespace: spark_path(APPLICATIONS, namespace),
        lambda name: _selector(f"{APP_NAME_LABEL}={name}", role),
        read_spark_pods,
        lambda application: application_moment(application).final,
        KIND,
    )


def followed_session(role: str | None = None) -> FollowedKind:
    """Return how sessions are followed with the pods of a role: `"server"`, `"executor"`, or `None` for all."""
    return FollowedKind(
        lambda namespace: spark_path(CONNECTS, namespace),
        lambda name: _selector(f"{CONNECT_NAME_LABEL}={name}", role),
        read_spark_pods,
        lambda _: False,  # a session ends by being deleted
        "session",
    )


def _selector(of: str, role: str | None) -> str:
    if role is None:
        return of
    if role == SERVER:
        return f"{of},{ROLE_LABEL}=connect-server"
    if role in (DRIVER, EXECUTOR):
        return f"{of},{ROLE_LABEL}={role}"
    return f"{of},{ROLE_LABEL}={EXECUTOR},{EXECUTOR_LABEL}={role.removeprefix('executor-')}"


def steps_of(pods: Sequence[JobPod]) -> list[str]:
    """Return the steps of pods, each once."""
    return [pod.step for pod in newest_pods(pods)]

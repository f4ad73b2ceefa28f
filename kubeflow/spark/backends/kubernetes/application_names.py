"""Names of Spark objects on a cluster, and how long they may be for what the operator makes of them. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

SparkKind: TypeAlias = Literal["SparkApplication", "ScheduledSparkApplication", "SparkConnect"]

_LONGEST_LABEL = 63
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_MADE: dict[SparkKind, tuple[int, str]] = {
    # The name is the value of a label of each pod.
    "SparkApplication": (_LONGEST_LABEL, "is a label of its pods"),
    # A run is called like the schedule, "-" and the time in nanoseconds, of 19 digits.
    "ScheduledSparkApplication": (_LONGEST_LABEL - 20, "is followed by 20 characters in the name of each run"),
    # Service `<name>-server`; the webhook of 2.5 has the same bound, 2.4 would make no service.
    "SparkConnect": (_LONGEST_LABEL - len("-server"), "is followed by '-server' in the name of its service"),
}

DRIVER_CONTAINER = "spark-kubernetes-driver"
EXECUTOR_CONTAINER = "spark-kubernetes-executor"

ROLE_LABEL = "spark-role"
APP_NAME_LABEL = "sparkoperator.k8s.io/app-name"
SCHEDULE_NAME_LABEL = "sparkoperator.k8s.io/scheduled-app-name"
CONNECT_NAME_LABEL = "sparkoperator.k8s.io/connect-name"
SUBMISSION_LABEL = "sparkoperator.k8s.io/submission-id"
EXECUTOR_LABEL = "spark-exec-id"


def check_spark_name(kind: SparkKind, name: str) -> str:
    """Return `name` when objects that are derived from it can be named.

    Raises:
        InvalidInput: With the bound, what it comes from, and a name that would do.
    """
    longest, why = _MADE[kind]
    if len(name) <= longest and _LABEL.fullmatch(name):
        return name
    suggestion = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").lstrip("0123456789-")[:longest].strip("-")
    raise InvalidInput(
        f"name={name!r} cannot be the name of a {kind}: at most {longest} lower-case letters, digits and '-', a letter "
        f"first, no '-' last; it {why}. {f'Try {suggestion!r}, or leave' if suggestion else 'Leave'} name= out."
    )


def driver_pod_name(name: str) -> str:
    """Return the name of an application's driver pod, where the object does not say it yet."""
    return f"{name}-driver"


def server_pod_name(name: str) -> str:
    """Return the name of the pod, and of the service, of a SparkConnect."""
    return f"{name}-server"


def code_config_map(name: str) -> str:
    """Return the name of the ConfigMap that has an application's code."""
    return f"{name}-code"

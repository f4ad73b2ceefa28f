"""The lines that there are now in the logs of several pods, one pod after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from kubeflow.cluster.errors import ClusterError
from kubeflow.cluster.pods.container_log import ContainerLog
from kubeflow.cluster.pods.log_requests import refused
from kubeflow.cluster.pods.pod import Pod

PodT = TypeVar("PodT", bound=Pod)


def present_lines(
    pods: Iterable[PodT], open_log: Callable[[PodT], ContainerLog]
) -> Iterator[tuple[PodT, ContainerLog, bytes]]:
    """Yield each line with its pod and the log that has it. A log that cannot be read stops no other.

    Args:
        pods: The pods, in the order in which their logs are read.
        open_log: Returns the log of a pod, where reading of it begins.

    Raises:
        ClusterError: At the end: the first error. At once where the credentials are refused, as they are for all pods.
    """
    failure: ClusterError | None = None
    for pod in pods:
        log = open_log(pod)
        try:
            for line in log.now(pod):
                yield pod, log, line
        except ClusterError as error:
            failure = failure or error
            if refused(error):
                break
    if failure is not None:
        raise failure

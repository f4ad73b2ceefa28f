"""What a feed follows: objects of one kind, and the pods that belong to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.pods.pod import pods_path
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path
from kubeflow.trainer.backends.kubernetes.jobs.pods import JOB_LABEL, JobPod, read_pods
from kubeflow.trainer.constants import constants


@dataclass(frozen=True, slots=True)
class FollowedKind:
    """A kind of object that owns pods. Clients of other kinds than TrainJobs follow theirs by one of these.

    Attributes:
        path: Returns the path of the collection in a namespace.
        selector: Returns the label selector of the pods of an object, given its name.
        read_pods: Reads pods, leniently.
        ended: True when an object, as the server sent it, has ended: no further pod of it will start.
        called: What users call it, for messages.
    """

    path: Callable[[str], str]
    selector: Callable[[str], str]
    read_pods: Callable[[Iterable[Json]], list[JobPod]]
    ended: Callable[[Json], bool]
    called: str = "TrainJob"

    def list_pods(self, transport: Transport, namespace: str, name: str) -> list[JobPod]:
        """Return the pods of an object as they are now, with one request for each 500 of them.

        Raises:
            Forbidden: These credentials may not list pods.
            ClusterError: As the transport does.
        """
        query = {"labelSelector": self.selector(name)}
        return self.read_pods(wire.listed(transport, pods_path(namespace), query))


def ended(job: Json) -> bool:
    """True when the status of a TrainJob has the condition Complete or Failed."""
    return any(wire.condition(job, kind) for kind in constants.TRAINJOB_ENDS)


TRAINJOBS = FollowedKind(jobs_path, lambda name: f"{JOB_LABEL}={name}", read_pods, ended)
"""TrainJobs, and the pods of their JobSets."""

"""The pods of jobs: which step each one is, and how it and its containers fare, as far as the pod itself says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kubeflow.cluster import wire
from kubeflow.cluster.pods.pod import Pod, pods_path, read_pod
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import INITIALIZERS, node_index, step_name

# Labels that JobSet puts on jobs and pods, and the Job controller on pods.
JOB_LABEL = "jobset.sigs.k8s.io/jobset-name"
_JOBSET_UID = "jobset.sigs.k8s.io/jobset-uid"
_REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"
_REPLICAS = "jobset.sigs.k8s.io/replicatedjob-replicas"
_JOB_INDEX = "jobset.sigs.k8s.io/job-index"
_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"
# The container that kubectl means where none is named. Istio sets it to the container that was there before its own.
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"

_Age = tuple[int, float, bool, bool, float]

_NPROC = "PET_NPROC_PER_NODE"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class JobPod(Pod):
    """A pod of a TrainJob.

    Attributes:
        job: The TrainJob that it belongs to, by name.
        replicated_job: The job of the JobSet that it is of: `"node"`, `"launcher"`, `"dataset-initializer"`, ...
        job_index: Index of its Job among the replicas of that job, from 0.
        completion_index: Its index within its Job, from 0. Of a Job that is not Indexed, see `read_pods`.
        step: The step as users name it: `"node-0"`, `"dataset-initializer"`; see `read_pods`.
        attempt: How often the JobSet had been restarted as a whole when this pod was made.
        jobset_uid: Uid of the JobSet that it belongs to; may be empty.
        num_proc_per_node: `PET_NPROC_PER_NODE` of its main container, as written; empty when it has none.
    """

    job: str = ""
    replicated_job: str = ""
    job_index: int = 0
    completion_index: int = 0
    step: str = ""
    attempt: int = 0
    jobset_uid: str = ""
    num_proc_per_node: str = ""

    @property
    def display_name(self) -> str:
        """The step, by which users know the pod."""
        return self.step

    @property
    def is_node(self) -> bool:
        """True when the pod runs what users gave to train: it is of `node` or `launcher`, or has a container `node`."""
        named = self.node_index is not None or self.replicated_job in (constants.NODE, constants.LAUNCHER)
        return named or any(c.name == constants.NODE and not c.init for c in self.containers)

    @property
    def node_index(self) -> int | None:
        """The index of a step like `"node-1"`; `None` for all other steps."""
        return node_index(self.step)


def list_pods(transport: Transport, namespace: str, job: str | None = None) -> list[JobPod]:
    """Return the pods of one job, or of all jobs of the namespace, with one request for each 500 of them.

    Args:
        transport: The cluster.
        namespace: Where the jobs are.
        job: Name of a TrainJob; `None` for all.

    Returns:
        In the order of their jobs, replicated jobs, indices and attempts. Pods of earlier attempts, and of an earlier
        job of the same name that are still there, are among them; see `current`.

    Raises:
        Forbidden: These credentials may not list pods.
        ClusterError: As the transport does.
    """
    selector = JOB_LABEL if job is None else f"{JOB_LABEL}={job}"
    return read_pods(wire.listed(transport, pods_path(namespace), {"labelSelector": selector}))


def read_pods(items: Iterable[object]) -> list[JobPod]:
    """Return what the pods in `items` say, as the API server wrote them; odd ones have odd values and raise nothing.

    Steps are named by the place of the pod in its JobSet: see `steps.step_name`. The pods of a Job that is not Indexed
    are numbered as they were made. A pod that replaces a failed or deleted one has the number of that one.
    """
    found = [_read(item) for item in items if wire.mapping(item)]
    numbers = _numbers([each for each in found if not each.indexed and each.pod.replicated_job])
    launched = {each.pod.job for each in found if each.pod.replicated_job == constants.LAUNCHER}
    replicas: dict[tuple[str, str, str], int] = {}
    for each in found:
        key = each.pod.job, each.pod.jobset_uid, each.pod.replicated_job
        replicas[key] = max(replicas.get(key, 1), each.replicas, each.pod.job_index + 1)
    named: list[JobPod] = []
    for pod, worker, *_ in found:
        index = numbers.get(pod.uid or pod.name, pod.completion_index)
        step = step_name(
            pod.replicated_job,
            index,
            replica=pod.job_index,
            replicas=replicas[pod.job, pod.jobset_uid, pod.replicated_job],
            beside_launcher=worker or pod.job in launched,
        )
        named.append(replace(pod, completion_index=index, step=step))
    return sorted(named, key=_order)


def current(pods: Iterable[JobPod], *, since: datetime | None = None) -> list[JobPod]:
    """Return the newest pod of each step, in the order of steps: initializers first, nodes by index.

    Args:
        pods: Pods of one job or of several.
        since: When the job was made: pods from before are of an earlier job of that name, and left out.
    """
    newest: dict[tuple[str, str, int, int], JobPod] = {}
    for pod in of_job(pods, since):
        key = (pod.job, pod.replicated_job, pod.job_index, pod.completion_index)
        if key not in newest or _age(pod) > _age(newest[key]):
            newest[key] = pod
    return sorted(newest.values(), key=step_order)


def of_job(pods: Iterable[JobPod], since: datetime | None) -> list[JobPod]:
    """Return the pods that were not made before `since`, which are of an earlier job of the same name."""
    return [pod for pod in pods if since is None or pod.created is None or pod.created >= since]


def step_order(pod: JobPod) -> tuple[str, tuple[int, str], int, int]:
    """Sort key: the order in which users see steps, where the order of the runtime is not known."""
    return pod.job, job_order(pod.replicated_job), pod.job_index, pod.completion_index


def job_order(replicated_job: str) -> tuple[int, str]:
    """Sort key of replicated jobs: initializers, launcher, nodes, then all others by their names."""
    known = (*INITIALIZERS, constants.LAUNCHER, constants.NODE)
    return (known.index(replicated_job) if replicated_job in known else len(known)), replicated_job


def _age(pod: JobPod) -> _Age:
    # Creation is in whole seconds. Of two pods of the same second, that which still runs came later; a pod that has
    # succeeded is not replaced; and one pod starts after the other has ended.
    created = pod.created.timestamp() if pod.created else 0.0
    ended = pod.ended_at.timestamp() if pod.ended_at else 0.0
    return pod.attempt, created, not (pod.ended or pod.deleting), pod.phase == "Succeeded", ended


def _order(pod: JobPod) -> tuple[str, str, int, int, _Age, str]:
    return pod.job, pod.replicated_job, pod.job_index, pod.completion_index, _age(pod), pod.name


def _numbers(found: list[_Read]) -> dict[str, int]:
    """Return the numbers of the pods of Jobs that are not Indexed, from 0 in each Job, by the uids of the pods."""
    numbers: dict[str, int] = {}
    left: dict[tuple[str, str, str, int, int], list[datetime | None]] = {}  # by Job: when the holder of a number left
    for pod, leaves in sorted(
        ((each.pod, each.leaves) for each in found), key=lambda pair: (pair[0].created or _LONG_AGO, pair[0].name)
    ):
        made = pod.created or _LONG_AGO
        of_job = left.setdefault((pod.job, pod.jobset_uid, pod.replicated_job, pod.job_index, pod.attempt), [])
        number = next((place for place, time in enumerate(of_job) if time is not None and made > time), len(of_job))
        of_job[number : number + 1] = [leaves]
        numbers[pod.uid or pod.name] = number
    return numbers


class _Read(NamedTuple):
    """A pod, and what of it only matters beside the other pods of its job.

    Attributes:
        pod: The pod.
        worker: True when it is a worker of an MPI launcher.
        indexed: True when it says its completion index.
        replicas: Jobs of its replicated job; 0 when it does not say.
        leaves: Another pod that is made later than this replaces it; `None` when none will.
    """

    pod: JobPod
    worker: bool
    indexed: bool
    replicas: int
    leaves: datetime | None


def _leaves(item: object, pod: JobPod) -> datetime | None:
    if pod.deleting:  # the timestamp is the end of its grace period
        grace = wire.integer(item, "metadata", "deletionGracePeriodSeconds") or 0
        asked = wire.time(item, "metadata", "deletionTimestamp")
        return None if asked is None else asked - timedelta(seconds=grace)
    if pod.phase != "Failed":
        return None
    ends = [end.finished for container in pod.containers for end in container.exits if end.finished is not None]
    return max([pod.created or _LONG_AGO, *ends])


def _read(item: object) -> _Read:
    labels = wire.strings(item, "metadata", "labels")
    job = labels.get(JOB_LABEL, "")
    replicated_job = labels.get(_REPLICATED_JOB, "")
    main = _main(item, job, replicated_job)
    # The controller mounts the keys of MPI into launcher and workers, before there is a launcher to be seen.
    volumes = wire.objects(item, "spec", "volumes")
    worker = any(wire.text(volume, "secret", "secretName") == f"{job}-mpi-ssh-auth" for volume in volumes)
    index = labels.get(_COMPLETION_INDEX) or wire.text(item, "metadata", "annotations", _COMPLETION_INDEX)
    read = read_pod(item, main)
    pod = JobPod(
        **{part.name: getattr(read, part.name) for part in fields(read)},
        job=job,
        replicated_job=replicated_job,
        job_index=_number(labels.get(_JOB_INDEX)),
        completion_index=_number(index),
        attempt=_number(labels.get(_ATTEMPT)),
        jobset_uid=labels.get(_JOBSET_UID, ""),
        num_proc_per_node=next(
            (wire.text(env, "value") for env in wire.objects(main, "env") if wire.text(env, "name") == _NPROC), ""
        ),
    )
    return _Read(pod, worker, bool(index), _number(labels.get(_REPLICAS)), _leaves(item, pod))


def _main(item: object, job: str, replicated_job: str) -> Json:
    """Return the main container: the one that kubectl takes by default, else `node`, else by job, else the first.

    Trainer fills in the container `node`, or the one that is called as its replicated job.
    """
    listed = wire.objects(item, "spec", "containers")
    containers = {wire.text(container, "name"): container for container in listed}
    annotated = wire.text(item, "metadata", "annotations", _DEFAULT_CONTAINER)
    names = (annotated, constants.NODE, replicated_job, job)
    return next((containers[name] for name in names if name in containers), listed[0] if listed else wire.NOTHING)


def _number(written: str | None) -> int:
    return int(written) if written and written.isascii() and written.isdigit() else 0

"""The pods of jobs: which step each one is, and how it and its containers fare, as far as the pod itself says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime

from kubeflow.cluster import wire
from kubeflow.cluster.pods.pod import Pod, pods_path, read_pod
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.steps import node_index, node_step

# Labels that JobSet puts on jobs and pods, and the Job controller on pods.
JOB_LABEL = "jobset.sigs.k8s.io/jobset-name"
_JOBSET_UID = "jobset.sigs.k8s.io/jobset-uid"
_REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"
_JOB_INDEX = "jobset.sigs.k8s.io/job-index"
_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"
_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"

_NPROC = "PET_NPROC_PER_NODE"


@dataclass(frozen=True, slots=True)
class JobPod(Pod):
    """A pod of a TrainJob.

    Attributes:
        job: The TrainJob that it belongs to, by name.
        replicated_job: The job of the JobSet that it is of: `"node"`, `"launcher"`, `"dataset-initializer"`, ...
        job_index: Index of the replica of that job; 0 in all jobs that Trainer makes.
        completion_index: Its index within that job.
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
        """True when the pod is a training node."""
        return self.node_index is not None

    @property
    def node_index(self) -> int | None:
        """The index of the training node that it is; `None` for initializers and the like."""
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

    Steps are named as the published package names them. A pod of the job `launcher` is `node-0`, and workers beside it
    count from `node-1`; other training nodes are `node-` and their completion index; initializers have the name of
    their job; pods of any other job that job's name and their index. Pods are training nodes when their job is called
    `node` or `launcher`, or when they have a container `node` (jobs of one's own runtimes may be called anything).
    """
    found = [_read(item) for item in items if wire.mapping(item)]
    launched = {pod.job for pod, _ in found if pod.replicated_job == constants.LAUNCHER}
    named = [replace(pod, step=_step(pod, worker=worker or pod.job in launched)) for pod, worker in found]
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


def step_order(pod: JobPod) -> tuple[str, bool, int, str]:
    """Sort key: the order in which users see steps."""
    index = pod.node_index
    return pod.job, index is not None, index or 0, pod.step


def _age(pod: JobPod) -> tuple[int, float, bool]:
    # Creation is in whole seconds: of two in the same one, that which still runs came later.
    return pod.attempt, pod.created.timestamp() if pod.created else 0.0, not (pod.ended or pod.deleting)


def _order(pod: JobPod) -> tuple[str, str, int, int, tuple[int, float, bool], str]:
    return pod.job, pod.replicated_job, pod.job_index, pod.completion_index, _age(pod), pod.name


def _read(item: object) -> tuple[JobPod, bool]:
    """Return the pod, and whether it is a worker of an MPI launcher."""
    labels = wire.strings(item, "metadata", "labels")
    job = labels.get(JOB_LABEL, "")
    replicated_job = labels.get(_REPLICATED_JOB, "")
    main = _main(item, replicated_job)
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
    return pod, worker


def _step(pod: JobPod, *, worker: bool) -> str:
    if pod.replicated_job == constants.LAUNCHER:
        return node_step(pod.completion_index)
    if constants.NODE in (pod.replicated_job, pod.main):
        return node_step(pod.completion_index + (1 if worker else 0))
    if pod.replicated_job in (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER):
        return pod.replicated_job
    replica = f"-{pod.job_index}" if pod.job_index else ""
    return f"{pod.replicated_job}{replica}-{pod.completion_index}"


def _main(item: object, replicated_job: str) -> Json:
    """The container that Trainer fills in, which its admission rules give one of three names; else the first."""
    containers = wire.objects(item, "spec", "containers")
    for wanted in (constants.NODE, replicated_job):
        for container in containers:
            if wire.text(container, "name") == wanted:
                return container
    return containers[0] if containers else {}


def _number(written: str | None) -> int:
    return int(written) if written and written.isascii() and written.isdigit() else 0

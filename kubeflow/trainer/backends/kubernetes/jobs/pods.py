"""The pods of jobs: which step each one is, and how it and its containers fare, as far as the pod itself says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.trainer.constants import constants
from kubeflow.trainer.steps import node_index, node_step

# Labels that JobSet puts on jobs and pods, and the Job controller on pods.
JOB_LABEL = "jobset.sigs.k8s.io/jobset-name"
_JOBSET_UID = "jobset.sigs.k8s.io/jobset-uid"
_REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"
_JOB_INDEX = "jobset.sigs.k8s.io/job-index"
_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"
_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"

_NPROC = "PET_NPROC_PER_NODE"

ContainerState = Literal["Waiting", "Running", "Terminated", "Unknown"]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended once.

    Attributes:
        exit_code: Of its first process; `None` when unknown. 128 and a signal's number for one that a signal ended.
        reason: The kubelet's word: `"Completed"`, `"Error"`, `"OOMKilled"`, ...; may be empty.
        message: The termination message: what the container itself left; may be empty.
        started: When it started, if known.
        finished: When it ended, if known; whole seconds.
    """

    exit_code: int | None
    reason: str = ""
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod.

    Attributes:
        name: Its name.
        init: Whether it is an init container.
        state: `"Waiting"`, `"Running"`, `"Terminated"`, or `"Unknown"` before the kubelet has said anything.
        reason: Why it waits or how it ended: `"ImagePullBackOff"`, `"OOMKilled"`, `"Error"`; may be empty.
        message: In words, or what the container itself left when it ended; may be empty.
        exit_code: Of its present instance, when that has ended.
        restarts: How often it was started again in this pod.
        started: When the present instance started.
        finished: When the present instance ended.
        previous: How the instance before ended; `None` when there was none.
    """

    name: str
    init: bool = False
    state: ContainerState = "Unknown"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0
    started: datetime | None = None
    finished: datetime | None = None
    previous: Exit | None = None

    @property
    def exits(self) -> list[Exit]:
        """How its last two instances ended, as far as they have, oldest first."""
        known = [self.previous] if self.previous is not None else []
        if self.state == "Terminated":
            known.append(Exit(self.exit_code, self.reason, self.message, self.started, self.finished))
        return known

    @property
    def has_log(self) -> bool:
        """Whether some instance of it has run, so that there is a log to read."""
        return self.state in ("Running", "Terminated") or self.restarts > 0 or self.previous is not None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a job.

    Attributes:
        name: Its name.
        uid: Its uid.
        job: The TrainJob that it belongs to, by name.
        replicated_job: The job of the JobSet that it is of: `"node"`, `"launcher"`, `"dataset-initializer"`, ...
        job_index: Index of the replica of that job; 0 in all jobs that Trainer makes.
        completion_index: Its index within that job.
        step: The step as users name it: `"node-0"`, `"dataset-initializer"`; see `read_pods`.
        phase: `"Pending"`, `"Running"`, `"Succeeded"`, `"Failed"` or `"Unknown"`.
        attempt: How often the JobSet had been restarted as a whole when this pod was made.
        containers: Init containers first, in the order of the pod.
        main: Name of the container that the step is about.
        reason: Why the pod as a whole failed: `"Evicted"`, `"NodeLost"`; mostly empty.
        message: The same in words; mostly empty.
        scheduling_reason: Why it is not placed: `"Unschedulable"`, `"SchedulingGated"`; empty once it is.
        scheduling_message: The same in the scheduler's words.
        disruption: Why the cluster ends it: `"PreemptionByScheduler"`, `"DeletionByTaintManager"`; mostly empty.
        disruption_message: The same in words.
        created: When it was made; `None` when unknown.
        deleting: Whether its deletion is under way.
        node: The machine that it was placed on; empty before.
        jobset_uid: Uid of the JobSet that it belongs to; may be empty.
        owner_uid: Uid of the Job that made it; may be empty.
        claims: Names of the PersistentVolumeClaims that it mounts.
        resources: What its main container has been promised, by resource name: limits, else requests.
        num_proc_per_node: `PET_NPROC_PER_NODE` of its main container, as written; empty when it has none.
    """

    name: str
    uid: str = ""
    job: str = ""
    replicated_job: str = ""
    job_index: int = 0
    completion_index: int = 0
    step: str = ""
    phase: str = "Unknown"
    attempt: int = 0
    containers: Sequence[Container] = ()
    main: str = ""
    reason: str = ""
    message: str = ""
    scheduling_reason: str = ""
    scheduling_message: str = ""
    disruption: str = ""
    disruption_message: str = ""
    created: datetime | None = None
    deleting: bool = False
    node: str = ""
    jobset_uid: str = ""
    owner_uid: str = ""
    claims: Sequence[str] = ()
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    num_proc_per_node: str = ""

    @property
    def container(self) -> Container:
        """The main container; one of which nothing is known when the kubelet has not reported it."""
        return next((c for c in self.containers if c.name == self.main and not c.init), Container(self.main))

    @property
    def ended(self) -> bool:
        """Whether all of its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def is_node(self) -> bool:
        """Whether it is a training node."""
        return self.node_index is not None

    @property
    def node_index(self) -> int | None:
        """The index of the training node that it is; `None` for initializers and the like."""
        return node_index(self.step)


def pods_path(namespace: str) -> str:
    """Return the path of the pods of `namespace`."""
    return wire.core_path(namespace, "pods")


def list_pods(transport: Transport, namespace: str, job: str | None = None) -> list[Pod]:
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


def read_pods(items: Iterable[object]) -> list[Pod]:
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


def current(pods: Iterable[Pod], *, since: datetime | None = None) -> list[Pod]:
    """Return the newest pod of each step, in the order of steps: initializers first, nodes by index.

    Args:
        pods: Pods of one job or of several.
        since: When the job was made: pods from before are of an earlier job of that name, and left out.
    """
    newest: dict[tuple[str, str, int, int], Pod] = {}
    for pod in of_job(pods, since):
        key = (pod.job, pod.replicated_job, pod.job_index, pod.completion_index)
        if key not in newest or _age(pod) > _age(newest[key]):
            newest[key] = pod
    return sorted(newest.values(), key=step_order)


def of_job(pods: Iterable[Pod], since: datetime | None) -> list[Pod]:
    """Return the pods that were not made before `since`, which are of an earlier job of the same name."""
    return [pod for pod in pods if since is None or pod.created is None or pod.created >= since]


def step_order(pod: Pod) -> tuple[str, bool, int, str]:
    """Sort key: the order in which users see steps."""
    index = pod.node_index
    return pod.job, index is not None, index or 0, pod.step


def _age(pod: Pod) -> tuple[int, float, bool]:
    # Creation is in whole seconds: of two in the same one, that which still runs came later.
    return pod.attempt, pod.created.timestamp() if pod.created else 0.0, not (pod.ended or pod.deleting)


def _order(pod: Pod) -> tuple[str, str, int, int, tuple[int, float, bool], str]:
    return pod.job, pod.replicated_job, pod.job_index, pod.completion_index, _age(pod), pod.name


def _read(item: object) -> tuple[Pod, bool]:
    """Return the pod, and whether it is a worker of an MPI launcher."""
    labels = wire.strings(item, "metadata", "labels")
    name = wire.text(item, "metadata", "name")
    job = labels.get(JOB_LABEL, "")
    replicated_job = labels.get(_REPLICATED_JOB, "")
    main = _main(item, replicated_job)
    unplaced = wire.condition(item, "PodScheduled", "False")
    disrupted = wire.condition(item, "DisruptionTarget")
    volumes = wire.objects(item, "spec", "volumes")
    claims = [wire.text(volume, "persistentVolumeClaim", "claimName") for volume in volumes]
    # The controller mounts the keys of MPI into launcher and workers, before there is a launcher to be seen.
    worker = any(wire.text(volume, "secret", "secretName") == f"{job}-mpi-ssh-auth" for volume in volumes)
    index = labels.get(_COMPLETION_INDEX) or wire.text(item, "metadata", "annotations", _COMPLETION_INDEX)
    pod = Pod(
        name=name,
        uid=wire.text(item, "metadata", "uid"),
        job=job,
        replicated_job=replicated_job,
        job_index=_number(labels.get(_JOB_INDEX)),
        completion_index=_number(index),
        phase=wire.text(item, "status", "phase") or "Unknown",
        attempt=_number(labels.get(_ATTEMPT)),
        containers=_containers(item),
        main=wire.text(main, "name"),
        reason=wire.text(item, "status", "reason"),
        message=wire.text(item, "status", "message"),
        scheduling_reason=wire.text(unplaced, "reason"),
        scheduling_message=wire.text(unplaced, "message"),
        disruption=wire.text(disrupted, "reason"),
        disruption_message=wire.text(disrupted, "message"),
        created=wire.time(item, "metadata", "creationTimestamp"),
        deleting=bool(wire.at(item, "metadata", "deletionTimestamp")),
        node=wire.text(item, "spec", "nodeName"),
        jobset_uid=labels.get(_JOBSET_UID, ""),
        owner_uid=next((wire.text(owner, "uid") for owner in wire.objects(item, "metadata", "ownerReferences")), ""),
        claims=[claim for claim in claims if claim],
        resources={**_amounts(main, "requests"), **_amounts(main, "limits")},
        num_proc_per_node=next(
            (wire.text(env, "value") for env in wire.objects(main, "env") if wire.text(env, "name") == _NPROC), ""
        ),
    )
    return pod, worker


def _step(pod: Pod, *, worker: bool) -> str:
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


def _containers(item: object) -> list[Container]:
    found: list[Container] = []
    for listed, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        reported = {wire.text(status, "name"): status for status in wire.objects(item, "status", statuses)}
        names = [wire.text(container, "name") for container in wire.objects(item, "spec", listed)]
        names += [name for name in reported if name not in names]
        found += [_container(name, reported.get(name, {}), init) for name in names]
    return found


def _container(name: str, status: Json, init: bool) -> Container:
    state = wire.mapping(status, "state")
    restarts = wire.integer(status, "restartCount") or 0
    before = wire.mapping(status, "lastState", "terminated")
    previous = _exit(before) if before else None
    if waiting := wire.mapping(state, "waiting"):
        reason, message = wire.text(waiting, "reason"), wire.text(waiting, "message")
        return Container(name, init, "Waiting", reason, message, restarts=restarts, previous=previous)
    if "running" in state:
        started = wire.time(state, "running", "startedAt")
        return Container(name, init, "Running", restarts=restarts, started=started, previous=previous)
    if "terminated" in state:
        end = _exit(wire.mapping(state, "terminated"))
        return Container(
            name,
            init,
            "Terminated",
            end.reason,
            end.message,
            end.exit_code,
            restarts,
            end.started,
            end.finished,
            previous,
        )
    known: ContainerState = "Waiting" if "waiting" in state else "Unknown"
    return Container(name, init, known, restarts=restarts, previous=previous)


def _exit(terminated: Json) -> Exit:
    return Exit(
        wire.integer(terminated, "exitCode"),
        wire.text(terminated, "reason"),
        wire.text(terminated, "message"),
        wire.time(terminated, "startedAt"),
        wire.time(terminated, "finishedAt"),
    )


def _amounts(container: Json, which: str) -> dict[str, str]:
    given = wire.mapping(container, "resources", which)
    return {name: str(amount) for name, amount in given.items() if isinstance(amount, (str, int, float))}


def _number(written: str | None) -> int:
    return int(written) if written and written.isascii() and written.isdigit() else 0

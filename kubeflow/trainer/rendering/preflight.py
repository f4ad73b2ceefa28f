"""What a control plane would refuse, or accept and then fail: found before anything is written. Pure.

The rules are those of the admission webhooks and controllers of Trainer 2.0 to 2.3 and of JobSet, as far as the schema
does not say them; each finding has its remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.stdlib import re
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.options._merging import at
from kubeflow.trainer.rendering import preflight_devices, preflight_pods
from kubeflow.trainer.rendering.job_in_runtime import JobInRuntime, containers, entries
from kubeflow.trainer.rendering.older_minors import minor_of, unavailable
from kubeflow.trainer.types import storage_uris
from kubeflow.trainer.types.runtimes import RuntimeKind

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

AnyRuntime: TypeAlias = "v1alpha1.ClusterTrainingRuntime | v1alpha1.TrainingRuntime"

# etcd takes requests of 1.5 MiB (https://etcd.io/docs/v3.5/dev-guide/limit/); a little is for what the server adds.
_OBJECT_LIMIT = 1536 * 1024 - 16 * 1024
_LABEL_LIMIT = 63
_POD_SUFFIX = 6  # "-" and five random characters
_MANAGER = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9/_.%~:@!$&'()*+,;=-]+"
)
_MOUNT = "initializer"
_A_NUMBER = " takes only an integer"


def check(job: v1alpha1.TrainJob, runtime: AnyRuntime | None, minor: str) -> None:
    """Refuse a TrainJob that this control plane would refuse or could not run.

    Args:
        job: The TrainJob, in the form of `minor`.
        runtime: The runtime that it names, as the server has it; `None` when it is not known, which leaves out all that
            depends on it.
        minor: Of Trainer, like `"2.3"`; a patch number is ignored.

    Raises:
        InvalidInput: With every finding and its remedy.
    """
    found = findings(job, runtime, minor)
    if not found:
        return
    name = job.metadata.name if job.metadata is not None else None
    lines = f" {found[0]}" if len(found) == 1 else "".join(f"\n- {line}" for line in found)
    raise InvalidInput(f"TrainJob {name!r} cannot run on Trainer {minor_of(minor)}:{lines}")


def findings(job: v1alpha1.TrainJob, runtime: AnyRuntime | None, minor: str) -> list[str]:
    """Return everything that `check` would refuse, each with its remedy; empty when all is well."""
    minor = minor_of(minor)
    placed = JobInRuntime(job, runtime)
    checks: list[Iterator[str]] = [
        _fields(job, minor),
        _kind(placed),
        _size(job),
        _managers(placed, minor),
        preflight_pods.patches(job),
        preflight_pods.variables(placed),
        preflight_devices.amounts(placed, minor),
        _sources(placed, minor),
    ]
    if runtime is not None:
        checks += [
            _policy(placed, minor),
            _name(placed),
            _variables(placed, minor),
            preflight_pods.targets(placed),
            preflight_devices.merged_amounts(placed, minor),
            preflight_devices.devices(placed, minor),
            _life(placed, minor),
            _initializers(placed, minor),
            _torchtune(placed, minor),
            _volcano(placed),
        ]
    return [finding for found in checks for finding in found]


def notes(job: v1alpha1.TrainJob, runtime: AnyRuntime, minor: str) -> list[str]:
    """Return what a user should know of a job that can run: that it takes more than it asks for, or may start again.

    Args:
        job: The TrainJob, in the form of `minor`.
        runtime: The runtime that it names, as the server has it.
        minor: Of Trainer, like `"2.3"`; a patch number is ignored.
    """
    placed = JobInRuntime(job, runtime)
    found = list(_mpi_hosts(placed)) if placed.policy == "mpi" else []
    return [*found, *_restarts(placed, minor_of(minor))]


def _restarts(placed: JobInRuntime, minor: str) -> Iterator[str]:
    seconds = placed.job_set.get("ttlSecondsAfterFinished")
    if minor == "2.3" and seconds is not None:
        yield (
            f"If it fails, Trainer 2.3.0 starts it again and again: its runtime {placed.runtime_name!r} has "
            f"ttlSecondsAfterFinished: {seconds}, by which the failed JobSet is removed. Delete a job that has failed "
            f"(client.delete_job({placed.name!r})), or have an administrator take ttlSecondsAfterFinished out of the "
            "runtime."
        )


def _mpi_hosts(placed: JobInRuntime) -> Iterator[str]:
    asked, hosts = placed.own_num_nodes, placed.pod_counts.nodes(placed.own_num_nodes)
    launchers = sum(job.pods for job in placed.replicated_pods() if job.name == constants.LAUNCHER)
    if launchers > 1:
        yield (
            f"Runtime {placed.runtime_name!r} starts {launchers} launchers, and each of them runs the training on all "
            f"{hosts} hosts: its mlPolicy.numNodes is {launchers}. An administrator sets mlPolicy.numNodes to 1; the "
            "number of nodes of a job is num_nodes=."
        )
    elif asked is not None and hosts > asked:
        yield (
            f"num_nodes={asked} is {hosts} hosts in the MPI runtime {placed.runtime_name!r}: a launcher has at least "
            "one worker beside it. Each host takes what resources_per_node= asks for."
        )


def _fields(job: v1alpha1.TrainJob, minor: str) -> Iterator[str]:
    for problem in unavailable(job, minor):
        if problem.endswith(_A_NUMBER):
            yield f"{problem}: write one, or leave it out."
        elif " takes only " in problem:
            yield f"{problem}: make it smaller, or put it into the image or a volume."
        elif "; in " in problem:  # says itself what to use instead
            yield f"{problem}."
        else:
            yield f"{problem}: leave it out, or ask for the cluster's Trainer to be upgraded."


def _kind(placed: JobInRuntime) -> Iterator[str]:
    kinds = [kind.value for kind in RuntimeKind]
    if not placed.runtime_group:
        yield f"runtimeRef.apiGroup is empty: leave it out, or write {constants.GROUP}."
    if placed.runtime_group == constants.GROUP and placed.runtime_kind not in kinds:
        hint = did_you_mean(placed.runtime_kind, kinds)
        yield f"There are no runtimes of the kind {placed.runtime_kind!r}.{hint} Write {' or '.join(kinds)}."


def _size(job: v1alpha1.TrainJob) -> Iterator[str]:
    size = len(job.to_json().encode())
    if size > _OBJECT_LIMIT:
        yield (
            f"It has {size:,} bytes, and a cluster stores at most {_OBJECT_LIMIT:,}: put large code and data into the "
            "image or a volume."
        )


def _managers(placed: JobInRuntime, minor: str) -> Iterator[str]:
    managers = [str(patch.get("manager")) for patch in placed.runtime_patches]
    for manager in managers:
        if not _MANAGER.fullmatch(manager):
            yield f"The manager {manager!r} of a runtime patch must have the form 'domain/name', as 'example.com/team'."
    for manager in dict.fromkeys(each for each in managers if managers.count(each) > 1):
        yield f"The manager {manager!r} has several runtime patches: merge them into one."
    if len(managers) > 16:
        yield f"It has {len(managers)} runtime patches, and Trainer {minor} takes 16: merge them."


def _sources(placed: JobInRuntime, minor: str) -> Iterator[str]:
    for field, source in placed.initializers.items():
        uri = str(source.get("storageUri") or "")
        known = storage_uris.SCHEMES_OF_2_0 if minor == "2.0" else storage_uris.SCHEMES[field]
        scheme = uri.partition("://")[0]
        names = [str(variable.get("name")) for variable in entries(source, "env")]
        reason = uri and (storage_uris.problem(uri, field, known) or storage_uris.on_cluster(uri, field))
        if reason:
            end = "" if reason.endswith("?") else "."
            elsewhere = (
                " Or upload the data to one of these, or mount it with the option VolumeClaim."
                if scheme not in known
                else ""
            )
            yield f"The {field} initializer of Trainer {minor} cannot fetch {uri!r}: {reason}{end}{elsewhere}"
        elif scheme == "cache" and "METADATA_LOC" not in names:
            yield "A dataset cache needs the variable METADATA_LOC: use DataCacheInitializer(metadata_loc=...)."


def _policy(placed: JobInRuntime, minor: str) -> Iterator[str]:
    source = placed.policy
    nodes = _number(placed.trainer.get("numNodes"), 1)
    of_runtime = _number(placed.ml_policy.get("numNodes"), 1)
    if of_runtime < 1 and (source == "mpi" or placed.own_num_nodes is None):
        remedy = "an administrator sets it to 1" if source == "mpi" else "set num_nodes=1 or more"
        yield f"The runtime's mlPolicy.numNodes is {of_runtime}, so no pod would train: {remedy}."
    elif nodes == 0:
        yield "numNodes is 0, so the job would be running for ever, without a pod: set num_nodes=1 or more."
    elif nodes < 0:
        yield f"numNodes is {nodes}, and its Jobs would be refused: set num_nodes=1 or more."
    if source in ("jax", "xgboost", "flux") and not placed.has_trainer:  # torch and MPI run the runtime's command
        yield f"spec.trainer is missing, so a {source} runtime would set nothing up: add an empty one, trainer: {{}}."
    if source == "flux":
        if placed.trainer.get("numNodes") is None:
            yield "A flux runtime needs the number of nodes in the job itself: set num_nodes=."
        if _number(placed.trainer.get("numProcPerNode"), 1) < 1:
            yield "A flux runtime needs at least one process per node: set num_proc_per_node=1 or more."
    if source == "mpi":
        if at(placed.ml_policy, "mpi").get("mpiImplementation") == "":
            yield (
                "The runtime's mpiImplementation is empty, which makes every job fail: an administrator sets it to "
                "'OpenMPI'."
            )
        if placed.launcher_trains and placed.num_nodes > 1:
            absent = [name for name in (constants.LAUNCHER, constants.NODE) if name not in placed.jobs]
            if absent:
                yield f"MPI on {placed.num_nodes} nodes needs the job {absent[0]!r} in the runtime: set num_nodes=1."
    count = placed.trainer.get("numProcPerNode")
    if source in ("torch", "mpi") and _number(count, 1) < 1:
        yield f"numProcPerNode is {count}, and nothing would run on a node: set num_proc_per_node=1 or more."
    words = ("auto", "cpu", "gpu") if source == "torch" else ()
    if isinstance(count, str) and minor in ("2.0", "2.1") and count not in words:
        yield f"numProcPerNode {count!r} must be a whole number here: set num_proc_per_node= to one."
    alone = count is not None and placed.trainer.get("numNodes") is None
    if alone and placed.is_torchtune and minor in ("2.0", "2.1"):
        yield f"Trainer {minor} crashes on TorchTune with numProcPerNode alone: set numNodes too."


def _life(placed: JobInRuntime, minor: str) -> Iterator[str]:
    """What goes wrong later on in Trainer 2.3.0 with JobSet 0.12.0, measured there."""
    if minor != "2.3":
        return
    claims = entries(placed.job_set, "volumeClaimPolicies")
    if placed.starts_suspended and any(policy.get("retentionPolicy") is None for policy in claims):
        yield (
            "The job would wait for ever: in this runtime Trainer 2.3 cannot resume a suspended job, as the "
            "volumeClaimPolicies of the runtime leave out retentionPolicy. An administrator writes retentionPolicy: "
            "{whenDeleted: Delete} into them; or leave Queue() and Suspend() out."
        )


def _name(placed: JobInRuntime) -> Iterator[str]:
    name = placed.name
    if name is None:
        return
    rooms = [
        (_LABEL_LIMIT - _POD_SUFFIX - len(f"-{job.name}-{max(job.replicas, 1) - 1}-{max(job.pods, 1) - 1}"), job.name)
        for job in placed.replicated_pods()
    ]
    for room, job in sorted(rooms)[:1]:
        if len(name) > room:
            yield (
                f"The name has {len(name)} characters, and in this runtime the names of the pods of {job!r} leave room "
                f"for {room}: choose a shorter name=, or leave it out to get one."
            )


def _variables(placed: JobInRuntime, minor: str) -> Iterator[str]:
    # torch: refused on all minors, though 2.0 and 2.1 look only when numProcPerNode is set and else overwrite them.
    reserved: Mapping[str, Sequence[str]] = {
        "torch": constants.TORCH_RESERVED_ENV,
        "mpi": constants.MPI_RESERVED_ENV if minor == "2.3" else (),
        "xgboost": constants.XGBOOST_RESERVED_ENV,
    }
    names = [str(variable.get("name")) for variable in entries(placed.trainer, "env")]
    taken = [name for name in reserved.get(placed.policy or "", ()) if name in names]
    if taken:
        yield (
            f"env sets {', '.join(taken)}, which a {placed.policy} runtime sets itself: leave it out and use "
            "num_nodes= and num_proc_per_node= instead."
        )


def _initializers(placed: JobInRuntime, minor: str) -> Iterator[str]:
    for field in placed.initializers:
        name = f"{field}-initializer"
        container = next((each for each in containers(placed.pod(name)) if each.get("name") == name), None)
        if container is None:
            yield (
                f"The runtime has no {name}, so the job cannot fetch a {field}: leave initializer= out, or take a "
                "runtime that has one, such as 'torchtune-llama3.2-1b'."
            )
        elif minor == "2.3" and _MOUNT not in [mount.get("name") for mount in entries(container, "volumeMounts")]:
            yield (
                f"The {name} of the runtime mounts no volume {_MOUNT!r}, without which Trainer 2.3 refuses "
                "initializers: an administrator adds it, or leave initializer= out."
            )


def _torchtune(placed: JobInRuntime, minor: str) -> Iterator[str]:
    if not placed.is_torchtune:
        return
    args = [str(arg) for arg in cast("list[object]", placed.trainer.get("args") or [])]
    devices = preflight_devices.processes_of(placed)
    try:
        torchtune.recipe(placed.runtime_name, args, num_nodes=placed.num_nodes, devices=devices, minor=minor)
    except InvalidInput as error:
        yield str(error)


def _volcano(placed: JobInRuntime) -> Iterator[str]:
    queue = placed.job_set_annotations.get(constants.VOLCANO_QUEUE_ANNOTATION)
    if queue is None:
        return
    if not queue:
        yield "The Volcano queue is empty: name one with VolcanoQueue(name)."
    if "volcano" not in placed.pod_group_policy:
        yield (
            "VolcanoQueue has no effect in this runtime, which does not schedule with Volcano: leave it out, or take a "
            "runtime with podGroupPolicy.volcano."
        )


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) else default

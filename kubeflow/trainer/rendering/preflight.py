"""What a control plane would refuse, or accept and then fail: found before anything is written. Pure.

The rules are those of the admission webhooks and controllers of Trainer 2.0 to 2.3 and of JobSet, as far as the schema
does not say them; each finding has its remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.options._merging import Json, at
from kubeflow.trainer.rendering.job_in_runtime import JobInRuntime
from kubeflow.trainer.rendering.older_minors import minor_of, pod_patches, unavailable
from kubeflow.trainer.types.runtimes import RuntimeKind

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

AnyRuntime: TypeAlias = "v1alpha1.ClusterTrainingRuntime | v1alpha1.TrainingRuntime"

_RESERVED_CONTAINERS = (constants.NODE, constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
# etcd takes requests of 1.5 MiB (https://etcd.io/docs/v3.5/dev-guide/limit/); a little is for what the server adds.
_OBJECT_LIMIT = 1536 * 1024 - 16 * 1024
_LABEL_LIMIT = 63
_POD_SUFFIX = 6  # "-" and five random characters
_MANAGER = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9/_.%~:@!$&'()*+,;=-]+"
)
_VOLCANO_QUEUE = "scheduling.volcano.sh/queue-name"
_MOUNT = "initializer"


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
        _reserved_containers(job),
        _sources(placed, minor),
    ]
    if runtime is not None:
        checks += [
            _policy(placed, minor),
            _name(placed),
            _variables(placed, minor),
            _targets(placed),
            _resources(placed),
            _initializers(placed, minor),
            _torchtune(placed, minor),
            _volcano(placed),
        ]
    return [finding for found in checks for finding in found]


def _fields(job: v1alpha1.TrainJob, minor: str) -> Iterator[str]:
    for problem in unavailable(job, minor):
        if " takes only " in problem:
            yield f"{problem}: make it smaller, or put it into the image or a volume."
        elif "; in " in problem:  # says itself what to use instead
            yield f"{problem}."
        else:
            yield f"{problem}: leave it out, or ask for the cluster's Trainer to be upgraded."


def _kind(placed: JobInRuntime) -> Iterator[str]:
    kinds = [kind.value for kind in RuntimeKind]
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


def _reserved_containers(job: v1alpha1.TrainJob) -> Iterator[str]:
    for patch in pod_patches(job):
        for container in _containers(patch.pod):
            if container.get("env") and container.get("name") in _RESERVED_CONTAINERS:
                yield (
                    f"{patch.path} sets variables of container {container['name']!r}: set them in spec.trainer.env or "
                    "spec.initializer instead, with CustomTrainer(env=...) or SecretEnv."
                )


def _sources(placed: JobInRuntime, minor: str) -> Iterator[str]:
    schemes = {"dataset": ("hf", "s3", "cache"), "model": ("hf", "s3")}
    for field, source in placed.initializers.items():
        uri = str(source.get("storageUri") or "")
        known = ("hf",) if minor == "2.0" else schemes[field]
        scheme = uri.partition("://")[0]
        names = [str(variable.get("name")) for variable in cast("list[Json]", source.get("env") or [])]
        if uri and scheme not in known:
            listed = ", ".join(f"'{each}://'" for each in known)
            yield (
                f"The {field} initializer of Trainer {minor} cannot fetch {uri!r}: it knows {listed}. Upload the data "
                "to one of these, or mount it with the option VolumeClaim."
            )
        elif scheme == "cache" and "METADATA_LOC" not in names:
            yield "A dataset cache needs the variable METADATA_LOC: use DataCacheInitializer(metadata_loc=...)."


def _policy(placed: JobInRuntime, minor: str) -> Iterator[str]:
    source = placed.policy
    if source is not None and not placed.has_trainer:
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
    words = ("auto", "cpu", "gpu") if source == "torch" else ()
    if isinstance(count, str) and minor in ("2.0", "2.1") and count not in words:
        yield f"numProcPerNode {count!r} must be a whole number here: set num_proc_per_node= to one."
    alone = count is not None and placed.trainer.get("numNodes") is None
    if alone and placed.is_torchtune and minor in ("2.0", "2.1"):
        yield f"Trainer {minor} crashes on TorchTune with numProcPerNode alone: set numNodes too."


def _name(placed: JobInRuntime) -> Iterator[str]:
    name = placed.name
    if name is None:
        return
    rooms = [
        (_LABEL_LIMIT - _POD_SUFFIX - len(f"-{job}-{replicas - 1}-{pods - 1}"), job)
        for job, replicas, pods in placed.sizes()
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
    names = [str(variable.get("name")) for variable in cast("list[Json]", placed.trainer.get("env") or [])]
    taken = [name for name in reserved.get(placed.policy or "", ()) if name in names]
    if taken:
        yield (
            f"env sets {', '.join(taken)}, which a {placed.policy} runtime sets itself: leave it out and use "
            "num_nodes= and num_proc_per_node= instead."
        )


def _targets(placed: JobInRuntime) -> Iterator[str]:
    for patch in pod_patches(placed.job):
        if patch.job not in placed.jobs:
            known = ", ".join(placed.jobs)
            hint = did_you_mean(patch.job, placed.jobs)
            yield f"The runtime has no job {patch.job!r} to change.{hint} It has {known}: name one with job=."
            continue
        pod = placed.pod(patch.job)
        known_containers = [str(each.get("name")) for each in _containers(pod)]
        volumes = {
            str(each.get("name")) for each in (*_list(pod, "volumes"), *_list(patch.pod, "volumes"), *placed.claims)
        }
        for container in _containers(patch.pod):
            name = str(container.get("name"))
            if name not in known_containers:
                hint = did_you_mean(name, known_containers)
                yield (
                    f"The job {patch.job!r} of the runtime has no container {name!r} to change.{hint} It has "
                    f"{', '.join(known_containers)}: name one with container=."
                )
            for mount in _list(container, "volumeMounts"):
                if mount.get("name") not in volumes:
                    yield (
                        f"Container {name!r} of {patch.job!r} mounts volume {mount.get('name')!r}, which nobody "
                        "defines: add it to volumes, or use the option VolumeClaim."
                    )


def _resources(placed: JobInRuntime) -> Iterator[str]:
    given = placed.trainer.get("resourcesPerNode")
    device = _device(placed.runtime_resources)
    if not isinstance(given, Mapping) or device is None or placed.trainer.get("numProcPerNode") is not None:
        return
    if _device(cast(Json, given)) is None:
        name, amount = device
        yield (
            f"The runtime gives each node {amount} {name}, and resources_per_node says nothing of it, so processes and "
            f"devices would not match: add {name!r}: {amount}, or 0 to train without."
        )


def _initializers(placed: JobInRuntime, minor: str) -> Iterator[str]:
    for field in placed.initializers:
        name = f"{field}-initializer"
        container = next((each for each in _containers(placed.pod(name)) if each.get("name") == name), None)
        if container is None:
            yield (
                f"The runtime has no {name}, so the job cannot fetch a {field}: leave initializer= out, or take a "
                "runtime that has one, such as 'torchtune-llama3.2-1b'."
            )
        elif minor == "2.3" and _MOUNT not in [mount.get("name") for mount in _list(container, "volumeMounts")]:
            yield (
                f"The {name} of the runtime mounts no volume {_MOUNT!r}, without which Trainer 2.3 refuses "
                "initializers: an administrator adds it, or leave initializer= out."
            )


def _torchtune(placed: JobInRuntime, minor: str) -> Iterator[str]:
    if not placed.is_torchtune:
        return
    args = [str(arg) for arg in cast("list[object]", placed.trainer.get("args") or [])]
    try:
        torchtune.recipe(placed.runtime_name, args, num_nodes=placed.num_nodes, devices=_devices(placed), minor=minor)
    except InvalidInput as error:
        yield str(error)


def _volcano(placed: JobInRuntime) -> Iterator[str]:
    queue = placed.job_set_annotations.get(_VOLCANO_QUEUE)
    if queue is None:
        return
    if not queue:
        yield "The Volcano queue is empty: name one with VolcanoQueue(name)."
    if "volcano" not in placed.pod_group_policy:
        yield (
            "VolcanoQueue has no effect in this runtime, which does not schedule with Volcano: leave it out, or take a "
            "runtime with podGroupPolicy.volcano."
        )


def _devices(placed: JobInRuntime) -> int | None:
    count = placed.trainer.get("numProcPerNode")
    if isinstance(count, int):
        return count
    given = placed.trainer.get("resourcesPerNode")
    device = _device(cast(Json, given)) if isinstance(given, Mapping) else None
    device = device or _device(placed.runtime_resources)
    return int(device[1]) if device is not None and device[1].isdigit() else None


def _device(resources: Json) -> tuple[str, str] | None:
    # The control plane counts the first resource whose name holds "gpu", of the requests, else of the limits.
    for part in ("requests", "limits"):
        for name, amount in at(resources, part).items():
            if "gpu" in name.lower():
                return name, str(amount)
    return None


def _containers(pod: Json) -> list[Json]:
    return [*_list(pod, "containers"), *_list(pod, "initContainers")]


def _list(node: Json, key: str) -> list[Json]:
    return cast("list[Json]", node.get(key) or [])


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) else default

"""Findings about the pods of a TrainJob: what its patches name, mount and set."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from kubeflow.core.errors import did_you_mean
from kubeflow.trainer.constants import constants
from kubeflow.trainer.rendering.job_in_runtime import JobInRuntime, containers, entries
from kubeflow.trainer.rendering.older_minors import PodPatch, pod_patches

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

_RESERVED_CONTAINERS = (constants.NODE, constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
_MPI_VOLUMES = ("mpi-ssh-auth", "mpi-hostfile")
"""Volumes that the MPI plugin of Trainer adds to its pods."""


def patches(job: v1alpha1.TrainJob) -> Iterator[str]:
    """Yield what is wrong with patches of pods whatever the runtime is."""
    for patch in pod_patches(job):
        for field, what in (
            ("volumes", "volumes"),
            ("containers", "containers"),
            ("initContainers", "init containers"),
        ):
            for value in _twice(entry.get("name") for entry in entries(patch.pod, field)):
                yield f"{patch.path} has two {what} {value!r}: leave one of them out, or merge them."
        for container in containers(patch.pod):
            name = container.get("name")
            if container.get("env") and name in _RESERVED_CONTAINERS:
                yield (
                    f"{patch.path} sets variables of container {name!r}: set them in spec.trainer.env or "
                    "spec.initializer instead, with CustomTrainer(env=...) or SecretEnv."
                )
            # https://kubernetes.io/docs/reference/kubernetes-api/: the keys of these lists of a container.
            mount_paths = [_folder(mount) for mount in entries(container, "volumeMounts")]
            variable_names = [variable.get("name") for variable in entries(container, "env")]
            for keys, what in ((mount_paths, "mounts"), (variable_names, "variables")):
                for value in _twice(keys):
                    yield f"{patch.path} has two {what} {value!r} in container {name!r}: leave one of them out."
            # The CRDs of Trainer list the mounts of a patch by their volumes.
            for value in _twice(entry.get("name") for entry in entries(container, "volumeMounts")):
                yield (
                    f"{patch.path} mounts volume {value!r} twice in container {name!r}, which Trainer does not take: "
                    "mount it once, at a directory above both."
                )


def variables(placed: JobInRuntime) -> Iterator[str]:
    """Yield variables that the job sets twice, which no server takes."""
    owners = {"spec.trainer": placed.trainer}
    owners |= {f"spec.initializer.{source}": owner for source, owner in placed.initializers.items()}
    for path, owner in owners.items():
        for name in _twice(variable.get("name") for variable in entries(owner, "env")):
            yield f"{path}.env sets {name} twice: leave one of them out."
        # https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
        for variable in entries(owner, "env"):
            name = str(variable.get("name") or "")
            if not name or "=" in name:
                yield f"{path}.env has a variable {name!r}: a name has a character or more, and no '='."
            elif variable.get("value") and variable.get("valueFrom"):
                yield f"{path}.env gives {name} both a value and a valueFrom: leave one of them out."


def targets(placed: JobInRuntime) -> Iterator[str]:
    """Yield what patches of pods name that the runtime does not have."""
    for patch in pod_patches(placed.job):
        if patch.job not in placed.jobs:
            known = ", ".join(placed.jobs)
            hint = did_you_mean(patch.job, placed.jobs)
            yield f"The runtime has no job {patch.job!r} to change.{hint} It has {known}: name one with job=."
            continue
        yield from _containers(placed, patch)
    yield from _volumes(placed)
    yield from _mounts(placed)


def _mounts(placed: JobInRuntime) -> Iterator[str]:
    """Yield volumes that several patches mount at one path: the last of them would take the place of the others."""
    mounted: dict[tuple[str, str, str], str] = {}
    for patch in pod_patches(placed.job):
        for container in containers(patch.pod):
            name = str(container.get("name"))
            # Two mounts at one path in one patch are a finding of `patches`.
            for path, volume in {_folder(m): str(m.get("name")) for m in entries(container, "volumeMounts")}.items():
                before = mounted.setdefault((patch.job, name, path), volume)
                if before != volume:
                    yield (
                        f"Patches mount volumes {before!r} and {volume!r} at {path!r} in container {name!r} of "
                        f"{patch.job!r}: give one of them another path."
                    )


def _folder(mount: Mapping[str, object]) -> str:
    """Return where a volume is mounted, spelt in one way."""
    path = str(mount.get("mountPath"))
    return posixpath.normpath(path) if path.startswith("/") else path


def _containers(placed: JobInRuntime, patch: PodPatch) -> Iterator[str]:
    pod = placed.pod(patch.job)
    known_containers = [str(each.get("name")) for each in containers(pod)]
    volumes = {str(each.get("name")) for each in (*entries(pod, "volumes"), *entries(patch.pod, "volumes"))}
    volumes |= {str(each.get("name")) for each in placed.claims}
    volumes |= set(_MPI_VOLUMES if placed.policy == "mpi" else ())
    for container in containers(patch.pod):
        name = str(container.get("name"))
        if name not in known_containers:
            hint = did_you_mean(name, known_containers)
            yield (
                f"The job {patch.job!r} of the runtime has no container {name!r} to change.{hint} It has "
                f"{', '.join(known_containers)}: name one with container=."
            )
        for mount in entries(container, "volumeMounts"):
            if mount.get("name") not in volumes:
                yield (
                    f"Container {name!r} of {patch.job!r} mounts volume {mount.get('name')!r}, which nobody "
                    "defines: add it to volumes, or use the option VolumeClaim."
                )


def _volumes(placed: JobInRuntime) -> Iterator[str]:
    """Yield volumes that would have two sources: a patch adds to what the runtime, JobSet, or a patch before it has."""
    made = {str(each.get("name")): "JobSet makes of a claim" for each in placed.claims}
    if placed.policy == "mpi":
        made |= dict.fromkeys(_MPI_VOLUMES, "Trainer makes for MPI")
    sources: dict[tuple[str, str], set[str]] = {}
    for job in placed.jobs:
        for volume in entries(placed.pod(job), "volumes"):
            sources[job, str(volume.get("name"))] = volume.keys() - {"name"}
    for patch in pod_patches(placed.job):
        # Two volumes of one name in one patch are a finding of `patches`.
        for name, volume in {str(each.get("name")): each for each in entries(patch.pod, "volumes")}.items():
            before = sources.get((patch.job, name), set())
            both = before | (volume.keys() - {"name"})
            sources[patch.job, name] = both
            if name in made:
                yield (
                    f"The pods of {patch.job!r} get a volume {name!r} that {made[name]}, and would have two of that "
                    "name: give yours another name, and mount that."
                )
            elif len(both) > 1:
                yield (
                    f"The job {patch.job!r} has a volume {name!r} already, and a patch cannot change its source "
                    f"({', '.join(sorted(both))}): give yours another name, and mount that."
                    if before
                    else f"{patch.path} gives volume {name!r} several sources ({', '.join(sorted(both))}): write one."
                )


def _twice(values: Iterable[object]) -> list[object]:
    return [value for value, count in Counter(value for value in values if value is not None).items() if count > 1]

"""Options that put files into the containers of a job: claims, secrets, config maps, scratch space.

A patch can mount one volume only once, so each option makes a volume of its own, named after the path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import normpath
from typing import TYPE_CHECKING, ClassVar

from kubeflow.core.display import REFERENCES, repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.object_names import is_label
from kubeflow.core.quantity import Quantity
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import in_job, in_jobs, with_patch
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.options._targets import Jobs, main_container, targets
from kubeflow.trainer.types.checks import check_map, check_object_name

if TYPE_CHECKING:
    from kubeflow_api.k8s.core.v1.builders import VolumeItem


@dataclass(frozen=True)
class VolumeClaim(Option):
    """A PersistentVolumeClaim that exists, as a folder. Several nodes need one that many can mount (ReadWriteMany).

    Attributes:
        claim: The claim, in the job's namespace.
        path: Where the containers see it, like `"/data"`.
        read_only: Whether they may only read.
        sub_path: A folder within the volume instead of all of it.
        container: Container that sees it. Default: the one that does the work.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    claim: str
    path: str
    read_only: bool = False
    sub_path: str | None = None
    container: str | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("VolumeClaim claim", self.claim)
        _check_path(self.path)
        _check_inside("VolumeClaim sub_path", self.sub_path)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this volume."""
        source = {"persistent_volume_claim": {"claim_name": self.claim}}
        mount = {"read_only": self.read_only or None, "sub_path": self.sub_path}
        return _mounted(spec, f"Volume claim {self.claim}", _name(self.path, "claim"), source, self, mount)


@dataclass(frozen=True)
class SecretFiles(Option):
    """A Secret that exists, as a folder with one file for each key.

    Attributes:
        secret: The Secret, in the job's namespace.
        path: Where the containers see it, like `"/etc/token"`.
        items: Only these keys: key to relative path of its file. Default: all of them.
        optional: Whether pods start without it.
        container: Container that sees it. Default: the one that does the work.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    secret: str
    path: str
    items: Mapping[str, str] | None = field(default=None, metadata=REFERENCES)
    optional: bool = False
    container: str | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("SecretFiles secret", self.secret)
        _check_path(self.path)
        _check_items("SecretFiles items", self.items)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this volume."""
        source = {"secret": {"secret_name": self.secret, **_chosen(self.items, self.optional)}}
        mount = {"read_only": True}
        return _mounted(spec, f"Files of secret {self.secret}", _name(self.path, "secret"), source, self, mount)


@dataclass(frozen=True)
class ConfigMapFiles(Option):
    """A ConfigMap that exists, as a folder with one file for each key.

    Attributes:
        config_map: The ConfigMap, in the job's namespace.
        path: Where the containers see it, like `"/etc/training"`.
        items: Only these keys: key to relative path of its file. Default: all of them.
        optional: Whether pods start without it.
        container: Container that sees it. Default: the one that does the work.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    config_map: str
    path: str
    items: Mapping[str, str] | None = field(default=None, metadata=REFERENCES)
    optional: bool = False
    container: str | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("ConfigMapFiles config_map", self.config_map)
        _check_path(self.path)
        _check_items("ConfigMapFiles items", self.items)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this volume."""
        source = {"config_map": {"name": self.config_map, **_chosen(self.items, self.optional)}}
        mount = {"read_only": True}
        return _mounted(spec, f"Files of config map {self.config_map}", _name(self.path, "config"), source, self, mount)


@dataclass(frozen=True)
class ScratchVolume(Option):
    """An empty folder on each node's own disk, gone with the pod: caches, unpacked archives.

    Attributes:
        path: Where the containers see it, like `"/scratch"`.
        size: Most that it may hold, like `"100Gi"`; a pod that writes more is evicted. Default: no limit.
        container: Container that sees it. Default: the one that does the work.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    path: str
    size: str | None = None
    container: str | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_path(self.path)
        if self.size is not None:
            Quantity(self.size)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this volume."""
        source = {"empty_dir": {} if self.size is None else {"size_limit": self.size}}
        return _mounted(spec, f"Scratch volume {self.path}", _name(self.path, "scratch"), source, self, {})


@dataclass(frozen=True)
class SharedMemory(Option):
    """More shared memory at `/dev/shm`, which PyTorch's data loaders and NCCL pass tensors through.

    Containers have 64 MiB of their own: "bus error" or "No space left on device" in a data loader mean that it was too
    little.

    Attributes:
        size: How much, like `"16Gi"`; it counts as memory of the pod. Default: as much as the pod may have.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    size: str | None = None
    job: Jobs = None
    container: str | None = field(default=None, kw_only=True)
    path: str = field(default="/dev/shm", init=False)

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.size is not None:
            Quantity(self.size)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this volume."""
        limit = {} if self.size is None else {"size_limit": self.size}
        return _mounted(spec, "Shared memory", "dev-shm-memory", {"empty_dir": {"medium": "Memory", **limit}}, self, {})


@dataclass(frozen=True)
class Volume(Option):
    """Any volume that Kubernetes knows: NFS, CSI drivers, ephemeral claims, projected tokens.

    Attributes:
        path: Where the containers see it.
        source: The volume without its name, like `{"nfs": {"server": "nfs.example.com", "path": "/data"}}`.
        read_only: Whether the containers may only read.
        sub_path: A folder within the volume instead of all of it.
        name: Its name, unique in the pod. Default: after the path. The name of a volume that the runtime has changes
            that one.
        container: Container that sees it. Default: the one that does the work.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    path: str
    source: VolumeItem
    read_only: bool = False
    sub_path: str | None = None
    name: str | None = None
    container: str | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        _check_path(self.path)
        _check_inside("Volume sub_path", self.sub_path)
        if self.name is not None and not is_label(self.name):
            raise InvalidInput(
                f"Volume: name={self.name!r} cannot be that of a volume: it has at most 63 lower-case letters, digits "
                "and '-', a letter or digit first and last. Leave it out to have one made."
            )
        if len(self.source) != 1:
            raise InvalidInput(f"Volume: source has one entry, the kind of volume, not {dict(self.source)!r}.")

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this volume."""
        mount = {"read_only": self.read_only or None, "sub_path": self.sub_path}
        name = self.name or _name(self.path, "volume")
        return _mounted(spec, f"Volume {name}", name, dict(self.source), self, mount)


_Mounted = VolumeClaim | SecretFiles | ConfigMapFiles | ScratchVolume | SharedMemory | Volume


def _mounted(spec: JobSpec, what: str, name: str, source: Json, option: _Mounted, mount: Json) -> JobSpec:
    given = {key: value for key, value in mount.items() if value is not None}
    jobs: list[Json] = []
    for job in targets(spec.runtime, option.job):
        container = {
            "name": option.container or main_container(job),
            "volume_mounts": [{"name": name, "mount_path": _clean(option.path), **given}],
        }
        pods = {"volumes": [{"name": name, **source}], "containers": [container]}
        jobs.append(in_job(job, {"spec": {"template": {"spec": pods}}}))
    return with_patch(spec, what, in_jobs(jobs))


def _chosen(items: Mapping[str, str] | None, optional: bool) -> Json:
    chosen = {} if items is None else {"items": [{"key": key, "path": path} for key, path in items.items()]}
    return {**chosen, **({"optional": True} if optional else {})}


def _check_path(path: object) -> None:
    if not isinstance(path, str) or not path.startswith("/") or ":" in path or normpath(path).strip("/") == "":
        raise InvalidInput(f"path must be an absolute path below '/' in the container, like '/data', not {path!r}.")


def _clean(path: str) -> str:
    # "/data/" is "/data": two volumes there would hide each other.
    return f"/{normpath(path).lstrip('/')}"


def _check_items(field: str, items: Mapping[str, str] | None) -> None:
    check_map(field, items or {})
    for path in (items or {}).values():
        _check_inside(field, path)


def _check_inside(field: str, path: object) -> None:
    # What the API server says of it, it says to a controller, long after the job was made.
    if path is None:
        return
    if not isinstance(path, str) or not path or path.startswith("/") or ".." in path.split("/"):
        raise InvalidInput(f"{field}: a path within the volume, like 'runs/7', without '..', is wanted, not {path!r}.")


def _name(path: str, kind: str) -> str:
    # A volume's name is a DNS label; paths that only differ in other characters must not share one.
    path = _clean(path)
    label = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")
    if f"/{label.replace('-', '/')}" != path or len(label) > 40:
        label = f"{label[:32].strip('-') or 'v'}-{hashlib.sha256(path.encode()).hexdigest()[:6]}"
    return f"{label}-{kind}"


thin_all(globals())

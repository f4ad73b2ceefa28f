"""What options ask of pods, as far as containers of this machine can have it: variables, mounts, users, shared memory.

Options write a TrainJob; it is read here, so that an option, a patch and an edit that say the same do the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kubeflow.cluster import wire
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.quantity import Quantity
from kubeflow.trainer.backends.container.keyed_values import read_keyed_values
from kubeflow.trainer.backends.container.types import ContainerBackendConfig, KeyedValues
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.options._fragments import in_words

if TYPE_CHECKING:
    from kubeflow_api.trainer.v1alpha1 import TrainJob

_STEPS = (constants.NODE, constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
_STEP_OF_JOB = {constants.LAUNCHER: constants.NODE, **{step: step for step in _STEPS}}
_SHARED_MEMORY = "/dev/shm"
_SOURCES = {"secret": ("secretName", "secrets"), "configMap": ("name", "config_maps")}
_REFERENCES = {"secretKeyRef": "secrets", "configMapKeyRef": "config_maps"}
# What an option writes that a container has, too. Of the others a job says that they have no effect.
_REALISED = frozenset(
    {"VolumeClaim", "Volume", "ScratchVolume", "SharedMemory", "SecretFiles", "ConfigMapFiles", "SecretEnv"}
    | {"ConfigMapEnv", "PodSecurityContext", "ContainerSecurityContext", "TerminationGracePeriod", "EditTrainJob"}
    | {"PatchJobs", "RuntimePatch"}
)

Json = Mapping[str, object]
Notes = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PodMount:
    """A folder that the containers of a step see.

    Attributes:
        target: Where they see it.
        source: A path of this machine, or the name of a volume of the engine; empty for a folder that each container
            has for itself.
        read_only: Whether they may only read.
        files: What such a folder of its own holds, by relative path.
    """

    target: str
    source: str = ""
    read_only: bool = False
    files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What the containers of a step have by options.

    Attributes:
        env: Variables with values from Secrets and ConfigMaps.
        mounts: Folders.
        shared_memory: Bytes of `/dev/shm`; 0 is as much as the container may have; `None` is the engine's default.
        user: `uid` or `uid:gid`; `None` is the caller.
        grace: Seconds between the request to end and the order; `None` leaves it to the client.
    """

    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    mounts: tuple[PodMount, ...] = ()
    shared_memory: int | None = None
    user: str | None = None
    grace: float | None = None

    __repr__ = repr_of_fields


NO_SETTINGS = PodSettings()


class PodSettingsReader:
    """Reads what the options of a job ask for.

    Args:
        config: What stands for claims, Secrets and ConfigMaps.
    """

    def __init__(self, config: ContainerBackendConfig) -> None:
        self._config = config
        self.notes: Notes = []
        """What is left undone, each as an event's reason and message."""

    def read(self, spec: JobSpec) -> Mapping[str, PodSettings]:
        """Return the settings by step: `"node"` and the initializers, as far as options say something of them.

        Raises:
            InvalidInput: A path or a key is not there.
        """
        if not spec.edits:
            self._note_options(spec, ())
            return {}
        before = _train_job(spec)
        job = _train_job(spec)
        with in_words("An option"):
            for edit in spec.edits:
                edit.apply(job)
        changed = job.to_dict()
        unused = set(_differences(_without_pods(before.to_dict()), _without_pods(changed)))
        found = {step: self._variables(step, changed) for step in _STEPS}
        for name, pod, rest in _pods(changed):
            unused |= set(rest)
            step = _STEP_OF_JOB.get(name)
            if step is None:
                unused.add(f"job {name}")
            elif pod:
                found[step] = self._pod(step, pod, found[step], unused)
        self._note_options(spec, sorted(unused))
        return {step: settings for step, settings in found.items() if settings != NO_SETTINGS}

    def secret(self, name: str, of: str) -> Mapping[str, str]:
        """Return the values of a Secret that is named where its values are needed.

        Args:
            name: The Secret.
            of: What names it, for the message.

        Raises:
            InvalidInput: When the configuration has none of this name.
        """
        if name not in self._config.secrets:
            raise InvalidInput(
                f"{of} names the Secret {name!r} of a cluster.{did_you_mean(name, self._config.secrets)} Say what it "
                f"is here: ContainerBackendConfig(secrets={{{name!r}: ...}}), or give the credentials themselves."
            )
        return read_keyed_values("secrets", name, self._config.secrets[name])

    def _note_options(self, spec: JobSpec, fields: Sequence[str]) -> None:
        names = [name for name in spec.cluster_options if name not in _REALISED]
        if not names and not fields:
            return
        listed = ", ".join(fields)
        what = f"options {', '.join(names)}{f' ({listed})' if listed else ''}" if names else f"the fields {listed}"
        self.notes.append(
            (
                "OptionsNotUsed",
                f"{what} have no effect in containers of this machine, only on a cluster: leave them out here, or "
                "train with TrainerClient(KubernetesBackendConfig())",
            )
        )

    def _variables(self, step: str, job: Json) -> PodSettings:
        path = ("trainer",) if step == constants.NODE else ("initializer", step.partition("-")[0])
        env: dict[str, str] = {}
        for variable in wire.objects(job, "spec", *path, "env"):
            name = wire.text(variable, "name")
            source = wire.mapping(variable, "valueFrom")
            if not source:
                env[name] = wire.text(variable, "value")
                continue
            value = self._referred(name, source)
            if value is not None:
                env[name] = value
        return PodSettings(env=env)

    def _referred(self, variable: str, source: Json) -> str | None:
        for kind, field_name in _REFERENCES.items():
            reference = wire.mapping(source, kind)
            if not reference:
                continue
            name, key = wire.text(reference, "name"), wire.text(reference, "key")
            values = self._values(field_name, name, f"the environment variable {variable}", reference)
            if values is None:
                return None
            if key in values:
                return values[key]
            if reference.get("optional") is True:
                return None
            raise _no_key(field_name, name, key, values)
        self.notes.append(("VariableNotSet", f"{variable}: only a cluster knows its value ({', '.join(source)})"))
        return None

    def _values(self, field_name: str, name: str, what: str, reference: Json) -> Mapping[str, str] | None:
        given: Mapping[str, KeyedValues] = getattr(self._config, field_name)
        if name in given:
            return read_keyed_values(field_name, name, given[name])
        if reference.get("optional") is not True:
            kind = "Secret" if field_name == "secrets" else "ConfigMap"
            self.notes.append(
                (
                    f"{kind}NotGiven",
                    f"{what} is left out: say what the {kind} {name!r} is here, with "
                    f"ContainerBackendConfig({field_name}={{{name!r}: ...}})",
                )
            )
        return None

    def _pod(self, step: str, pod: Json, before: PodSettings, unused: set[str]) -> PodSettings:
        known = {"volumes", "containers", "securityContext", "terminationGracePeriodSeconds"}
        unused |= {key for key in pod if key not in known}
        settings = replace(before, user=_user(wire.mapping(pod, "securityContext"), unused) or before.user)
        grace = wire.only(int, pod.get("terminationGracePeriodSeconds"))
        settings = settings if grace is None else replace(settings, grace=float(grace))
        volumes = {wire.text(volume, "name"): volume for volume in wire.objects(pod, "volumes")}
        for container in wire.objects(pod, "containers"):
            if wire.text(container, "name") != step:
                unused.add(f"container {wire.text(container, 'name')}")
                continue
            unused |= {key for key in container if key not in ("name", "volumeMounts", "securityContext")}
            user = _user(wire.mapping(container, "securityContext"), unused)
            settings = replace(settings, user=user or settings.user)
            for mount in wire.objects(container, "volumeMounts"):
                settings = self._mounted(settings, mount, volumes.get(wire.text(mount, "name"), {}), unused)
        return settings

    def _mounted(self, before: PodSettings, mount: Json, volume: Json, unused: set[str]) -> PodSettings:
        target, name = wire.text(mount, "mountPath"), wire.text(mount, "name")
        read_only, sub_path = mount.get("readOnly") is True, wire.text(mount, "subPath")
        kind = next((key for key in volume if key != "name"), "")
        source = wire.mapping(volume, kind)
        made: PodMount | None = None
        if kind == "persistentVolumeClaim":
            made = self._claim(wire.text(source, "claimName"), target, sub_path)
        elif kind == "hostPath":
            made = PodMount(
                target, _existing(Path(wire.text(source, "path")), sub_path, f"hostPath of volume {name!r}")
            )
        elif kind == "emptyDir":
            size = wire.text(source, "sizeLimit")
            if target == _SHARED_MEMORY:
                return replace(before, shared_memory=int(Quantity(size)) if size else 0)
            if size:
                self.notes.append(("SizeNotEnforced", f"{size} for {target}: no engine holds a folder to a size"))
            made = PodMount(target)
        elif kind in _SOURCES:
            made = self._keys(kind, source, target)
            read_only = True
        else:
            unused.add(f"volume {name}{f' ({kind})' if kind else ''}")
        if made is None:
            return before
        return replace(before, mounts=(*before.mounts, replace(made, read_only=read_only)))

    def _claim(self, claim: str, target: str, sub_path: str) -> PodMount | None:
        if claim not in self._config.volumes:
            self.notes.append(
                (
                    "VolumeNotMounted",
                    f"{target} is not there: say what the claim {claim!r} is here, with "
                    f"ContainerBackendConfig(volumes={{{claim!r}: ...}}), a path or the name of a volume",
                )
            )
            return None
        given = self._config.volumes[claim]
        text = str(given)
        if isinstance(given, str) and "/" not in text and not text.startswith("~"):
            if sub_path:
                raise InvalidInput(
                    f"sub_path={sub_path!r} of claim {claim!r}: engines mount named volumes, such as {text!r}, as a "
                    f"whole. Give a path instead: ContainerBackendConfig(volumes={{{claim!r}: '/...'}})."
                )
            return PodMount(target, text)
        return PodMount(target, _existing(Path(text), sub_path, f"volumes[{claim!r}]"))

    def _keys(self, kind: str, source: Json, target: str) -> PodMount | None:
        name_key, field_name = _SOURCES[kind]
        name = wire.text(source, name_key)
        values = self._values(field_name, name, f"the folder {target}", source)
        if values is None:
            return None
        items = wire.objects(source, "items")
        if not items:
            return PodMount(target, files=dict(values))
        chosen: dict[str, str] = {}
        for item in items:
            key = wire.text(item, "key")
            if key in values:
                chosen[wire.text(item, "path")] = values[key]
            elif source.get("optional") is not True:
                raise _no_key(field_name, name, key, values)
        return PodMount(target, files=chosen)


def _existing(path: Path, sub_path: str, what: str) -> str:
    full = path.expanduser() / sub_path
    if not full.is_absolute():
        raise InvalidInput(
            f"{what} is {str(path)!r}, which depends on where the program runs: write {str(full.absolute())!r}."
        )
    if not full.exists():
        raise InvalidInput(f"{what} is {str(full)!r}, which is not there: make it, or correct the path.")
    return str(full)


def _no_key(field_name: str, name: str, key: str, values: Mapping[str, str]) -> InvalidInput:
    listed = ", ".join(sorted(values)[:20]) or "none"
    return InvalidInput(f"{field_name}[{name!r}] has no key {key!r}.{did_you_mean(key, values)} Keys: {listed}.")


def _user(context: Json, unused: set[str]) -> str | None:
    unused |= {f"securityContext.{key}" for key in context if key not in ("runAsUser", "runAsGroup", "runAsNonRoot")}
    user, group = (wire.only(int, context.get(key)) for key in ("runAsUser", "runAsGroup"))
    if user is None:
        return None
    return str(user) if group is None else f"{user}:{group}"


def _train_job(spec: JobSpec) -> TrainJob:
    """Return the TrainJob that options are applied to: what they look at is in it."""
    from kubeflow_api.k8s.core.v1 import EnvVar
    from kubeflow_api.k8s.meta.v1 import ObjectMeta
    from kubeflow_api.trainer import v1alpha1

    given = spec.initializer
    initializer = v1alpha1.Initializer()
    if given is not None and given.dataset is not None:
        initializer.dataset = v1alpha1.DatasetInitializer(storage_uri=given.dataset.storage_uri)
    if given is not None and given.model is not None:
        initializer.model = v1alpha1.ModelInitializer(storage_uri=given.model.storage_uri)
    env = [EnvVar(name=name, value=value) for name, value in spec.env.items()]
    return v1alpha1.TrainJob(
        metadata=ObjectMeta(name=spec.name, labels={**spec.labels}, annotations={**spec.annotations}),
        spec=v1alpha1.TrainJobSpec(
            runtime_ref=v1alpha1.RuntimeRef(name=spec.runtime.name),
            trainer=v1alpha1.Trainer(image=spec.image, num_nodes=spec.num_nodes, env=env),
            initializer=initializer,
        ),
    )


def _without_pods(job: Json) -> Json:
    """Return a TrainJob without what `_variables` and `_pods` read."""
    spec = {key: value for key, value in wire.mapping(job, "spec").items() if key != "runtimePatches"}
    trainer = {key: value for key, value in wire.mapping(spec, "trainer").items() if key != "env"}
    initializer = {
        kind: {key: value for key, value in wire.mapping(source).items() if key != "env"}
        for kind, source in wire.mapping(spec, "initializer").items()
    }
    return {**job, "spec": {**spec, "trainer": trainer, "initializer": initializer}}


def _differences(before: object, after: object, place: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        one, other = cast("Json", before), cast("Json", after)
        for key in {**one, **other}:
            yield from _differences(one.get(key), other.get(key), f"{place}.{key}".removeprefix("."))
    elif before != after:
        yield place


def _pods(job: Json) -> Iterator[tuple[str, Json, list[str]]]:
    """Yield the name of each job that a runtime patch changes, its pods, and what else of it the patch changes."""
    for patch in wire.objects(job, "spec", "runtimePatches"):
        spec = wire.mapping(patch, "trainingRuntimeSpec")
        rest = [f"trainingRuntimeSpec.{key}" for key in spec if key != "template"]
        rest += [f"template.{key}" for key in wire.mapping(spec, "template") if key != "spec"]
        job_set = wire.mapping(spec, "template", "spec")
        rest += [f"template.spec.{key}" for key in job_set if key != "replicatedJobs"]
        if rest:
            yield constants.NODE, {}, rest
        for replicated in wire.objects(job_set, "replicatedJobs"):
            template = wire.mapping(replicated, "template")
            own = [f"job.{key}" for key in template if key != "spec"]
            own += [f"job.{key}" for key in wire.mapping(template, "spec") if key != "template"]
            pod = wire.mapping(template, "spec", "template")
            own += [f"pod.{key}" for key in pod if key != "spec"]
            yield wire.text(replicated, "name"), wire.mapping(pod, "spec"), own

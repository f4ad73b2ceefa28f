"""The backend of containers: each node of a job is a container of docker or podman on this machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.local.devices import visible_gpus
from kubeflow.local.job.container_plan import EnginePlan
from kubeflow.local.state import state_dir
from kubeflow.local.store.retention import keeping
from kubeflow.local.store.slots import job_limit
from kubeflow.trainer.backends.container import container_support
from kubeflow.trainer.backends.container.container_job import ContainerJob
from kubeflow.trainer.backends.container.initializer_stage import STEPS, sources
from kubeflow.trainer.backends.container.pod_settings import PodSettingsReader
from kubeflow.trainer.backends.container.runtime_sources import RuntimeSources
from kubeflow.trainer.backends.container.step_templates import StepTemplate, step_templates, template_of
from kubeflow.trainer.backends.container.types import ContainerBackendConfig
from kubeflow.trainer.backends.machine import job_layout, tune
from kubeflow.trainer.backends.machine.backend import Keeping, MachineBackend
from kubeflow.trainer.backends.machine.profile import MachineJob
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import RuntimeNotFound, Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.runtimes.shipped_manifests import INITIALIZER_IMAGES
from kubeflow.trainer.types.runtimes import Runtime
from kubeflow.trainer.types.trainers import TrainerType

if TYPE_CHECKING:
    from kubeflow.trainer.backends.base import Backend

_EXECUTOR = "container"
_FRESH = 60.0  # seconds for which an engine that was found is taken to be the one


def container_backend(config: ContainerBackendConfig) -> MachineBackend:
    """Return the backend that runs jobs in containers. The engine is looked for when a job is made.

    Args:
        config: The engine, the images, what stands for a cluster's claims and Secrets, and where jobs are kept.

    Raises:
        InvalidInput: For a number of days or jobs that is none.
        Unsupported: On an operating system without sessions and signals.
    """
    if os.name != "posix":
        raise Unsupported(f"Containers of this client need Linux or macOS, and this is {platform.system()}: use WSL.")
    days, jobs = keeping(config.keep_days, config.keep_jobs)
    at_once = job_limit(config.max_jobs)
    kept = Keeping(state_dir(config.state_dir), days, jobs, config.grace, at_once)
    return MachineBackend(ContainerProfile(config), kept)


class ContainerProfile:
    """Nodes as containers.

    Args:
        config: The engine, the images, and what stands for a cluster's claims and Secrets.
    """

    description = "containers of this machine"
    same_python = False
    """Nodes run under the Python of their image."""

    def __init__(self, config: ContainerBackendConfig) -> None:
        self._config = config
        self._sources = RuntimeSources(config.runtime_source)
        self._found: tuple[float, EnginePlan] | None = None

    def runtimes(self) -> list[Runtime]:
        """Return the runtimes of `runtime_source`; each says what this machine misses to run it."""
        return [_on_this_machine(known.runtime) for known in self._sources.all()]

    def runtime(self, name: str) -> Runtime:
        """Return one runtime; where it names no device, its devices are those of this machine."""
        return _on_this_machine(self._sources.named(name).runtime)

    def packages(self, runtime: Runtime, backend: Backend) -> str:
        """Return Python, its packages and the devices of a node of `runtime`, as a container of its image tells."""
        from kubeflow.trainer.backends.runtime_packages import runtime_packages

        return runtime_packages(backend, runtime)

    def realise(self, spec: JobSpec) -> MachineJob:
        """Check that this machine has what the job needs, and lay it out."""
        container_support.check(spec)
        spec = replace(spec, output=container_support.output_here(spec.output, self._config.volumes))
        templates = self._templates(spec.runtime)
        node = templates.get(constants.NODE, StepTemplate())
        given = spec.initializer
        if _tunes(spec):
            spec = tune.complete(spec)
        reader = PodSettingsReader(self._config)
        settings = reader.read(spec)
        engine = self._engine()
        gpus = visible_gpus() if engine.here else []
        notes: list[tuple[str, str]] = []
        resources = container_support.resources(spec, node, len(gpus), notes)
        layout = job_layout.lay_out(spec, resources, gpus)
        cpus = resources.get(constants.CPU_LABEL)
        job = ContainerJob(
            spec,
            given,
            layout,
            templates,
            settings,
            images=self._images(spec, templates),
            pull=self._config.pull_policy,
            cpus=float(Quantity(cpus)) if cpus else None,
            secrets={
                kind: reader.secret(secret, f"secret= of the {kind}")
                for kind, source in sources(spec.initializer).items()
                if (secret := getattr(source, "secret", None)) is not None
            },
            fetch_timeout=float(self._config.initializer_timeout),
            gpus=bool(layout.gpus),
        )
        device, count = ("gpu", layout.gpus) if layout.gpus else ("cpu", layout.cpus or os.cpu_count() or 1)
        node_settings = settings.get(constants.NODE)
        return MachineJob(
            spec,
            job.stages,
            layout.num_nodes,
            device,
            count,
            devices=gpus,
            executor=_EXECUTOR,
            engine=engine,
            grace=None if node_settings is None else node_settings.grace,
            notes=[*notes, *container_support.notes(spec, node, resources), *reader.notes],
        )

    def _templates(self, runtime: Runtime) -> Mapping[str, StepTemplate]:
        try:
            known = self._sources.named(runtime.name)
        except RuntimeNotFound:
            return template_of(runtime)
        if known.runtime.name != runtime.name:
            return template_of(runtime)
        found = step_templates(known.model.to_dict())
        image = runtime.trainer.image
        if image in (constants.UNKNOWN, "local", "") or constants.NODE not in found:
            return found
        return {**found, constants.NODE: replace(found[constants.NODE], image=image)}  # as the caller's object has it

    def _images(self, spec: JobSpec, templates: Mapping[str, StepTemplate]) -> Mapping[str, str]:
        image = spec.image or templates.get(constants.NODE, StepTemplate()).image
        if not image:
            raise InvalidInput(
                f"Runtime {spec.runtime.name!r} names no image: give one, with CustomTrainer(image=...) or "
                "CustomTrainerContainer(image=...)."
            )
        own = {"dataset": self._config.dataset_initializer_image, "model": self._config.model_initializer_image}
        images = {constants.NODE: image}
        for kind, step in STEPS.items():
            images[step] = own[kind] or templates.get(step, StepTemplate()).image or INITIALIZER_IMAGES[step]
        return images

    def _engine(self) -> EnginePlan:
        from kubeflow.local.executors.containers.engine_search import find_engine

        # Whether it answers is asked again when a job is submitted; podman takes long to say what it is.
        if self._found is not None and time.monotonic() - self._found[0] < _FRESH:
            return self._found[1]
        config = self._config
        engine = find_engine(config.container_host, config.container_runtime, keep=not config.auto_remove)
        self._found = time.monotonic(), engine
        return engine


def _tunes(spec: JobSpec) -> bool:
    brought = spec.bundle is None and spec.image is None and spec.command is None and spec.args is None
    return brought and spec.runtime.trainer.trainer_type is TrainerType.BUILTIN_TRAINER


def _on_this_machine(runtime: Runtime) -> Runtime:
    trainer = runtime.trainer
    if trainer.device == constants.UNKNOWN:
        gpus = len(visible_gpus())
        trainer = replace(trainer, device="gpu" if gpus else "cpu", device_count=str(gpus or os.cpu_count()))
    return replace(runtime, trainer=trainer, missing=container_support.missing(runtime))

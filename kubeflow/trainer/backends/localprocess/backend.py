"""The backend of local processes: each node of a job is a process of this machine, with a torchrun of its own."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from kubeflow.local.devices import visible_gpus
from kubeflow.local.job.places import Places
from kubeflow.local.state import state_dir
from kubeflow.local.store.retention import keeping
from kubeflow.local.store.slots import job_limit
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.localprocess import job_checks, planning, runtimes
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.backends.machine.backend import Keeping, MachineBackend
from kubeflow.trainer.backends.machine.profile import MachineJob, Stages
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.types.runtimes import Runtime


def local_process_backend(config: LocalProcessBackendConfig) -> MachineBackend:
    """Return the backend that runs jobs as processes of this machine.

    Args:
        config: Where jobs are kept, how long, and the Python that they run in.

    Raises:
        InvalidInput: For a number of days or jobs that is none, or a Python that is not there.
        Unsupported: On an operating system without sessions and signals.
    """
    if os.name != "posix":
        raise Unsupported(f"Local processes need Linux or macOS, and this is {platform.system()}: use WSL.")
    days, jobs = keeping(config.keep_days, config.keep_jobs)
    python = None if config.python is None else job_checks.interpreter(os.fspath(config.python))
    at_once = job_limit(config.max_jobs)
    return MachineBackend(
        ProcessProfile(python), Keeping(state_dir(config.state_dir), days, jobs, config.grace, at_once)
    )


class ProcessProfile:
    """Nodes as processes, in the environment of the process that makes the job.

    Args:
        python: Another Python than this one, by path or version.
    """

    description = "processes of this machine"

    def __init__(self, python: str | None = None) -> None:
        self._python = python

    @property
    def same_python(self) -> bool:
        """True unless another Python was given."""
        return self._python is None

    def runtimes(self) -> list[Runtime]:
        """Return the runtimes that Kubeflow Trainer ships; each says what this machine misses to run it."""
        return runtimes.local_runtimes()

    def runtime(self, name: str) -> Runtime:
        """Return one runtime; its devices are those of this machine."""
        return runtimes.local_runtime(name)

    def packages(self, runtime: Runtime, backend: Backend) -> str:
        """Return this interpreter, its packages and the GPUs of this machine, as text."""
        return runtimes.describe(runtime)

    def realise(self, spec: JobSpec) -> MachineJob:
        """Check that this machine has what the job needs, and lay it out."""
        spec = spec.on_machine()
        job_checks.check(spec, self._python)
        gpus: Sequence[str] = visible_gpus()
        layout = job_checks.lay_out(spec, gpus)
        environment = planning.environment(spec, self._python)
        job = planning.Job(spec, layout, environment, gpus)

        def stages(places: Places) -> Stages:
            return job.stages(places, os.environ)

        device, count = ("gpu", layout.gpus) if layout.gpus else ("cpu", layout.cpus or os.cpu_count() or 1)
        return MachineJob(
            spec,
            stages,
            layout.num_nodes,
            device,
            count,
            devices=gpus,
            environment=environment,
            notes=job_checks.notes(spec),
        )

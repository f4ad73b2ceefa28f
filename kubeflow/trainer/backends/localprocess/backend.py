"""The local process backend: realises a `JobSpec` as processes on this machine, one torchrun per node.

Jobs belong to the Python process that makes them: every client in it sees them, and they end with it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.local.devices import visible_gpus
from kubeflow.local.environments import missing, overlay
from kubeflow.local.logs import LogLine, read_lines
from kubeflow.local.ports import ReservedPort
from kubeflow.local.registry import registry
from kubeflow.local.state import new_job_dir, state_dir
from kubeflow.trainer.backends.localprocess import checks, launch
from kubeflow.trainer.backends.localprocess.job import LocalTrainJob
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import JobExists, JobFailed, JobNotFound, RuntimeNotFound, Unsupported
from kubeflow.trainer.jobspec import JobSpec
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import RankOutcome

logger = logging.getLogger(__name__)

_RUNTIMES = ("torch-distributed",)


class LocalProcessBackend:
    """Jobs as processes of this machine.

    Args:
        config: Where jobs are kept.

    Raises:
        Unsupported: On an operating system without sessions and signals.
    """

    def __init__(self, config: LocalProcessBackendConfig) -> None:
        if os.name != "posix":
            raise Unsupported(f"Local processes need Linux or macOS, and this is {platform.system()}: use WSL.")
        self._state = state_dir(config.state_dir)
        self._jobs = registry(self._state)

    def list_runtimes(self) -> list[Runtime]:
        """Return the runtimes of this machine."""
        return [self.get_runtime(name) for name in _RUNTIMES]

    def get_runtime(self, name: str) -> Runtime:
        """Return one runtime; its devices are those of this machine."""
        if name not in _RUNTIMES:
            raise RuntimeNotFound(name, _RUNTIMES)
        gpus = len(visible_gpus())
        return Runtime(
            name=name,
            trainer=RuntimeTrainer(
                trainer_type=TrainerType.CUSTOM_TRAINER,
                framework="torch",
                image="local",
                device="gpu" if gpus else "cpu",
                device_count=str(gpus or os.cpu_count()),
                command=("torchrun",),
            ),
            kind=RuntimeKind.CLUSTER_TRAINING_RUNTIME,  # what the same name stands for on a cluster
        )

    def resolve_runtime(self, name: str) -> Runtime:
        """Return one runtime: here all is known before a job is made."""
        return self.get_runtime(name)

    def get_runtime_packages(self, runtime: Runtime) -> str:
        """Return this interpreter, its packages and the GPUs of this machine, as text."""
        from importlib.metadata import distributions

        self.get_runtime(runtime.name)
        packages = sorted({f"{d.name}=={d.version}" for d in distributions()}, key=str.lower)
        gpus = visible_gpus()
        lines = [
            f"Python {platform.python_version()} ({sys.executable})",
            *packages,
            f"GPUs: {', '.join(gpus) if gpus else 'none'}; CPUs: {os.cpu_count()}",
        ]
        return "\n".join(lines)

    def render(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob that stands for `spec` on a cluster."""
        from kubeflow.trainer.backends.kubernetes.render import render

        return render(spec)

    def train(self, spec: JobSpec) -> None:
        """Start the job's nodes, in this interpreter, working directory and environment."""
        self.get_runtime(spec.runtime.name)
        bundle = checks.check(spec)
        layout = checks.lay_out(spec, visible_gpus())
        if not self._jobs.claim(spec.name):
            raise JobExists(spec.name)
        with contextlib.ExitStack() as undo:
            undo.callback(self._jobs.release, spec.name)
            places = launch.Places(new_job_dir(self._state, spec.name))
            undo.callback(shutil.rmtree, places.directory, ignore_errors=True)
            places.temporary.mkdir()
            install = bool(missing(bundle.requirements))
            port = undo.enter_context(ReservedPort())
            nodes = launch.torchrun(
                bundle,
                layout,
                places,
                python=str(overlay(places.environment)) if install else sys.executable,
                install=install,
                port=port.number,
                environ=os.environ,
                env=spec.env,
            )
            job = LocalTrainJob(
                spec.name,
                places,
                nodes,
                runtime=spec.runtime,
                layout=layout,
                port=port,
                deadline=spec.active_deadline_seconds,
            )
            for reason, message in checks.notes(spec):
                job.record(reason, message)
                logger.warning("job %s: %s (%s)", spec.name, message, reason)
            self._jobs.fill(spec.name, job)
            job.start()
            undo.pop_all()

    def list_jobs(self) -> list[TrainJob]:
        """Return the jobs of this process, oldest first."""
        return [job.view() for job in self._train_jobs()]

    def get_job(self, name: str) -> TrainJob:
        """Return one job as it is now."""
        return self._find(name).view()

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Return the job once it differs from `seen`; it is told of changes and does not poll."""
        job = self._find(name)
        deadline = time.monotonic() + timeout
        while True:
            state = job.state
            view = job.view()
            left = deadline - time.monotonic()
            if view != seen or left <= 0:
                return view
            job.next_state(state, left)

    def failure(self, name: str) -> JobFailed:
        """Return why a job failed."""
        return self._find(name).failure()

    def outcome(self, name: str) -> RankOutcome | None:
        """Return how rank 0 ended, by its own word."""
        return self._find(name).outcome()

    def get_job_logs(self, name: str, step: str | None, follow: bool) -> Iterator[str]:
        """Check name and step, then yield lines as they come."""
        job = self._find(name)
        directories = job.node_dirs
        if step is not None:
            steps = {f"{constants.NODE}-{index}": (index, directory) for index, directory in directories}
            if step not in steps:
                raise InvalidInput(
                    f"TrainJob {name!r} has no step {step!r}.{did_you_mean(str(step), steps)} "
                    f"Steps: {', '.join(steps)}; step=None is all of them."
                )
            directories = [steps[step]]
        lines = read_lines(directories, finished=lambda: job.state.finished, follow=follow)
        return (line.text if step is not None else f"{_origin(line)} {line.text}" for line in lines)

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to a job, oldest first."""
        return self._find(name).user_events()

    def delete_job(self, name: str) -> None:
        """End all processes of a job and delete its logs."""
        job = self._find(name)
        job.remove()
        self._jobs.release(name)

    def _find(self, name: str) -> LocalTrainJob:
        job = self._jobs.get(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if not isinstance(job, LocalTrainJob) or job.stopping:
            raise JobNotFound(str(name), [known.name for known in self._train_jobs()])
        return job

    def _train_jobs(self) -> list[LocalTrainJob]:
        jobs = self._jobs.jobs()
        return [job for job in jobs if isinstance(job, LocalTrainJob) and not job.stopping]


def _origin(line: LogLine) -> str:
    node = f"{constants.NODE}-{line.node}"
    return f"[{node}]" if line.rank is None else f"[{node}:rank{line.rank}]"

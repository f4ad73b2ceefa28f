"""The local process backend: realises a `JobSpec` as processes on this machine, one torchrun per node.

Jobs outlive the Python process that makes them: what runs them and where they are kept is `kubeflow.local`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import time
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.selector import matcher
from kubeflow.local.devices import visible_gpus
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs
from kubeflow.local.logs.lines import LogLine, read_lines
from kubeflow.local.state import state_dir
from kubeflow.local.store.retention import keeping
from kubeflow.local.store.store import NameTaken
from kubeflow.trainer.backends.localprocess import checks, planning, runtimes
from kubeflow.trainer.backends.localprocess.details import Details
from kubeflow.trainer.backends.localprocess.diagnose import diagnose
from kubeflow.trainer.backends.localprocess.failure import find_failure
from kubeflow.trainer.backends.localprocess.job import user_events, view
from kubeflow.trainer.backends.localprocess.offsets import read_offsets, write_offsets
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobExists, JobFailed, JobNotFound, Unsupported
from kubeflow.trainer.jobspec import JobSpec
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.runtimes import Runtime

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import RankOutcome

logger = logging.getLogger(__name__)


class LocalProcessBackend:
    """Jobs as processes of this machine.

    Args:
        config: Where jobs are kept, and how long.

    Raises:
        InvalidInput: For a number of days or jobs that is none, or a Python that is not there.
        Unsupported: On an operating system without sessions and signals.
    """

    def __init__(self, config: LocalProcessBackendConfig) -> None:
        if os.name != "posix":
            raise Unsupported(f"Local processes need Linux or macOS, and this is {platform.system()}: use WSL.")
        self._jobs = Jobs(state_dir(config.state_dir))
        self._keep_days, self._keep_jobs = keeping(config.keep_days, config.keep_jobs)
        self._grace = config.grace
        self._python = None if config.python is None else checks.interpreter(os.fspath(config.python))

    def list_runtimes(self) -> list[Runtime]:
        """Return the runtimes that Kubeflow Trainer ships; each says what this machine misses to run it."""
        return runtimes.local_runtimes()

    def get_runtime(self, name: str) -> Runtime:
        """Return one runtime; its devices are those of this machine."""
        return runtimes.local_runtime(name)

    def resolve_runtime(self, name: str) -> Runtime:
        """Return one runtime: here all is known before a job is made."""
        return self.get_runtime(name)

    def get_runtime_packages(self, runtime: Runtime) -> str:
        """Return this interpreter, its packages and the GPUs of this machine, as text."""
        return runtimes.describe(runtime)

    def render(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob that stands for `spec` on a cluster."""
        from kubeflow.trainer.backends.kubernetes.render import render

        return render(spec)

    def train(self, spec: JobSpec) -> None:
        """Start a supervisor that runs the job, in this working directory and environment."""
        spec = spec.on_machine()
        checks.check(spec, self._python)
        cwd = checks.working_directory()
        gpus = visible_gpus()
        layout = checks.lay_out(spec, gpus)
        job = planning.Job(spec, layout, planning.environment(spec, self._python), gpus)
        notes = checks.notes(spec)

        def plan(places: Places) -> JobPlan:
            device, count = ("gpu", layout.gpus) if layout.gpus else ("cpu", layout.cpus or os.cpu_count() or 1)
            return JobPlan(
                spec.name,
                stages=job.stages(places, os.environ),
                cwd=cwd,
                environment=job.environment,
                devices=tuple(gpus),
                deadline=spec.active_deadline_seconds,
                grace=self._grace,
                suspend=spec.suspend,
                labels=spec.labels,
                details=Details(spec.runtime, layout.num_nodes, device, count).to_json(),
                notes=tuple(notes),
                keep_days=self._keep_days,
                keep_jobs=self._keep_jobs,
            )

        try:
            self._jobs.submit(spec.name, plan)
        except NameTaken as error:
            raise JobExists(spec.name) from error
        for reason, message in notes:
            logger.warning("job %s: %s (%s)", spec.name, message, reason)

    def render_on_server(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """There is no control plane here."""
        raise Unsupported(
            "server_dry_run= asks the control plane of a cluster, and jobs of this client run on this machine: "
            f"render TrainJob {spec.name!r} with dry_run=True, or use TrainerClient(KubernetesBackendConfig())."
        )

    def create_job(self, job: v1alpha1.TrainJob) -> str:
        """TrainJobs are for a cluster."""
        raise Unsupported(
            "create_job() takes a TrainJob, which only a cluster can run: use KubernetesBackendConfig(), or call "
            "train() with what the TrainJob was made of."
        )

    def list_jobs(self, label_selector: str | None = None) -> list[TrainJob]:
        """Return the jobs of this state directory, oldest first."""
        matches = matcher(label_selector)
        return [view(record) for record in self._jobs.all() if matches(record.labels)]

    def get_job(self, name: str) -> TrainJob:
        """Return one job as it is now."""
        return view(self._find(name))

    def watching(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Nothing is to be kept: jobs tell of their changes by themselves."""
        return contextlib.nullcontext()

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Return the job once it differs from `seen`, within some hundredths of a second."""
        deadline = time.monotonic() + timeout
        wait = self._jobs.watch(name)
        record: JobRecord | None = self._find(name)
        while True:
            if record is None:
                raise self._not_found(name)
            job = view(record)
            left = deadline - time.monotonic()
            if job != seen or left <= 0:
                return job
            record = wait(left)

    def failure(self, name: str) -> JobFailed:
        """Return why a job failed."""
        record = self._find(name)
        return find_failure(record, self._jobs.ranks(record)).to_error(name)

    def outcome(self, name: str) -> RankOutcome | None:
        """Return how rank 0 ended, by its own word."""
        from kubeflow.packaging import read_outcomes

        outcomes = read_outcomes(Places(self._find(name).directory).outcomes)
        return next((outcome for outcome in outcomes if outcome.rank == 0), None)

    def get_job_logs(self, name: str, step: str | None, follow: bool, after: str | None = None) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        record = self._find(name)
        steps = [node.name for node in record.nodes]
        if step is not None and step not in steps:
            raise InvalidInput(
                f"TrainJob {name!r} has no step {step!r}.{did_you_mean(str(step), steps)} "
                f"Steps: {', '.join(steps)}; step=None is all of them."
            )
        places = Places(record.directory)
        directories = [places.node(wanted) for wanted in (steps if step is None else [step])]
        offsets = read_offsets(after, record) if after is not None else {}
        lines = read_lines(directories, finished=self._jobs.finished(record), follow=follow, offsets=offsets)
        return LogLines(
            (line.text if step is not None else f"{_origin(line)} {line.text}" for line in lines),
            lambda: write_offsets(offsets, record),
        )

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to a job, oldest first."""
        record = self._find(name)
        return user_events(record, self._jobs.events(record))

    def diagnose(self, name: str) -> Diagnosis:
        """Return why a job is where it is."""
        return diagnose(self._jobs, self._find(name))

    def suspend_job(self, name: str) -> None:
        """End the processes of a job and keep it; when this returns, none is left."""
        record = self._find(name)
        if not record.finished and record.phase != "Suspended":
            found = self._jobs.suspend(record)
            if found is None:
                raise self._not_found(name)
            record = found
        self._refuse_finished(record, "suspended")

    def resume_job(self, name: str) -> None:
        """Start a suspended job anew."""
        record = self._find(name)
        self._refuse_finished(record, "resumed")
        self._jobs.resume(record)

    def scale_job(self, name: str, num_nodes: int) -> None:
        """The nodes of a local job are fixed."""
        record = self._find(name)
        raise Unsupported(
            f"TrainJob {name!r} runs as processes of this machine with {view(record).num_nodes} node(s), which cannot "
            f"change: delete it with client.delete_job({name!r}), and train again with num_nodes={num_nodes}."
        )

    def delete_job(self, name: str, wait: float | None = None) -> None:
        """End all processes of a job and delete its logs."""
        if not self._jobs.delete(self._find(name)):
            raise self._not_found(name)

    def _find(self, name: str) -> JobRecord:
        record = self._jobs.find(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if record is None:
            raise self._not_found(name)
        return record

    def _not_found(self, name: str) -> JobNotFound:
        return JobNotFound(str(name), [known.name for known in self._jobs.all()])

    @staticmethod
    def _refuse_finished(record: JobRecord, verb: str) -> None:
        if record.finished:
            raise InvalidInput(
                f"TrainJob {record.name!r} is {record.phase}, and a job that has ended cannot be {verb}: "
                "train a new one."
            )


def _origin(line: LogLine) -> str:
    return f"[{line.step}]" if line.rank is None else f"[{line.step}:rank{line.rank}]"

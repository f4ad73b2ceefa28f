"""The backend of jobs on this machine, whatever runs their nodes: a `Profile` makes plans, `kubeflow.local` runs them.

Jobs outlive the Python process that makes them. They are kept in a state directory, which several clients may share.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.core.artifact import Artifact
from kubeflow.core.paths import working_directory
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.job.report_lines import read_report_lines
from kubeflow.local.jobs import Jobs
from kubeflow.local.kept_jobs import KeptJobs
from kubeflow.local.logs.lines import LogLine
from kubeflow.local.store.store import NameTaken
from kubeflow.trainer.backends.machine.details import Details
from kubeflow.trainer.backends.machine.event_files import event_files
from kubeflow.trainer.backends.machine.failure import find_failure
from kubeflow.trainer.backends.machine.job_output import recorded_output
from kubeflow.trainer.backends.machine.job_view import user_events, view
from kubeflow.trainer.backends.machine.local_explanation import diagnose
from kubeflow.trainer.backends.machine.profile import Profile
from kubeflow.trainer.backends.machine.step_logs import step_logs
from kubeflow.trainer.constants import constants
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobExists, JobFailed, JobNotFound, Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import no_such_step
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.metric_points import MetricPoint
from kubeflow.trainer.types.particulars import JobParticulars
from kubeflow.trainer.types.runtimes import Runtime

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import RankOutcome

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How jobs are kept, how many run, and how they are ended.

    Attributes:
        state: The state directory.
        days: Days after which a finished job is forgotten.
        jobs: Finished jobs that are kept at most.
        grace: Seconds that nodes get to end by themselves.
        at_once: Jobs that run at once; 0 is no limit.
    """

    state: Path
    days: float
    jobs: int
    grace: float
    at_once: int = 0


class MachineBackend(KeptJobs[TrainJob]):
    """Jobs on this machine.

    Args:
        profile: What runs their nodes, and what that takes.
        keeping: Where jobs are kept, and how long.
    """

    KIND = constants.TRAINJOB_KIND

    def __init__(self, profile: Profile, keeping: Keeping) -> None:
        self._profile = profile
        self._keeping = keeping
        self._jobs = Jobs(keeping.state)

    def __repr__(self) -> str:
        return f"MachineBackend({self._profile.description}, jobs in {str(self._keeping.state)!r})"

    @property
    def same_python(self) -> bool:
        """True when nodes run under the Python of this process."""
        return self._profile.same_python

    def list_runtimes(self) -> list[Runtime]:
        """Return the runtimes that jobs can name here; each says what this machine misses to run it."""
        return self._profile.runtimes()

    def get_runtime(self, name: str) -> Runtime:
        """Return one runtime; its devices are those of this machine."""
        return self._profile.runtime(name)

    def resolve_runtime(self, name: str) -> Runtime:
        """Return one runtime: here all is known before a job is made."""
        return self._profile.runtime(name)

    def get_runtime_packages(self, runtime: Runtime) -> str:
        """Return Python, its packages and the devices of a node, as text."""
        return self._profile.packages(runtime, self)

    def render(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob that stands for `spec` on a cluster."""
        from kubeflow.trainer.rendering.render import render

        return render(spec)

    def train(self, spec: JobSpec) -> None:
        """Start a supervisor that runs the job in the working directory of this process."""
        job = self._profile.realise(spec)
        spec = job.spec
        cwd = str(working_directory())

        def plan(places: Places) -> JobPlan:
            return JobPlan(
                spec.name,
                stages=job.stages(places),
                cwd=cwd,
                environment=job.environment,
                executor=job.executor,
                engine=job.engine,
                devices=tuple(job.devices),
                deadline=spec.active_deadline_seconds,
                grace=self._keeping.grace if job.grace is None else job.grace,
                suspend=spec.suspend,
                labels=spec.labels,
                details=Details(spec.runtime, job.num_nodes, job.device, job.device_count, spec.output).to_json(),
                notes=tuple(job.notes),
                keep_days=self._keeping.days,
                keep_jobs=self._keeping.jobs,
                max_jobs=self._keeping.at_once,
            )

        try:
            self._jobs.submit(spec.name, plan)
        except NameTaken as error:
            raise JobExists(spec.name) from error
        for reason, message in job.notes:
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

    def forking(self) -> contextlib.AbstractContextManager[None]:
        """Make jobs that `train` submits within the context cheap to start: for a thread that makes many short ones."""
        return self._jobs.forking()

    def change_token(self) -> Callable[[], bool]:
        """Return a function that says whether any job has changed since it was last asked. Costs microseconds."""
        return self._jobs.store.change_token()

    def check(self, spec: JobSpec) -> None:
        """Check that a job can run here, as `train` does; nothing is started.

        Raises:
            InvalidInput: When it cannot.
            Unsupported: When only another backend can run it.
        """
        self._profile.realise(spec.on_machine())

    def failure(self, name: str) -> JobFailed:
        """Return why a job failed."""
        record = self._find(name)
        return find_failure(record, self._jobs.ranks(record)).to_error(name)

    def outcome(self, name: str) -> RankOutcome | None:
        """Return how rank 0 ended, by its own word."""
        from kubeflow.packaging import read_outcomes

        outcomes = read_outcomes(Places(self._find(name).directory).outcomes)
        return next((outcome for outcome in outcomes if outcome.rank == 0), None)

    def output(self, name: str) -> Artifact:
        """Return what a job left in its folder, or where `output=` said."""
        return recorded_output(self._find(name))

    def reports(self, name: str) -> list[MetricPoint]:
        """Return what the ranks of a job have reported, in the order of their calls."""
        return [
            MetricPoint(metric, value, "reported", line.step, datetime.fromtimestamp(line.time, UTC), line.rank)
            for line in read_report_lines(Places(self._find(name).directory).reports)
            for metric, value in line.metrics.items()
        ]

    def event_files(self, name: str) -> list[str]:
        """Return the event files of TensorBoard in the folders of a job, by path."""
        return event_files(self._find(name))

    def particulars(self, name: str) -> JobParticulars:
        """Return what a report of a job shows: its nodes' lives, its plan and its environment."""
        from kubeflow.trainer.backends.machine.local_particulars import particulars

        record = self._find(name)
        return particulars(record, self._jobs.events(record))

    def get_job_logs(self, name: str, selection: LogSelection, follow: bool = False) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        record = self._find(name)
        step = selection.step
        steps = [node.name for node in record.nodes]
        if step is not None and step not in steps:
            raise no_such_step(name, step, steps)
        if selection.container is not None:
            raise Unsupported(
                f"TrainJob {name!r} runs as {self._profile.description}, which have no containers: leave "
                f"container={selection.container!r} out. Each step has one log, with the lines of all its ranks."
            )
        return step_logs(
            self._jobs,
            record,
            steps if step is None else [step],
            selection,
            follow=follow,
            shown=(lambda line: line.text) if step is not None else lambda line: f"{_origin(line)} {line.text}",
        )

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to a job, oldest first."""
        record = self._find(name)
        return user_events(record, self._jobs.events(record))

    def diagnose(self, name: str) -> Diagnosis:
        """Return why a job is where it is."""
        return diagnose(self._jobs, self._find(name))

    def stop_job(self, name: str) -> None:
        """End the processes of a job for good; its logs, reports and results stay."""
        record = self._find(name)
        if not record.finished and self._jobs.stop(record) is None:
            raise self._not_found(name)

    def scale_job(self, name: str, num_nodes: int) -> None:
        """The nodes of a local job are fixed."""
        record = self._find(name)
        raise Unsupported(
            f"TrainJob {name!r} runs as {self._profile.description} with {view(record).num_nodes} node(s), which "
            f"cannot change: delete it with client.delete_job({name!r}), and train again with num_nodes={num_nodes}."
        )

    def _view(self, record: JobRecord) -> TrainJob:
        return view(record)

    def _missing(self, name: str, available: Sequence[str]) -> JobNotFound:
        return JobNotFound(name, available)


def _origin(line: LogLine) -> str:
    return f"[{line.step}]" if line.rank is None else f"[{line.step}:rank{line.rank}]"

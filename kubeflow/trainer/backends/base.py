"""What a backend does: it realises a `JobSpec` and tells the truth about the jobs it has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from kubeflow.core.artifact import Artifact
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobFailed
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.metric_points import MetricPoint
from kubeflow.trainer.types.particulars import JobParticulars
from kubeflow.trainer.types.runtimes import Runtime

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import RankOutcome


class Backend(Protocol):
    """Where jobs run. `TrainerClient` owns everything that is the same everywhere: checks, packaging, waiting."""

    @property
    def namespace(self) -> str | None:
        """The namespace that jobs are in; `None` where there are no namespaces."""
        ...

    @property
    def same_python(self) -> bool:
        """True when jobs run under the Python of this process, and can read what it pickles."""
        ...

    def list_runtimes(self) -> list[Runtime]:
        """Return the runtimes that jobs can name here."""
        ...

    def get_runtime(self, name: str) -> Runtime:
        """Return one runtime.

        Raises:
            RuntimeNotFound: With the names that exist.
        """
        ...

    def resolve_runtime(self, name: str) -> Runtime:
        """Return what is known of a runtime before a job is made; unlike `get_runtime` it may work offline.

        Raises:
            RuntimeNotFound: With the names that are known.
        """
        ...

    def get_runtime_packages(self, runtime: Runtime) -> str:
        """Return Python, its packages and the devices of a node of `runtime`, as text."""
        ...

    def render(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob that stands for `spec` on a cluster; nothing is sent.

        Raises:
            Unsupported: When this version cannot express `spec`.
        """
        ...

    def train(self, spec: JobSpec) -> None:
        """Start the job; when this returns, `get_job(spec.name)` knows it.

        Raises:
            InvalidInput: When it cannot run here, before anything is started.
            JobExists: When the name is taken.
            Unsupported: When this backend cannot realise `spec` in this version.
        """
        ...

    def render_on_server(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob of `spec` as the control plane would store it; nothing is stored.

        Raises:
            InvalidInput: When `train(spec)` would refuse it.
            Unsupported: Where there is no control plane.
        """
        ...

    def create_job(self, job: v1alpha1.TrainJob) -> str:
        """Start a job that is given as the TrainJob of a cluster, and return its name.

        Raises:
            InvalidInput: When it cannot run here, before anything is started.
            JobExists: When the name is taken.
            Unsupported: When this backend takes no TrainJobs.
        """
        ...

    def list_jobs(self, label_selector: str | None = None) -> list[TrainJob]:
        """Return the jobs whose labels match (all by default), oldest first.

        Raises:
            InvalidInput: When `label_selector` is none.
        """
        ...

    def get_job(self, name: str) -> TrainJob:
        """Return one job.

        Raises:
            JobNotFound: With names like it.
        """
        ...

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep what `next_change` opens to be told of changes of a job, until the context ends. Asks nothing itself."""
        ...

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Return the job as soon as it differs from `seen`, or after `timeout` seconds as it is then.

        Raises:
            JobNotFound: When it does not exist (any more).
        """
        ...

    def failure(self, name: str) -> JobFailed:
        """Return, for a job that is `Failed` or `Stopped`, the error that says why."""
        ...

    def outcome(self, name: str) -> RankOutcome | None:
        """Return, for a job that has ended, how its rank 0 says it ended; `None` when it left no word.

        Raises:
            JobNotFound: With names like it.
            NoJobResult: What could say it is gone, or on another cluster.
        """
        ...

    def output(self, name: str) -> Artifact:
        """Return, for a job that is `Complete`, where it left what it made, with its name and uid as metadata.

        Raises:
            JobNotFound: With names like it.
            NoJobOutput: It has none, or what it wrote here is not there any more.
        """
        ...

    def reports(self, name: str) -> Sequence[MetricPoint]:
        """Return what the ranks of the job have reported step by step, as far as that is kept apart from its logs.

        In the order of the calls, those of all ranks; each point has its rank.

        Raises:
            JobNotFound: With names like it.
        """
        ...

    def event_files(self, name: str) -> Sequence[str]:
        """Return the event files of TensorBoard that the job has written where this machine sees them, by path.

        Raises:
            JobNotFound: With names like it.
        """
        ...

    def particulars(self, name: str) -> JobParticulars:
        """Return what a report of the job shows beside its status, diagnosis, metrics and logs.

        Raises:
            JobNotFound: With names like it.
        """
        ...

    def get_job_logs(self, name: str, selection: LogSelection, follow: bool = False) -> LogLines:
        """Check the arguments at once, then yield whole lines without their ends, as they come.

        Args:
            name: The job.
            selection: Which lines.
            follow: Go on until the job ends.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: The job has no such step or container, or `after` is no position in its logs.
            Unsupported: The backend has no containers, and one was named; the logs are on another cluster.
        """
        ...

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the job, oldest first.

        Raises:
            JobNotFound: With names like it.
        """
        ...

    def diagnose(self, name: str) -> Diagnosis:
        """Return why the job is where it is: pending, suspended, failed, or well.

        Raises:
            JobNotFound: With names like it.
        """
        ...

    def suspend_job(self, name: str) -> None:
        """End the processes of the job and keep it, so that `resume_job` starts it anew. Idempotent.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: When it has ended.
            RuntimeGone: Its runtime does not exist any more, without which the control plane changes nothing.
            Unsupported: The control plane cannot pass it on, so that the job goes on as before.
        """
        ...

    def resume_job(self, name: str) -> None:
        """Start a suspended job anew. Does nothing for one that is not suspended.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: When it has ended.
            RuntimeGone: Its runtime does not exist any more, without which the control plane changes nothing.
            Unsupported: The control plane cannot pass it on, so that the job stays suspended.
        """
        ...

    def stop_job(self, name: str) -> None:
        """End the processes of the job for good and keep what it has left behind. Does nothing for one that has ended.

        Raises:
            JobNotFound: With names like it.
            RuntimeGone: Its runtime does not exist any more, without which the control plane changes nothing.
            Unsupported: The control plane cannot pass it on, so that the job goes on as before.
        """
        ...

    def scale_job(self, name: str, num_nodes: int) -> None:
        """Change the number of nodes of a job.

        Raises:
            JobNotFound: With names like it.
            Unsupported: Where the number of nodes cannot change, with the way round.
        """
        ...

    def delete_job(self, name: str, wait: float | None = None) -> None:
        """End the job if it runs, and forget it. When this returns, none of its processes is left on this machine.

        Args:
            name: The job.
            wait: Seconds to wait at most until nothing of it is left anywhere; `None` does not wait for that.

        Raises:
            JobNotFound: With names like it.
            JobWaitTimeout: When something of it is still there after `wait` seconds.
        """
        ...

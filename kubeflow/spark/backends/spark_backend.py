"""What a backend of Spark does: it realises a `SparkSpec` and tells the truth about the jobs that it has."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from kubeflow.core.artifact import Artifact
from kubeflow.spark.errors import SparkJobFailed
from kubeflow.spark.jobs.spark_spec import SparkSpec
from kubeflow.spark.types.spark_jobs import SparkJob
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome
    from kubeflow.spark.backends.kubernetes.application_with_code import ShownApplication


class SparkBackend(Protocol):
    """Where Spark jobs run. `SparkClient` owns what is the same everywhere: checks, packaging, waiting."""

    @property
    def namespace(self) -> str | None:
        """The namespace that jobs are in; `None` where there are no namespaces."""
        ...

    @property
    def same_python(self) -> bool:
        """True when jobs run under the Python of this process, and can read what it pickles."""
        ...

    def render(self, spec: SparkSpec) -> ShownApplication:
        """Return what stands for `spec` on a cluster, with its code; nothing is sent.

        Raises:
            Unsupported: When a SparkApplication cannot express `spec`.
        """
        ...

    def submit(self, spec: SparkSpec) -> None:
        """Start the job; when this returns, `get_job(spec.name)` knows it.

        Raises:
            InvalidInput: When it cannot run here, before anything is started.
            SparkJobExists: When the name is taken.
            Unsupported: When this backend cannot realise `spec`.
        """
        ...

    def list_jobs(self, label_selector: str | None = None) -> list[SparkJob]:
        """Return the jobs whose labels match (all by default), oldest first. One that cannot be read is `UNKNOWN`."""
        ...

    def get_job(self, name: str) -> SparkJob:
        """Return one job.

        Raises:
            SparkJobNotFound: With names like it.
        """
        ...

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep what `next_change` opens to be told of changes of a job, until the context ends."""
        ...

    def next_change(self, name: str, seen: SparkJob, timeout: float) -> SparkJob:
        """Return the job as soon as it differs from `seen`, or after `timeout` seconds as it is then."""
        ...

    def failure(self, name: str) -> SparkJobFailed:
        """Return, for a job that is `FAILED`, the error that says why."""
        ...

    def outcome(self, name: str) -> RankOutcome | None:
        """Return, for a job that has ended, how its driver says it ended; `None` when it left no word.

        Raises:
            SparkJobNotFound: With names like it.
            NoSparkJobResult: What could say it is gone.
        """
        ...

    def output(self, name: str) -> Artifact:
        """Return, for a job that has ended well, where it left what it made, with its name and uid as metadata.

        Raises:
            SparkJobNotFound: With names like it.
            NoJobOutput: It has none, or what it wrote here is not there any more.
        """
        ...

    def get_job_logs(self, name: str, role: str, selection: LogSelection, follow: bool) -> LogLines:
        """Check the arguments at once, then yield whole lines without their ends, as they come.

        Args:
            name: The job.
            role: `"driver"`; `"executor"` for all executors, each line with its origin in front; `"executor-2"` for
                one.
            selection: Which lines; its `step` is not used.
            follow: Go on until the job ends.
        """
        ...

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the job, oldest first."""
        ...

    def explain(self, name: str) -> str:
        """Return why the job is where it is, in one text."""
        ...

    def suspend_job(self, name: str) -> None:
        """End the processes of the job and keep it, so that `resume_job` starts it anew. Idempotent.

        Raises:
            InvalidInput: When it has ended.
        """
        ...

    def resume_job(self, name: str) -> None:
        """Start a suspended job anew. Does nothing for one that is not suspended.

        Raises:
            InvalidInput: When it has ended.
        """
        ...

    def delete_job(self, name: str, wait: float | None = None) -> None:
        """End the job if it runs, and forget it.

        Args:
            name: The job.
            wait: Seconds to wait at most until nothing of it is left anywhere; `None` does not wait for that.

        Raises:
            SparkJobWaitTimeout: When something of it is still there after `wait` seconds.
        """
        ...

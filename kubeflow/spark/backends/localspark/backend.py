"""The backend of Spark jobs on this machine. Jobs outlive the Python process that makes them.

They are kept in `spark/` below the state directory, apart from the jobs of the trainer.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.core.paths import working_directory
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs
from kubeflow.local.kept_jobs import KeptJobs
from kubeflow.local.state import state_dir
from kubeflow.local.store.retention import keeping
from kubeflow.local.store.slots import job_limit
from kubeflow.local.store.store import NameTaken
from kubeflow.spark.backends.localspark.driver_end import explain_local, local_failure
from kubeflow.spark.backends.localspark.local_details import LocalDetails, read_local_details
from kubeflow.spark.backends.localspark.local_job_view import DRIVER, local_events, local_spark_job
from kubeflow.spark.backends.localspark.local_plan import LocalRun, local_run
from kubeflow.spark.backends.localspark.local_sessions import LocalSessions
from kubeflow.spark.errors import KIND, NoSparkJobOutput, SparkJobExists, SparkJobFailed, SparkJobNotFound, Unsupported
from kubeflow.spark.jobs.spark_spec import SparkSpec
from kubeflow.spark.types.spark_jobs import SparkJob
from kubeflow.trainer.backends.localprocess.job_checks import interpreter
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.backends.machine.job_output import left_output
from kubeflow.trainer.backends.machine.step_logs import step_logs
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.outputs import output_data, read_output
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome
    from kubeflow.spark.backends.kubernetes.application_with_code import ShownApplication

logger = logging.getLogger(__name__)


class LocalSparkBackend(KeptJobs[SparkJob], LocalSessions):
    """Spark jobs on this machine.

    Args:
        config: Where jobs are kept, how long, and the Python that they run in.

    Raises:
        InvalidInput: For a number of days or jobs that is none, or a Python that is not there.
        Unsupported: On an operating system without sessions and signals.
    """

    KIND = KIND

    def __init__(self, config: LocalProcessBackendConfig) -> None:
        if os.name != "posix":
            raise Unsupported(f"Local processes need Linux or macOS, and this is {platform.system()}: use WSL.")
        self._keep = keeping(config.keep_days, config.keep_jobs)
        self._at_once = job_limit(config.max_jobs)
        self._python = None if config.python is None else interpreter(os.fspath(config.python))
        self._state = state_dir(config.state_dir) / "spark"
        super().__init__(Jobs(self._state), self._keep, config.grace)

    def __repr__(self) -> str:
        return f"LocalSparkBackend(jobs in {str(self._state)!r})"

    @property
    def same_python(self) -> bool:
        """True when jobs run under the Python of this process."""
        return self._python is None

    def render(self, spec: SparkSpec) -> ShownApplication:
        """Return the object that stands for `spec` on a cluster."""
        from kubeflow.spark.backends.kubernetes.application_with_code import shown_application

        return shown_application(spec)

    def submit(self, spec: SparkSpec) -> None:
        """Start a supervisor that runs the job in the working directory of this process."""
        run = local_run(spec, self._python, os.environ)
        cwd = str(working_directory())

        def plan(places: Places) -> JobPlan:
            return self._plan(run, places, cwd)

        try:
            self._jobs.submit(spec.name, plan)
        except NameTaken as error:
            raise SparkJobExists(spec.name) from error
        for reason, message in run.notes:
            logger.warning("job %s: %s (%s)", spec.name, message, reason)

    def _plan(self, run: LocalRun, places: Places, cwd: str) -> JobPlan:
        spec = run.spec
        program = spec.program
        return JobPlan(
            spec.name,
            stages=((run.node(places, os.environ),),),
            cwd=cwd,
            environment=run.environment,
            deadline=spec.deadline,
            grace=self._grace,
            suspend=spec.suspend,
            labels=spec.labels,
            details=LocalDetails(
                "job",
                spec.num_executors,
                run.size.threads,
                run.size.heap,
                "" if run.spark is None else run.spark.version,
                program.file if program.bundle is None else program.bundle.name,
                None if spec.output is None else output_data(spec.output),
            ).to_json(),
            notes=run.notes,
            keep_days=self._keep[0],
            keep_jobs=self._keep[1],
            max_jobs=self._at_once,
        )

    def failure(self, name: str) -> SparkJobFailed:
        """Return why a job failed."""
        return local_failure(self._jobs, self._find(name))

    def outcome(self, name: str) -> RankOutcome | None:
        """Return how the driver ended, by its own word."""
        from kubeflow.packaging import read_outcomes

        return next(iter(read_outcomes(Places(self._find(name).directory).outcomes)), None)

    def output(self, name: str) -> Artifact:
        """Return what a job left in its folder, or where `output=` said."""
        record = self._find(name)
        given = read_local_details(record.details).output
        return left_output(record, None if given is None else read_output(given), "dataset", NoSparkJobOutput)

    def get_job_logs(self, name: str, role: str, selection: LogSelection, follow: bool) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        record = self._find(name)
        if role != DRIVER:
            executors = role == "executor" or role.startswith("executor-")
            raise InvalidInput(
                f"Spark job {name!r} has no {role!r}: "
                + (
                    "on this machine executors are threads of the driver, whose log has their lines: role='driver'."
                    if executors
                    else "role is 'driver', or 'executor' on a cluster."
                )
            )
        return step_logs(self._jobs, record, [DRIVER], selection, follow=follow, kind=KIND)

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to a job, oldest first."""
        record = self._find(name)
        return local_events(record, self._jobs.events(record))

    def explain(self, name: str) -> str:
        """Return why a job is where it is."""
        return explain_local(self._jobs, self._find(name))

    def _view(self, record: JobRecord) -> SparkJob:
        return local_spark_job(record)

    def _is_kind(self, record: JobRecord) -> bool:
        return read_local_details(record.details).kind == "job"

    def _missing(self, name: str, available: Sequence[str]) -> SparkJobNotFound:
        return SparkJobNotFound(name, available)

"""Why a Spark job of this machine is where it is: how its driver ended, its exception and its last lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord, describe_exit
from kubeflow.local.jobs import Jobs
from kubeflow.local.logs.lines import last_lines, rank_log
from kubeflow.spark.backends.localspark.local_details import read_local_details
from kubeflow.spark.backends.localspark.local_job_view import DRIVER, local_events, local_spark_job, process_of
from kubeflow.spark.errors import KIND, SparkJobFailed
from kubeflow.spark.jobs.logged_exceptions import LOGGED_LINES, LoggedException, logged_exception
from kubeflow.spark.jobs.spark_remedies import DEADLINE_REMEDY, spark_remedies
from kubeflow.spark.types.memory_sizes import spark_memory
from kubeflow.trainer.backends.machine.failure import MachineFailure, find_failure
from kubeflow.trainer.diagnosis.diagnosis import clock, section, timeline

_SHOWN = 600  # characters of an exception; those of the JVM bring their whole stack
_LINES = 40  # of a stack or a log


@dataclass(frozen=True, slots=True)
class DriverEnd:
    """How the driver of a failed job ended.

    Attributes:
        machine: What its supervisor and its own word say.
        logged: The exception that its log has, where it left no word.
    """

    machine: MachineFailure
    logged: LoggedException | None

    @property
    def exception(self) -> str | None:
        """Type and message; `None` where there is none."""
        error = self.machine.error
        summary = error.summary if error is not None else self.logged.exception if self.logged is not None else None
        return None if summary is None else _shortened(summary)

    @property
    def reason(self) -> str:
        """Why the job failed, in words."""
        if self.machine.rank is None:
            return self.machine.reason
        if self.machine.error is not None:
            return f"its driver raised {_shortened(str(self.machine.error))}"
        if self.logged is not None:
            return _shortened(self.logged.reason)
        return f"its driver {describe_exit(self.machine.exit_code)}."

    @property
    def said(self) -> Sequence[str]:
        """What it said last: the stack of its exception, if it has one."""
        error = self.machine.error
        if error is not None and error.traceback:
            return error.traceback.splitlines()
        return self.logged.lines if self.logged is not None else self.machine.log


def driver_end(jobs: Jobs, record: JobRecord) -> DriverEnd:
    """Return how the driver of a job that is `Failed` ended.

    Args:
        jobs: Where it is kept.
        record: The job.
    """
    failure = find_failure(record, jobs.ranks(record))
    logged = None
    if failure.error is None and failure.rank is not None and (failure.exit_code or 0) > 0:
        log = Places(record.directory).node(DRIVER) / rank_log(failure.rank)
        logged = logged_exception(last_lines(log, LOGGED_LINES))
    return DriverEnd(failure, logged)


def local_failure(jobs: Jobs, record: JobRecord) -> SparkJobFailed:
    """Return why a job failed.

    Args:
        jobs: Where it is kept.
        record: The job.
    """
    end = driver_end(jobs, record)
    log = end.machine.log if end.logged is None else end.logged.lines[:_LINES]
    return SparkJobFailed(record.name, end.reason, rank=end.machine.rank, exception=end.exception, log=log)


def explain_local(jobs: Jobs, record: JobRecord) -> str:
    """Return where a job is and why, as one text.

    Args:
        jobs: Where it is kept.
        record: The job.
    """
    job, details = local_spark_job(record), read_local_details(record.details)
    status = "Unknown" if job.status is None else job.status.value
    end = driver_end(jobs, record) if record.phase == "Failed" else None
    heap = "Spark's default heap" if details.heap is None else f"a heap of {spark_memory(details.heap)}"
    lines = [
        f"{KIND} {record.name!r} is {status}: {_summary(record, end)}",
        f"  {details.program or 'a program'}, {details.threads} thread(s) for executors, {heap}, made "
        f"{clock(record.created)}",
    ]
    if details.spark:
        lines.append(f"  pyspark {details.spark}")
    if not record.finished and record.supervisor is not None:
        lines.append(f"  supervised by process {record.supervisor.pid}")
    lines.append(f"  files in {Places(record.directory).directory}")
    driver = process_of(record)
    node = next(iter(record.nodes), None)
    lines += section("Driver", [f"{driver or 'not started'}: {node.phase}"] if node is not None else [])
    lines += section("Timeline", timeline(local_events(record, jobs.events(record))))
    if end is not None:
        lines += section("Log", list(end.said[:_LINES] if end.logged is not None else end.said[-_LINES:]))
    lines += section("What to try", _remedies(record, end))
    return "\n".join(lines)


def _summary(record: JobRecord, end: DriverEnd | None) -> str:
    if end is not None:
        return end.reason
    match record.phase:
        case "Complete":
            return "its driver has succeeded."
        case "Suspended":
            return "none of its processes runs; resume_job() starts it anew."
        case "Running" if record.verdict is not None:
            return f"it ends as {record.verdict}; what is left of its processes is being ended."
        case "Running":
            return "its driver runs."
        case _:
            return f"{record.reason or 'its supervisor prepares it'}."


def _shortened(text: str) -> str:
    first = text.split("\n\tat ", 1)[0].split("\nJVM stacktrace:", 1)[0].rstrip()
    return first if len(first) <= _SHOWN else f"{first[:_SHOWN]}..."


def _remedies(record: JobRecord, end: DriverEnd | None) -> list[str]:
    if record.phase == "Suspended":
        return [f"client.resume_job({record.name!r}) starts it anew, from its beginning."]
    if end is None:
        if record.phase == "Created" and "waiting for" in record.reason:
            return ["It starts by itself when its turn comes. client.list_jobs() shows the others."]
        return []
    failure = end.machine
    if "active for longer than" in failure.reason:
        return [DEADLINE_REMEDY]
    stack = end.logged.lines if end.logged is not None else ()
    words = "\n".join([failure.reason, str(failure.error or ""), *stack, *failure.log])
    found = spark_remedies(words, "machine")
    return found or [f"Read the whole log: client.get_job_logs({record.name!r})."]

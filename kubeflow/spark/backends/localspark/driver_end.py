"""Why a Spark job of this machine is where it is: how its driver ended, its exception and its last lines."""

from __future__ import annotations

from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord, describe_exit
from kubeflow.local.jobs import Jobs
from kubeflow.spark.backends.localspark.local_details import read_local_details
from kubeflow.spark.backends.localspark.local_job_view import local_events, local_spark_job, process_of
from kubeflow.spark.errors import KIND, SparkJobFailed
from kubeflow.spark.jobs.spark_remedies import spark_remedies
from kubeflow.spark.types.memory_sizes import spark_memory
from kubeflow.trainer.backends.machine.failure import MachineFailure, find_failure
from kubeflow.trainer.diagnosis.diagnosis import clock, section, timeline

_SHOWN = 600  # characters of an exception; those of the JVM bring their whole stack


def local_failure(jobs: Jobs, record: JobRecord) -> SparkJobFailed:
    """Return why a job failed.

    Args:
        jobs: Where it is kept.
        record: The job.
    """
    failure = find_failure(record, jobs.ranks(record))
    return SparkJobFailed(
        record.name,
        _reason(failure),
        rank=failure.rank,
        exception=None if failure.error is None else _shortened(failure.error.summary),
        log=failure.log,
    )


def explain_local(jobs: Jobs, record: JobRecord) -> str:
    """Return where a job is and why, as one text.

    Args:
        jobs: Where it is kept.
        record: The job.
    """
    job, details = local_spark_job(record), read_local_details(record.details)
    status = "Unknown" if job.status is None else job.status.value
    failure = find_failure(record, jobs.ranks(record)) if record.phase == "Failed" else None
    heap = "Spark's default heap" if details.heap is None else f"a heap of {spark_memory(details.heap)}"
    lines = [
        f"{KIND} {record.name!r} is {status}: {_summary(record, failure)}",
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
    if failure is not None:
        traceback = failure.error.traceback.splitlines() if failure.error and failure.error.traceback else failure.log
        lines += section("Log", list(traceback)[-40:])
    lines += section("What to try", _remedies(record, failure))
    return "\n".join(lines)


def _summary(record: JobRecord, failure: MachineFailure | None) -> str:
    if failure is not None:
        return _reason(failure)
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


def _reason(failure: MachineFailure) -> str:
    if failure.rank is None:
        return failure.reason
    if failure.error is not None:
        return f"its driver raised {_shortened(str(failure.error))}"
    return f"its driver {describe_exit(failure.exit_code)}."


def _shortened(text: str) -> str:
    first = text.split("\n\tat ", 1)[0].split("\nJVM stacktrace:", 1)[0].rstrip()
    return first if len(first) <= _SHOWN else f"{first[:_SHOWN]}..."


def _remedies(record: JobRecord, failure: MachineFailure | None) -> list[str]:
    if record.phase == "Suspended":
        return [f"client.resume_job({record.name!r}) starts it anew, from its beginning."]
    if failure is None:
        if record.phase == "Created" and "waiting for" in record.reason:
            return ["It starts by itself when its turn comes. client.list_jobs() shows the others."]
        return []
    words = "\n".join([failure.reason, str(failure.error or ""), *failure.log])
    found = spark_remedies(words, "machine")
    return found or [f"Read the whole log: client.get_job_logs({record.name!r})."]

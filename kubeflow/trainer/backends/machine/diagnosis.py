"""Why a local job is where it is, and what to try: what `explain` shows."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord, RankRecord, describe_exit
from kubeflow.local.jobs import Jobs
from kubeflow.trainer.backends.machine.failure import MachineFailure, find_failure
from kubeflow.trainer.backends.machine.job_view import user_events, view
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis

# What a failing rank says -> what to try. The first that matches stands first.
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"No module named '([\w.]+)'|ModuleNotFoundError: ([\w.]+)"),
        "Name the package that has module {0} in packages_to_install=[...], or install it for the job's Python.",
    ),
    (
        re.compile(r"CUDA out of memory|OutOfMemoryError"),
        "The GPU's memory is too small for this: use a smaller batch, or more GPUs (resources_per_node).",
    ),
    (
        re.compile(r"\bMemoryError\b|can't allocate memory|Cannot allocate memory"),
        "The process may not have more memory: raise 'memory' in resources_per_node, or use smaller batches.",
    ),
    (
        re.compile(r"EADDRINUSE|Address already in use"),
        "Another process listens on a port that this job chose by itself: leave the choice to the system (port 0), or "
        "end the other process.",
    ),
    (
        re.compile(r"No space left on device|database or disk is full"),
        "The disk is full: delete what is not needed (delete_job() removes a job's logs), or set state_dir= to a place "
        "with room.",
    ),
    (
        re.compile(r"environment could not be built.*?: (\S+environment\.log)", re.DOTALL),
        "Correct what the installer names above, and train again; {0} has all that it said.",
    ),
    (
        re.compile(r"active for longer than"),
        "Give the job more time (options.ActiveDeadlineSeconds), or look at its log for what took so long.",
    ),
    (
        re.compile(r"supervisor .* was killed|started anew meanwhile|told to end"),
        "The job itself did nothing wrong: train it again, and save checkpoints so that less is lost.",
    ),
)
_CRASHES = (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGABRT, -signal.SIGFPE)
_KILLED = (
    "SIGKILL that nobody sent on purpose is mostly the kernel's, when memory runs out (`dmesg | grep -i oom` tells): "
    "use smaller batches, fewer processes or loader workers, or a machine with more memory."
)

_CRASHED = (
    "It crashed in native code: env={'PYTHONFAULTHANDLER': '1'} makes it say where. Mostly a library is to blame that "
    "was built for other versions of its neighbours: install them anew, together."
)


def diagnose(jobs: Jobs, record: JobRecord) -> Diagnosis:
    """Return why a job is where it is.

    Args:
        jobs: Where it is kept.
        record: The job.
    """
    events = jobs.events(record)
    ranks = jobs.ranks(record)
    failure = find_failure(record, ranks) if record.phase == "Failed" else None
    return Diagnosis(
        view(record),
        summary=_summary(record, failure),
        timeline=user_events(record, events),
        findings=_findings(record, ranks),
        log=_log(failure),
        remedies=_remedies(record, failure),
    )


def _summary(record: JobRecord, failure: MachineFailure | None) -> str:
    if failure is not None:
        return failure.reason
    match record.phase:
        case "Complete":
            return "all its nodes have succeeded."
        case "Suspended":
            return "none of its processes runs; resume_job() starts it anew."
        case "Running" if record.verdict is not None:
            return f"it ends as {record.verdict}; what is left of its processes is being ended."
        case "Running":
            running = [node.name for node in record.nodes if node.phase == "Running"]
            return f"{', '.join(running) or 'its next step'} runs."
        case _:
            return f"{record.reason or 'its supervisor prepares it'}."


def _findings(record: JobRecord, ranks: Sequence[RankRecord]) -> list[str]:
    nodes = [f"{node.name} {describe_exit(node.exit_code)}" for node in record.nodes if node.exit_code is not None]
    ends = [
        f"rank {end.rank} ({end.node}) {describe_exit(end.code)}{', after the job was over' if end.late else ''}"
        for end in ranks
    ]
    supervisor = record.supervisor
    runs = [] if record.finished or supervisor is None else [f"supervised by process {supervisor.pid}"]
    return [*ends, *nodes, *runs, f"files in {Places(record.directory).directory}"]


def _log(failure: MachineFailure | None) -> Sequence[str]:
    if failure is None:
        return ()
    return failure.error.traceback.splitlines() if failure.error and failure.error.traceback else failure.log


def _remedies(record: JobRecord, failure: MachineFailure | None) -> list[str]:
    if record.phase == "Suspended":
        return [f"client.resume_job({record.name!r}) starts it anew."]
    if failure is None:
        waits = "waiting for" in record.reason and record.phase == "Created"
        return ["Wait for the other job, delete it, or ask for fewer GPUs (resources_per_node)."] if waits else []
    said = "\n".join([failure.reason, str(failure.error or ""), *failure.log])
    found = [
        text.format(next(filter(None, match.groups()), "")) if match.groups() else text
        for pattern, text in _REMEDIES
        if (match := pattern.search(said))
    ]
    if failure.exit_code == -signal.SIGKILL:
        found.append(_KILLED)
    if failure.exit_code in _CRASHES:
        found.append(_CRASHED)
    if not found:
        found.append(
            "Look at the lines above: they are the last that the failing process wrote."
            if failure.log
            else "The failing process wrote nothing: let the function print how far it is, or call it without a job."
        )
    return found

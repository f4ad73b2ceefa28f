"""Why a local job is where it is, and what to try: what `explain` shows."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow.core.stdlib import re
from kubeflow.local.executors.executor import OUT_OF_MEMORY
from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord, RankRecord, describe_exit
from kubeflow.local.jobs import Jobs
from kubeflow.trainer.backends.machine.failure import MachineFailure, find_failure
from kubeflow.trainer.backends.machine.job_view import user_events, view
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.diagnosis.remedies import SHOWN_LINES, remedies
from kubeflow.trainer.jobs.steps import steps_in_short

# What a job's supervisor gives as the reason -> what to try, beside the remedies that all backends share.
_SUPERVISION: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"environment could not be built.*?: (\S+environment\.log)", re.DOTALL),
        "Correct what the installer names above, and train again; {0} has all that it said.",
    ),
    (
        re.compile(OUT_OF_MEMORY),
        "Give each node more memory (resources_per_node={{'memory': ...}}), or let it use less: smaller batches, fewer "
        "workers of data loaders.",
    ),
    (
        re.compile(r"took longer than \d+ s"),
        "Give it more time, with ContainerBackendConfig(initializer_timeout=...), or look at its log for what it waits "
        "for.",
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
_ALIKE = 3  # ranks or nodes that ended alike and have a line each


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
        findings=[*_queue(jobs, record), *_findings(record, ranks)],
        places=_places(record),
        log=_log(failure),
        remedies=_remedies(record, failure),
    )


def _summary(record: JobRecord, failure: MachineFailure | None) -> str:
    if failure is not None:
        return failure.reason
    match record.phase:
        case "Stopped":
            return "stop_job() ended it; its logs and what it reported stay."
        case "Complete":
            return "all its nodes have succeeded."
        case "Suspended":
            return "none of its processes runs; resume_job() starts it anew."
        case "Running" if record.verdict is not None:
            return f"it ends as {record.verdict}; what is left of its processes is being ended."
        case "Running":
            running = [node.name for node in record.nodes if node.phase == "Running"]
            return f"{steps_in_short(running) or 'its next step'} {'run' if len(running) > 1 else 'runs'}."
        case _:
            return f"{record.reason or 'its supervisor prepares it'}."


def _queue(jobs: Jobs, record: JobRecord) -> list[str]:
    """Return where a job stands that waits for others, as it is now."""
    standing = jobs.standing(record) if record.phase == "Created" else None
    if standing is None:
        return []
    running, ahead = standing
    return [f"{running} other job(s) run now, and {ahead} wait before it"]


def _findings(record: JobRecord, ranks: Sequence[RankRecord]) -> list[str]:
    """Return which ranks and nodes ended otherwise than well, those that ended alike together."""
    ended: dict[str, list[RankRecord]] = {}
    for rank in ranks:
        if rank.code:
            how = f"{describe_exit(rank.code)}{', after the job was over' if rank.late else ''}"
            ended.setdefault(how, []).append(rank)
    found: list[str] = []
    for how, alike in ended.items():
        if len(alike) > _ALIKE:
            found.append(f"{len(alike)} ranks, {alike[0].rank} to {alike[-1].rank}: each {how}")
        else:
            found += [f"rank {rank.rank} ({rank.node}) {how}" for rank in alike]
    nodes: dict[str, list[str]] = {}
    for node in record.nodes:
        if node.exit_code:
            nodes.setdefault(describe_exit(node.exit_code), []).append(node.name)
    for how, steps in nodes.items():
        if len(steps) > _ALIKE:
            found.append(f"{steps_in_short(steps)}: each {how}")
        else:
            found += [f"{step} {how}" for step in steps]
    return found


def _places(record: JobRecord) -> list[str]:
    supervisor = record.supervisor
    runs = [] if record.finished or supervisor is None else [f"supervised by process {supervisor.pid}"]
    return [*runs, f"files in {Places(record.directory).directory}"]


def _log(failure: MachineFailure | None) -> Sequence[str]:
    if failure is None:
        return ()
    return failure.error.traceback.splitlines() if failure.error and failure.error.traceback else failure.log


def _remedies(record: JobRecord, failure: MachineFailure | None) -> list[str]:
    if record.phase == "Suspended":
        return [f"client.resume_job({record.name!r}) starts it anew."]
    if failure is None:
        if record.phase != "Created" or "waiting for" not in record.reason:
            return []
        if "GPU(s)" in record.reason:
            return ["Wait for the other job, delete it, or ask for fewer GPUs (resources_per_node)."]
        return [
            "It starts by itself when its turn comes. client.list_jobs() shows the others.",
            "To run more at once, start it with max_jobs= of the client's configuration or KUBEFLOW_MAX_JOBS; 0 is no "
            "limit.",
        ]
    return failure_remedies(failure)


def failure_remedies(failure: MachineFailure) -> list[str]:
    """Return what to try after a failure, most promising first; never nothing."""
    words = "\n".join([failure.reason, str(failure.error or ""), *failure.log])
    found = [
        *remedies(words, failure.ended_by, "machine"),
        *(text.format(*match.groups()) for pattern, text in _SUPERVISION if (match := pattern.search(words))),
    ]
    if not found:
        found.append(
            SHOWN_LINES
            if failure.log
            else "The failing process wrote nothing: let the function print how far it is, or call it without a job."
        )
    return found

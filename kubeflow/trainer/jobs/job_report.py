"""The report of a job: what all backends know of it, gathered piece by piece. What cannot be found out is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar, cast

import kubeflow
from kubeflow.core.display import hide_credentials, moment, short
from kubeflow.core.durations import duration_text
from kubeflow.core.errors import KubeflowError
from kubeflow.core.html import Cell
from kubeflow.core.yaml_text import write
from kubeflow.reporting.curves import PlotCurve
from kubeflow.reporting.job_page import CurvePanel, Happened, JobPageData, LogTail, job_page
from kubeflow.reporting.timeline import TimelineBar, TimelineLane
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.constants import constants
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobFailed, JobNotFound
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.metric_history import MetricHistory, metric_history
from kubeflow.trainer.jobs.metric_pictures import metric_panels
from kubeflow.trainer.types.jobs import Step, TrainJob
from kubeflow.trainer.types.particulars import JobParticulars, StepLife

T = TypeVar("T")

_ENDED = (constants.TRAINJOB_COMPLETE, constants.TRAINJOB_FAILED, "Stopped")
_PANELS, _RANKS, _POINTS = 24, 8, 24_000  # metrics that are drawn, lines of each, values of all
_STEPS = 12  # whose logs are shown
_TEXT = 4_000  # characters of a text in the document; a bundle has a hundred thousand


@dataclass
class _Gathering:
    """Asks for pieces one by one; one that cannot be had leaves words in `gaps`."""

    gaps: dict[str, str] = field(default_factory=dict[str, str])
    deleted: bool = False

    def ask(self, key: str, question: Callable[[], T], otherwise: T) -> T:
        try:
            return question()
        except JobNotFound:
            self.deleted = True
            self.gaps[key] = "Not known: the job was deleted while this report was made."
        except KubeflowError as error:
            self.gaps[key] = f"Not known: {hide_credentials(str(error))}"
        return otherwise


def written_report(backend: Backend, name: str, log_lines: int) -> str:
    """Return the report of a job as a page; see `TrainerClient.report`.

    Raises:
        JobNotFound: With names like it.
    """
    return job_page(job_report(backend, name, log_lines), kubeflow.__version__)


def job_report(backend: Backend, name: str, log_lines: int) -> JobPageData:
    """Return what the report of a job shows.

    Args:
        backend: Where it is.
        name: The job.
        log_lines: Last lines of the log of each step; 0 for none.

    Raises:
        JobNotFound: With names like it.
    """
    job = backend.get_job(name)
    gathering = _Gathering()
    nothing = Diagnosis(job, "")
    diagnosis = gathering.ask("diagnosis", lambda: backend.diagnose(name), nothing)
    failed = job.status in (constants.TRAINJOB_FAILED, "Stopped")
    failure = gathering.ask("diagnosis", lambda: backend.failure(name), None) if failed else None
    known = gathering.ask("environment", lambda: backend.particulars(name), JobParticulars())
    history = gathering.ask("metrics", lambda: metric_history(backend, job), MetricHistory())
    files = gathering.ask("metrics", lambda: backend.event_files(name), cast("Sequence[str]", ()))
    events = diagnosis.timeline
    if diagnosis is nothing:
        events = gathering.ask("events", lambda: backend.get_job_events(name), ())
    logs = _logs(gathering, backend, job, failure, log_lines) if log_lines else []
    if not log_lines:
        gathering.gaps["logs"] = "Left out, as it was made with log_lines=0."
    if known.gaps:
        gathering.gaps.setdefault("timeline", " ".join(known.gaps))
    if known.document is None:
        gathering.gaps.setdefault("document", gathering.gaps.get("environment", " ".join(known.gaps) or "Not known."))
    result = _result(gathering, backend, job)
    notes = [*job.notes]
    if gathering.deleted:
        notes.append("The job was deleted while this report was made: what it shows is what was still there.")
    return JobPageData(
        kind="TrainJob",
        name=job.name,
        status=job.status,
        head=_head(job, known),
        summary=hide_credentials(diagnosis.summary),
        findings=[hide_credentials(finding) for finding in diagnosis.findings],
        remedies=diagnosis.remedies,
        traceback=[hide_credentials(line) for line in diagnosis.log],
        result=result,
        lanes=_lanes(job, known),
        panels=_panels(history),
        metric_rows=_metric_rows(history),
        metric_note=_metric_notes(history, files),
        logs=logs,
        events=[
            Happened(event.event_time, event.involved_object_name, event.reason, hide_credentials(event.message))
            for event in events
        ],
        environment=_environment(job, known),
        variables=known.variables,
        document_title=known.title,
        document="" if known.document is None else write(_shortened(known.document)),
        gaps=gathering.gaps,
        notes=notes,
    )


def _head(job: TrainJob, known: JobParticulars) -> dict[str, Cell]:
    started = known.lives[0].start if known.lives else None
    end = known.ended if job.status in _ENDED else None
    head: dict[str, Cell] = {
        "Runtime": job.runtime.name,
        "Nodes": job.num_nodes,
        "Made": moment(job.creation_timestamp),
        "Started": None if started is None else moment(started),
        "Ended": None if end is None else moment(end),
    }
    if started is not None:
        until = end or (None if job.status in _ENDED else datetime.now(UTC))
        head["Took" if job.status in _ENDED else "Runs for"] = (
            None if until is None else duration_text((until - started).total_seconds())
        )
    if job.progress is not None:
        head["Progress"] = f"{job.progress} %"
    if job.estimated_remaining_seconds is not None and job.status not in _ENDED:
        head["Time left"] = duration_text(job.estimated_remaining_seconds)
    return head


def _result(gathering: _Gathering, backend: Backend, job: TrainJob) -> str:
    if job.status != constants.TRAINJOB_COMPLETE:
        return ""
    outcome = gathering.ask("diagnosis", lambda: backend.outcome(job.name), None)
    if outcome is None:
        return ""
    return outcome.no_result or short(outcome.result)


def _lanes(job: TrainJob, known: JobParticulars) -> list[TimelineLane]:
    by_step: dict[str, list[StepLife]] = {step.name: [] for step in job.steps}
    for life in known.lives:
        by_step.setdefault(life.step, []).append(life)
    statuses: Mapping[str, Step] = {step.name: step for step in job.steps}
    return [
        TimelineLane(
            name,
            (statuses[name].status or "unknown") if name in statuses else "gone",
            [_bar(life) for life in found],
            note=", ".join(filter(None, [_unseen(known, name), statuses[name].note if name in statuses else ""])),
        )
        for name, found in by_step.items()
    ]


def _unseen(known: JobParticulars, step: str) -> str:
    count = known.unseen.get(step, 0)
    return f"{count} earlier start(s) are not known" if count else ""


def _bar(life: StepLife) -> TimelineBar:
    end = "now" if life.end is None else moment(life.end)
    words = f"{life.status}{f', {life.words}' if life.words else ''}: {moment(life.start)} to {end}"
    return TimelineBar(life.start, life.end, life.status, words)


def _panels(history: MetricHistory) -> list[CurvePanel]:
    points = (*history.points, *history.others)
    ranks: dict[str, set[int | None]] = {}
    for point in points:
        ranks.setdefault(point.name, set()).add(point.rank)
    names = history.names[:_PANELS]
    lines = sum(min(_RANKS, len(ranks[name])) for name in names)
    most = max(60, min(800, _POINTS // max(1, lines)))
    return [
        CurvePanel(panel.name, [PlotCurve(line.label, line.steps, line.values) for line in panel.lines], panel.notes)
        for panel in metric_panels(points, names, most, _RANKS)
    ]


def _metric_rows(history: MetricHistory) -> list[Sequence[Cell]]:
    values: dict[str, list[float]] = {}
    for point in history.points:
        values.setdefault(point.name, []).append(point.value)
    rows: list[Sequence[Cell]] = []
    for name, found in values.items():
        known = [value for value in found if value == value]  # noqa: PLR0124 - NaN is not equal to itself
        rows.append((name, len(found), min(known, default=None), max(known, default=None), found[-1]))
    return rows


def _metric_notes(history: MetricHistory, files: Sequence[str]) -> list[str]:
    notes: list[str] = []
    if len(history.names) > _PANELS:
        notes.append(f"The first {_PANELS} of {len(history.names)} metrics are drawn.")
    if files:
        shown = ", ".join(files[:10])
        more = f" and {len(files) - 10} more" if len(files) > 10 else ""
        notes.append(f"Event files of TensorBoard, which are not read here: {shown}{more}.")
    return notes


def _logs(
    gathering: _Gathering, backend: Backend, job: TrainJob, failure: JobFailed | None, lines: int
) -> list[LogTail]:
    steps = [step.name for step in job.steps]
    first = failure.step if failure is not None and failure.step in steps else None
    telling = next((line for line in reversed(failure.log) if line.strip()), "") if failure is not None else ""
    ordered = [first, *(step for step in steps if step != first)] if first is not None else steps
    tails = [
        _log(gathering, backend, job, step, lines, *((failure, telling) if step == first else (None, "")))
        for step in ordered[:_STEPS]
    ]
    if len(ordered) > _STEPS:
        gathering.gaps["logs"] = f"The logs of {len(ordered) - _STEPS:,} more steps are not shown."
    return tails


def _log(
    gathering: _Gathering,
    backend: Backend,
    job: TrainJob,
    step: str,
    lines: int,
    failure: JobFailed | None,
    telling: str,
) -> LogTail:
    asked = _Gathering()
    selection = LogSelection(step, tail_lines=lines)
    found = asked.ask("log", lambda: list(backend.get_job_logs(job.name, selection)), cast("list[str]", []))
    gathering.deleted |= asked.deleted
    note = asked.gaps.get("log", "") or ("" if found else "has written nothing, or its log is gone.")
    if found:
        note = f"its last {len(found):,} line(s)"
    reason = "" if failure is None else hide_credentials(failure.reason)
    return LogTail(step, [hide_credentials(line) for line in found], note, reason, hide_credentials(telling))


def _environment(job: TrainJob, known: JobParticulars) -> dict[str, Cell]:
    trainer = job.runtime.trainer
    return {
        "Runtime": f"{job.runtime.name} ({trainer.framework})",
        "Image of the runtime": "" if trainer.image == "local" else trainer.image,
        "Devices of a node": _devices(job.steps),
        **known.environment,
    }


def _devices(steps: Sequence[Step]) -> str:
    found = {(step.device_count, step.device) for step in steps if step.device != constants.UNKNOWN}
    return ", ".join(f"{count} {device}" for count, device in sorted(found))


def _shortened(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= _TEXT else f"{value[:200]}… ({len(value):,} characters)"
    if isinstance(value, list):
        return [_shortened(each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in cast("dict[str, object]", value).items()}
    return value

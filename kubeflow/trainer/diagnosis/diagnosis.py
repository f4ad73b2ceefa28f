"""Why a job is where it is, in one text: what `TrainerClient.explain` returns on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from kubeflow.core.display import repr_of_fields
from kubeflow.trainer.types.jobs import Event, Step, TrainJob


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a backend found out about a job.

    Attributes:
        job: The job.
        summary: One sentence: where it is, and why.
        timeline: What happened, oldest first.
        findings: What is worth knowing, most telling first, like `"node-1 exited with code 1"`.
        log: The failing rank's traceback or last lines, without line ends.
        remedies: What to try, most promising first.
    """

    job: TrainJob
    summary: str
    timeline: Sequence[Event] = ()
    findings: Sequence[str] = ()
    log: Sequence[str] = ()
    remedies: Sequence[str] = ()

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        """Return all of it as text, without a line end at the end."""
        job = self.job
        lines = [f"TrainJob {job.name!r} is {job.status}: {self.summary}"]
        lines += [f"  runtime {job.runtime.name}, {job.num_nodes} node(s), made {_clock(job.creation_timestamp)}"]
        if job.progress is not None or job.metrics:
            done = [] if job.progress is None else [f"{job.progress} % done"]
            metrics = [f"{name}={value}" for name, value in job.metrics.items()]
            lines.append(f"  {', '.join([*done, *metrics])}")
        lines += _section("Steps", [_step(step) for step in job.steps])
        lines += _section("Findings", self.findings)
        lines += _section("Timeline", _timeline(self.timeline))
        lines += _section("Log", self.log)
        lines += _section("What to try", self.remedies)
        return "\n".join(lines)


def _section(title: str, items: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for item in items for line in item.splitlines() or [""])] if items else []


def _step(step: Step) -> str:
    where = f" ({step.pod_name})" if step.pod_name else ""
    return f"{step.name}: {step.status or 'unknown'}{where}"


def _timeline(events: Sequence[Event]) -> list[str]:
    """Return a line for each event; the same one again and again is one line, with the time of the first."""
    lines: list[str] = []
    for what, same in groupby(events, key=_what):
        first, *others = same
        lines.append(f"{_clock(first.event_time)}  {what}{f' ({1 + len(others)} such events)' if others else ''}")
    return lines


def _what(event: Event) -> str:
    return f"{event.involved_object_name}: {event.reason}: {event.message}"


def _clock(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")

"""Why a job is where it is, in one text: what `TrainerClient.explain` returns on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.trainer.jobs.steps import node_index, steps_in_short
from kubeflow.trainer.types.jobs import Event, Step, TrainJob

_SINGLE = 2  # steps of one status that have a line each


class Explanation(str):
    """A text of several lines that a notebook and the interactive prompt show as such, not with `\\n`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from kubeflow.core.explanation_html import explanation_html

        return explanation_html(str(self))


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
        places: Where the job is kept and what looks after it, like `"files in /home/me/jobs/a"`.
    """

    job: TrainJob
    summary: str
    timeline: Sequence[Event] = ()
    findings: Sequence[str] = ()
    log: Sequence[str] = ()
    remedies: Sequence[str] = ()
    places: Sequence[str] = ()

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __str__(self) -> str:
        """Return all of it as text, without a line end at the end."""
        job = self.job
        lines = [f"TrainJob {job.name!r} is {job.status}: {self.summary}"]
        lines += [f"  runtime {job.runtime.name}, {job.num_nodes} node(s), made {clock(job.creation_timestamp)}"]
        if job.progress is not None or job.metrics:
            done = [] if job.progress is None else [f"{job.progress} % done"]
            metrics = [f"{name}={value}" for name, value in job.metrics.items()]
            lines.append(f"  {', '.join([*done, *metrics])}")
        lines += [f"  {place}" for place in self.places]
        lines += section("Steps", _steps(job.steps))
        said = self.summary.rstrip(". ")
        lines += section("Findings", [finding for finding in self.findings if finding.rstrip(". ") != said])
        lines += section("Timeline", timeline(self.timeline))
        lines += section("Log", self.log)
        lines += section("What to try", self.remedies)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from kubeflow.core.explanation_html import explanation_html

        return explanation_html(str(self))


def section(title: str, items: Sequence[str]) -> list[str]:
    """Return the lines of a part of an explanation, indented below its title; none where there are no items."""
    return [f"{title}:", *(f"  {line}" for item in items for line in item.splitlines() or [""])] if items else []


def _steps(steps: Sequence[Step]) -> list[str]:
    """Return a line for each step; for more than two of one status a line together, without their pods."""
    alike: dict[tuple[bool, str], list[Step]] = {}
    for step in steps:
        alike.setdefault((node_index(step.name) is None, _status(step)), []).append(step)
    lines: list[str] = []
    for (_, status), group in alike.items():
        if len(group) > _SINGLE:
            lines.append(f"{steps_in_short(step.name for step in group)}: {status}")
        else:
            lines += [f"{step.name}: {status}{f' ({step.pod_name})' if step.pod_name else ''}" for step in group]
    return lines


def _status(step: Step) -> str:
    return step.status or ("unknown" + (f" ({step.note})" if step.note else ""))


def timeline(events: Sequence[Event]) -> list[str]:
    """Return a line for each event; the same one again and again is one line, with the time of the first."""
    lines: list[str] = []
    for what, same in groupby(events, key=_what):
        first, *others = same
        lines.append(f"{clock(first.event_time)}  {what}{f' ({1 + len(others)} such events)' if others else ''}")
    return lines


def _what(event: Event) -> str:
    return f"{event.involved_object_name}: {event.reason}: {event.message}"


def clock(time: datetime) -> str:
    """Return a time as users read it, in the zone of this machine."""
    return time.astimezone().isoformat(sep=" ", timespec="seconds")

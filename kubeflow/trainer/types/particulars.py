"""What a backend knows of a job for its report, beside its status, diagnosis and logs: lives of steps, environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kubeflow.core.display import hide_credentials, repr_of_fields
from kubeflow.core.stdlib import shlex

_ARGUMENT = 160  # characters of an argument; a bundle takes tens of thousands


@dataclass(frozen=True, slots=True)
class StepLife:
    """One time that a step was started.

    Attributes:
        step: The step.
        start: When it was started.
        end: When that ended; `None` while it goes on.
        status: `"Running"`, `"Succeeded"`, `"Failed"`, or what else ended it, like `"Suspended"`.
        words: How it ended, like `"exited with code 1"`; may be empty.
    """

    step: str
    start: datetime
    end: datetime | None = None
    status: str = "Running"
    words: str = ""

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class JobParticulars:
    """What a report shows of a job.

    Attributes:
        lives: Of all steps, oldest first.
        unseen: By step, how often it was started before, of which nothing is left but the count.
        ended: When the job ended; `None` while it goes on, and when that is not known.
        environment: What it runs in, by what it is called: Python, packages, image, command.
        variables: Environment variables, secrets hidden.
        title: What `document` is.
        document: The object that stands for the job, as plain JSON data with secrets hidden.
        gaps: What could not be found out, in words.
    """

    lives: Sequence[StepLife] = ()
    unseen: Mapping[str, int] = field(default_factory=dict[str, int])
    ended: datetime | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    title: str = "TrainJob"
    document: object = None
    gaps: Sequence[str] = ()

    __repr__ = repr_of_fields


def command_in_short(argv: Sequence[str]) -> str:
    """Return a command line as a shell takes it, long arguments by their beginning; credentials are hidden."""
    shown = (
        shlex.quote(each) if len(each) <= _ARGUMENT else f"{shlex.quote(each[:40])}… ({len(each):,} characters)"
        for each in argv
    )
    return hide_credentials(" ".join(shown))

"""What an examination has found: sections of findings, each with a state, the reason in one line, and a remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kubeflow.core.display import hide_credentials, repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.stdlib import re, textwrap

WIDTH = 100  # columns of the text, where nobody says otherwise
_INDENT = "  "
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


class HealthState(StrEnum):
    """How a thing is.

    `MISSING` is what nobody has set up: an extra, an engine, a right. `BROKEN` is what is there, or was asked for, and
    does not work.
    """

    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that was looked at.

    Attributes:
        name: What it is, like `"state directory"` or `"kubeflow[spark]"`.
        state: How it is.
        why: One line: what was found, or what is wrong with it.
        remedy: What to do; empty where all is well.
    """

    name: str
    state: HealthState
    why: str
    remedy: str = ""

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True, slots=True)
class ExaminedSection:
    """A part of the machine or of the cluster.

    Attributes:
        name: One of `kubeflow.doctor.SECTIONS`.
        findings: In the order in which they are read best.
    """

    name: str
    findings: tuple[HealthFinding, ...]

    __repr__ = repr_of_fields

    @property
    def state(self) -> HealthState:
        """The worst state of its findings."""
        return worst(finding.state for finding in self.findings)

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values of JSON."""
        found = [finding.to_dict() for finding in self.findings]
        return {"name": self.name, "state": self.state.value, "findings": found}


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found. `print(examination)` shows it.

    Attributes:
        sections: In the order of `kubeflow.doctor.SECTIONS`.
    """

    sections: tuple[ExaminedSection, ...]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {state}" for state, count in self._counts().items() if count)
        return f"<Examination of {len(self.sections)} sections: {counts or 'no findings'}>"

    @property
    def state(self) -> HealthState:
        """The worst state of all findings."""
        return worst(section.state for section in self.sections)

    @property
    def broken(self) -> list[HealthFinding]:
        """The findings that are `BROKEN`."""
        return [finding for finding in self._findings() if finding.state is HealthState.BROKEN]

    def section(self, name: str) -> ExaminedSection:
        """Return a section.

        Raises:
            InvalidInput: It was not examined, or there is none of this name.
        """
        for section in self.sections:
            if section.name == name:
                return section
        from kubeflow.core.errors import InvalidInput, did_you_mean

        names = [section.name for section in self.sections]
        raise InvalidInput(
            f"section {name!r} was not examined.{did_you_mean(name, names)} Examined: {', '.join(names)}."
        )

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values of JSON: `state`, and `sections` with their `findings`."""
        return {"state": self.state.value, "sections": [section.to_dict() for section in self.sections]}

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = WIDTH) -> str:
        """Return it as text for people.

        Args:
            width: Columns that a line has at most, where its words allow.
        """
        parts = [text_of_section(section, width) for section in self.sections]
        counts = ", ".join(f"{count:,} {state}" for state, count in self._counts().items())
        return "\n\n".join([*parts, f"{counts}."])

    def _findings(self) -> Iterable[HealthFinding]:
        return (finding for section in self.sections for finding in section.findings)

    def _counts(self) -> dict[HealthState, int]:
        states = [finding.state for finding in self._findings()]
        return {state: states.count(state) for state in HealthState}


def text_of_section(section: ExaminedSection, width: int = WIDTH) -> str:
    """Return a section as text for people: its name, and below it a line for each finding and for each remedy."""
    lines = [section.name]
    mark = max(len(state) for state in HealthState) + len(_INDENT)
    for finding in section.findings:
        head = f"{_INDENT}{finding.state.value:<{mark}}"
        lines += _wrapped(f"{finding.name}: {finding.why}", head, width)
        if finding.remedy:
            lines += _wrapped(finding.remedy, f"{_INDENT}{'':<{mark}}-> ", width)
    return "\n".join(lines)


def _wrapped(text: str, head: str, width: int) -> list[str]:
    # Commands and paths are copied: they are not broken, however narrow the terminal is.
    return textwrap.wrap(
        text, max(width, len(head) + 10), initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def worst(states: Iterable[HealthState]) -> HealthState:
    """Return the worst of some states; `OK` of none."""
    order = list(HealthState)
    return max(states, key=order.index, default=HealthState.OK)


def ok(name: str, why: str) -> HealthFinding:
    """Return the finding that a thing is well."""
    return HealthFinding(name, HealthState.OK, one_line(why))


def missing(name: str, why: str, remedy: str) -> HealthFinding:
    """Return the finding that a thing is not there, and that nobody said it would be."""
    return HealthFinding(name, HealthState.MISSING, one_line(why), one_line(remedy))


def broken(name: str, why: str, remedy: str) -> HealthFinding:
    """Return the finding that a thing does not work that is there, or was asked for."""
    return HealthFinding(name, HealthState.BROKEN, one_line(why), one_line(remedy))


def bad(name: str, error: object, *, asked: bool) -> HealthFinding:
    """Return the finding of an error of this SDK, whose text has the cause first and the remedy after it.

    Args:
        name: What was looked at.
        error: The error, or its text.
        asked: True when the thing is set up or was asked for: then it is broken, else missing.
    """
    why, _, remedy = _SENTENCE_END.sub("\0", one_line(str(error)), count=1).partition("\0")
    return (broken if asked else missing)(name, why.removesuffix("."), remedy)


def one_line(text: str) -> str:
    """Return a text on one line, without what has the form of a credential, such as a login in a URL."""
    return hide_credentials(" ".join(text.split()))

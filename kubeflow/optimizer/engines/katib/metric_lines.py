"""Lines with metrics: the filters by which Katib's collector finds them, and the lines that the collector repeats.

Katib's own filter takes names of letters, digits, `_`, `-` and `|` alone, and an empty value for `loss=nan`, which then
counts as the best of all trials. These filters take exactly the metrics that are asked for, and finite numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import re

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# What klog writes before a line: severity, month and day, time, thread, file and line.
_KLOG = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ [\w.-]+:\d+\] ")


def metric_filter(name: str) -> str:
    """Return the pattern of RE2 that finds a metric in a line, as `name=0.3` or `name: 0.3`, with Katib's two groups.

    Args:
        name: The metric; any characters but `;`.
    """
    # RE2 has no look-behind: a character before the name is a part of the match, and none that a name may have.
    return rf"(?:^|[^\w./|-])({escaped(name)})\s*[=:]\s*({_NUMBER})"


def escaped(text: str) -> str:
    """Return a pattern for exactly this text, for Python and for RE2."""
    return "".join(rf"\{char}" if char.isascii() and not (char.isalnum() or char in " _") else char for char in text)


def name_findings(names: Sequence[str]) -> Iterator[Finding]:
    """Yield the names of metrics that Katib cannot have."""
    for name in names:
        if ";" in name or any(char in name for char in "\n\r"):
            yield Finding(
                f"metric {name!r}",
                "Katib keeps the names of metrics in one text with ';' between them, and reads lines",
                "Report it by another name",
            )


def values_in(line: str, names: Sequence[str]) -> list[tuple[str, float]]:
    """Return the metrics that a line has, as the filters find them."""
    return [(match[1], float(match[2])) for name in names for match in re.finditer(metric_filter(name), line, re.ASCII)]


def repeated(line: str, trial: str) -> str | None:
    """Return the line of a trial that a line of the collector's log repeats; `None` for one of the collector itself.

    A line without klog's beginning is taken as it is: it goes on with the line before.
    """
    match = _KLOG.match(line)
    if match is None:
        return line
    rest = line[match.end() :]
    return None if rest == f"Trial Name: {trial}" else rest

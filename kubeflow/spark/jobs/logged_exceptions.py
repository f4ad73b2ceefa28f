"""The exception that ended a program which leaves no word of its own: a jar, or a script that is not packaged.

It is read from the last lines of the program's log, as the JVM and Python write what nobody caught. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import re

LOGGED_LINES = 400
"""Lines at the end of a log in which an exception is looked for: stacks of the JVM are long, and Spark logs its end."""

# java.lang.ThreadGroup.uncaughtException writes `Exception in thread "main" ` and Throwable.printStackTrace().
_UNCAUGHT = re.compile(r'Exception in thread "main" (\S.*)')
_CAUSE = re.compile(r"Caused by: (\S.*)")
_FRAME = re.compile(r"\s+(?:at |\.\.\. \d+ (?:more|common frames omitted)|Suppressed: )")
# What spark-submit throws when a Python program has ended with an exit code; the program's own words stand before it.
_OF_PYTHON = "org.apache.spark.SparkUserAppException"
# org.apache.spark.deploy.SparkSubmit writes what it refuses as one line.
_REFUSED = re.compile(r"Error: (Failed to load class .+|No main class set in JAR.*|Missing application resource.*)")
_TRACEBACK = "Traceback (most recent call last):"
_PYTHON = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?", re.ASCII)
# log4j2.properties of Spark: `26/11/30 09:01:02 INFO SparkContext: ...`
_LOG_LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]+ ")


@dataclass(frozen=True, slots=True)
class LoggedException:
    """What a program wrote of the exception that ended it.

    Attributes:
        summary: Type and message, with what caused it at last, like `"org.apache.spark.SparkException: Job aborted,
            caused by java.io.IOException: No space left on device"`.
        lines: The stack as it stands in the log.
        refused: True when spark-submit said so of a program that it did not start.
    """

    summary: str
    lines: tuple[str, ...]
    refused: bool = False

    __repr__ = repr_of_fields

    @property
    def exception(self) -> str | None:
        """Type and message; `None` where the program was not started."""
        return None if self.refused else self.summary

    @property
    def reason(self) -> str:
        """What ended the job, in words."""
        return f"spark-submit refused it: {self.summary}" if self.refused else f"its driver raised {self.summary}"


def logged_exception(log: Sequence[str]) -> LoggedException | None:
    """Return the exception that a program ended by; `None` where its log does not have one.

    Args:
        log: The last lines of its log, oldest first.
    """
    start = next((number for number in reversed(range(len(log))) if _UNCAUGHT.match(log[number])), None)
    if start is not None:
        found = _of_jvm(log[start:])
        return _of_python(log[:start]) or found if _OF_PYTHON in found.summary else found
    refused = next(filter(None, map(_REFUSED.match, reversed(log))), None)
    if refused is not None:
        return LoggedException(refused[1], (refused[0],), refused=True)
    return _of_python(log)


def _of_jvm(log: Sequence[str]) -> LoggedException:
    """Return what the first line begins: messages may have several lines, and end where the frames begin."""
    lines: list[str] = []
    heads: list[list[str]] = []
    framed = False
    for line in log:
        begins = _CAUSE.match(line) if lines else _UNCAUGHT.match(line)
        if begins is not None:
            heads.append([begins[1]])
            framed = False
        elif _FRAME.match(line):
            framed = True
        elif framed or _LOG_LINE.match(line):
            break
        else:
            heads[-1].append(line)
        lines.append(line)
    first, last = ("\n".join(head).rstrip() for head in (heads[0], heads[-1]))
    return LoggedException(first if len(heads) == 1 else f"{first}, caused by {last}", tuple(lines))


def _of_python(log: Sequence[str]) -> LoggedException | None:
    """Return the last traceback, unless the program has said more after it: somebody caught that one."""
    start = next((number for number in reversed(range(len(log))) if log[number] == _TRACEBACK), None)
    if start is None:
        return None
    end = next((at for at in range(start + 1, len(log)) if not log[at].startswith(" ")), None)
    if end is None or not _PYTHON.fullmatch(log[end]) or not all(map(_LOG_LINE.match, log[end + 1 :])):
        return None
    return LoggedException(log[end], tuple(log[start : end + 1]))

"""The log lines of a job as they are read, and the place in them up to which they have been."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Protocol

from kubeflow.core.tracebacks import thin


class ShownBeside(Protocol):
    """What is shown below the lines of a log while the next one is waited for."""

    def waits(self) -> None:
        """The next line is waited for."""
        ...

    def hands_out(self) -> None:
        """A line is handed out, which the caller may print."""
        ...

    def finish(self) -> None:
        """There are no more lines."""
        ...

    def close(self) -> None:
        """Nobody reads any more."""
        ...


@thin
class LogLines(Iterator[str]):
    """Log lines, one after the other, without their ends; what `TrainerClient.get_job_logs` returns.

    Reading can be left at any line and taken up again there, in another process too:

        lines = client.get_job_logs(name, follow=True)
        for line in lines:
            keep(line, lines.position)
        ...
        for line in client.get_job_logs(name, follow=True, after=kept): ...
    """

    def __init__(self, lines: Iterator[str], position: Callable[[], str]) -> None:
        self._lines = lines
        self._position = position
        self._interrupted: Callable[[], None] = lambda: None
        self._beside: ShownBeside | None = None

    @property
    def position(self) -> str:
        """The place after the line that was yielded last: text that only `get_job_logs(..., after=)` understands."""
        return self._position()

    def __repr__(self) -> str:
        return "<LogLines: read them with `for line in ...`>"

    def __iter__(self) -> LogLines:
        return self

    def __next__(self) -> str:
        beside = self._beside
        if beside is not None:
            beside.waits()
        try:
            line = next(self._lines)
        except StopIteration:
            if beside is not None:
                beside.finish()
            raise
        except KeyboardInterrupt:
            self._end_beside()
            self._interrupted()
            raise
        except BaseException:
            self._end_beside()
            raise
        if beside is not None:
            beside.hands_out()
        return line

    def when_interrupted(self, call: Callable[[], None]) -> LogLines:
        """Return these lines; `call` is called when Ctrl-C ends waiting for the next one."""
        self._interrupted = call
        return self

    def with_progress(self, beside: ShownBeside | None) -> LogLines:
        """Return these lines; `beside` is told when one is waited for, when it is there, and at the end."""
        self._beside = beside
        if beside is not None:
            weakref.finalize(self, beside.close)
        return self

    def close(self) -> None:
        """End reading, with all connections and threads that it needs. What iterates on gets no more lines."""
        self._end_beside()
        close = getattr(self._lines, "close", None)
        if close is not None:
            close()

    def _end_beside(self) -> None:
        if self._beside is not None:
            self._beside.close()

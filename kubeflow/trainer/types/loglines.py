"""The log lines of a job as they are read, and the place in them up to which they have been."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubeflow.core.tracebacks import thin


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

    @property
    def position(self) -> str:
        """The place after the line that was yielded last: text that only `get_job_logs(..., after=)` understands."""
        return self._position()

    def __repr__(self) -> str:
        return "<LogLines: read them with `for line in ...`>"

    def __iter__(self) -> LogLines:
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except KeyboardInterrupt:
            self._interrupted()
            raise

    def when_interrupted(self, call: Callable[[], None]) -> LogLines:
        """Return these lines; `call` is called when Ctrl-C ends waiting for the next one."""
        self._interrupted = call
        return self

    def close(self) -> None:
        """End reading, with all connections and threads that it needs. What iterates on gets no more lines."""
        close = getattr(self._lines, "close", None)
        if close is not None:
            close()

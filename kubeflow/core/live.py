"""Progress of something that is waited for, or whose log is read: how it looks now, shown until that is over."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Generic, Protocol, TypeVar

from kubeflow.core.job_waiting import WatchedJobs
from kubeflow.core.live_screens import PLAIN_WIDTH, Screen, screen_for
from kubeflow.core.terminal_text import columns, cut

StateT = TypeVar("StateT")
StateT_contra = TypeVar("StateT_contra", contravariant=True)

logger = logging.getLogger(__name__)

_SOON = 0.3  # seconds without a line after which the progress is drawn below the last one
_LAST = 3.0  # seconds for a look at the state in which a job has ended
_TICK = 0.5  # seconds between two looks at a job whose log is read
_BETWEEN = " · "


class LiveText(Protocol[StateT_contra]):
    """How a state is put in words."""

    def block(self, state: StateT_contra, width: int) -> list[str]:
        """Return all of it in a few lines of at most `width` columns."""
        ...

    def news(self, state: StateT_contra) -> list[str]:
        """Return lines about what is new since the last call."""
        ...


class Live(Generic[StateT]):
    """What is shown of a state that changes. All methods may be called from any thread.

    Args:
        screen: Where.
        text: In which words.
    """

    def __init__(self, screen: Screen, text: LiveText[StateT]) -> None:
        self._screen = screen
        self._text = text
        self._lock = threading.RLock()

    @property
    def stays(self) -> bool:
        """True where what is shown cannot be cleared."""
        return self._screen.stays

    def show(self, state: StateT) -> None:
        """Show a state in place of the one before."""
        with self._lock:
            screen = self._screen
            screen.draw(self._text.news(state) if screen.tells_news else self._text.block(state, screen.width))

    def clear(self) -> None:
        """Take away what is drawn, until the next `show`."""
        with self._lock:
            self._screen.clear()

    def leave(self) -> None:
        """Let what is drawn stand for good."""
        with self._lock:
            self._screen.leave()

    @contextlib.contextmanager
    def logs_above(self) -> Generator[None]:
        """Clear what is drawn before this SDK logs a line, so that both can be read."""
        ours = logging.getLogger("kubeflow")
        handler = _Clearing(self.clear)
        ours.handlers.insert(0, handler)
        try:
            yield
        finally:
            ours.removeHandler(handler)


@contextlib.contextmanager
def live_display(progress: bool | None, text: Callable[[], LiveText[StateT]]) -> Generator[Live[StateT] | None]:
    """Give what shows a state; `None` where nothing is to be shown.

    At the end what is drawn stays, after an exception (also that of Ctrl-C) it is cleared.

    Args:
        progress: As `screen_for` takes it.
        text: Returns how a state is put in words; called where something is shown.

    Raises:
        InvalidInput: As `screen_for`.
    """
    screen = screen_for(progress)
    if screen is None:
        yield None
        return
    live = Live(screen, text())
    with live.logs_above():
        try:
            yield live
        except BaseException:
            live.clear()
            raise
        live.leave()


class LiveBeside(Generic[StateT]):
    """Progress that is shown below the lines of a log while the next one is waited for.

    A thread looks at the job and draws. The line is cleared whenever a line of the log is handed out, so that what
    the caller prints stands above it.

    Args:
        live: What shows it.
        watching: Keeps what `next_change` opens.
        look: Returns the state as it is now.
        next_change: Returns the state as soon as it differs from the one that is given, or after so many seconds.
    """

    def __init__(
        self,
        live: Live[StateT],
        *,
        watching: Callable[[], AbstractContextManager[None]],
        look: Callable[[], StateT],
        next_change: Callable[[StateT, float], StateT],
    ) -> None:
        self._live = live
        self._watching = watching
        self._look = look
        self._next_change = next_change
        self._lock = threading.Lock()
        self._due: float | None = None  # when to draw, by `time.monotonic`; `None` while the caller has the terminal
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def waits(self) -> None:
        """Draw from now on: the next line is waited for."""
        with self._lock:
            self._due = time.monotonic() + _SOON
        if self._thread is None and not self._over.is_set():
            self._thread = threading.Thread(target=self._run, name="kubeflow-live", daemon=True)
            self._thread.start()

    def hands_out(self) -> None:
        """Clear what is drawn, and draw nothing until the next line is waited for."""
        with self._lock:
            self._due = None
            self._live.clear()

    def close(self) -> None:
        """Show nothing any more."""
        self._over.set()
        self.hands_out()

    def finish(self) -> None:
        """Show nothing any more, where what is shown can be cleared; else wait until the last state is shown."""
        self.close()
        if self._live.stays and self._thread is not None:
            self._thread.join(_LAST)

    def _run(self) -> None:
        try:
            with self._watching(), self._live.logs_above():
                state = self._look()
                while not self._over.is_set():
                    with self._lock:
                        if self._due is not None and time.monotonic() >= self._due:
                            self._live.show(state)
                    state = self._next_change(state, _TICK)
                    self._over.wait(0.05)  # changes that follow on each other are drawn together
                if self._live.stays:
                    self._live.show(self._look())
        except Exception as error:  # noqa: BLE001 - the log that is read raises errors of its own
            logger.debug("the progress of what is read is not shown any more: %s", error)
        finally:
            self._live.clear()


def live_beside(
    backend: WatchedJobs[StateT],
    name: str,
    look: Callable[[str], StateT],
    text: Callable[[], LiveText[StateT]],
    progress: bool | None,
) -> LiveBeside[StateT] | None:
    """Return what shows a job below the lines of its log; `None` where nothing is to be shown.

    Args:
        backend: Who has the job.
        name: Its name.
        look: Returns the job as it is now.
        text: Returns how it is put in words; called where something is shown.
        progress: As `screen_for` takes it.

    Raises:
        InvalidInput: As `screen_for`.
    """
    screen = screen_for(progress, beside_logs=True)
    if screen is None:
        return None
    return LiveBeside(
        Live(screen, text()),
        watching=lambda: backend.watching(name),
        look=lambda: look(name),
        next_change=lambda seen, timeout: backend.next_change(name, seen, timeout),
    )


class LineText(Generic[StateT]):
    """A state in one line: its parts, as far as they fit.

    Args:
        parts: Returns them for a state and a width, the ones that matter most first.
        key: Returns what of a state is news when it changes.
    """

    def __init__(self, parts: Callable[[StateT, int], list[str]], key: Callable[[StateT], object]) -> None:
        self._parts = parts
        self._key = key
        self._told: object = None

    def block(self, state: StateT, width: int) -> list[str]:
        """Return the line."""
        return [fitted(self._parts(state, width), width)]

    def news(self, state: StateT) -> list[str]:
        """Return the line where its key is new."""
        key = self._key(state)
        if key == self._told:
            return []
        self._told = key
        return self.block(state, PLAIN_WIDTH)


class _Clearing(logging.Handler):
    """Clears what is drawn before other handlers write a record. It stands first among those of `kubeflow`."""

    def __init__(self, clear: Callable[[], None]) -> None:
        super().__init__()
        self._clear = clear

    def emit(self, record: logging.LogRecord) -> None:
        ours, above, last = logging.getLogger("kubeflow"), logging.getLogger(), logging.lastResort
        others = [each for each in ours.handlers if not isinstance(each, _Clearing)]
        if others or (ours.propagate and above.handlers):
            self._clear()
        elif last is not None and record.levelno >= last.level:
            # Python writes to standard error what no handler takes. This one takes it, and hands it on.
            self._clear()
            last.handle(record)


def fitted(parts: Iterable[str], width: int) -> str:
    """Return parts in one line, with dots between them; those at the end that do not fit are left out.

    Args:
        parts: In the order in which they matter; the first one is always there, cut if it must be.
        width: Columns.
    """
    first, *others = [part for part in parts if part] or [""]
    line = cut(first, width)
    for part in others:
        longer = f"{line}{_BETWEEN}{part}"
        if columns(longer) <= width:
            line = longer
    return line


def short_name(name: str, width: int) -> str:
    """Return a name that takes at most two fifths of a line."""
    return cut(name, max(8, width * 2 // 5))

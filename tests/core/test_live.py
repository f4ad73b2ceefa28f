"""Progress in terminals, notebooks and pipes: drawn over itself, cleared before anything else is written."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import wait_for_job
from kubeflow.core.live import LineText, Live, LiveBeside, fitted, live_display
from kubeflow.core.live_screens import NotebookScreen, PlainScreen, TerminalScreen, screen_for
from tests.terminals import Seen, Window


@pytest.fixture
def terminal() -> Iterator[Window]:
    made = Window(40)
    yield made
    made.close()


def line_text() -> LineText[str]:
    return LineText(lambda state, width: [f"▶ {state}", "more"], lambda state: state[:1])


def test_a_line_is_drawn_over_itself_and_logs_stand_above_it(terminal: Window) -> None:
    live = Live(TerminalScreen(terminal.stream), line_text())
    seen = Seen(40)
    live.show("a" * 100)
    live.show("short")
    assert seen.write(terminal.text).lines == ["▶ short · more"]
    live.clear()
    terminal.stream.write("a line of the log\n")
    live.show("short")
    assert seen.write(terminal.text).lines == ["a line of the log", "▶ short · more"]
    live.clear()
    terminal.stream.write("another\n")
    live.show("end")
    live.leave()
    terminal.stream.write("$ ")
    assert seen.write(terminal.text).lines == ["a line of the log", "another", "▶ end · more", "$"]


def test_a_block_is_drawn_over_itself_and_never_higher_than_the_terminal(terminal: Window) -> None:
    screen = TerminalScreen(terminal.stream)
    seen = Seen(40)
    screen.draw(["one", "two\x1b[2J\n", "日本" * 30])
    screen.draw(["one"])
    screen.draw([str(number) for number in range(50)])
    screen.draw(["x", "y"])
    assert seen.write(terminal.text).lines == ["x", "y"]
    screen.draw([str(number) for number in range(50)])
    assert seen.write(terminal.text).lines == [*map(str, range(8)), "…"]
    screen.draw(["x"])
    screen.draw(["x"])
    drawn = terminal.text
    assert drawn.count("x") == 1  # nothing new, nothing drawn
    assert seen.write(drawn).lines == ["x"]


def test_a_narrower_terminal_has_shorter_lines(terminal: Window) -> None:
    live = Live(TerminalScreen(terminal.stream), line_text())
    live.show("a" * 30)
    assert terminal.text
    terminal.resize(20)
    live.show("a" * 30)
    seen = Seen(20).write(terminal.text)
    assert seen.lines == ["▶ " + "a" * 16 + "…"]


def test_colours_are_for_the_sign_alone_and_can_be_switched_off(
    terminal: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    Live(TerminalScreen(terminal.stream), line_text()).show("a")
    assert terminal.text == "\x1b[36m▶\x1b[0m a · more"
    monkeypatch.setenv("NO_COLOR", "1")
    Live(TerminalScreen(terminal.stream), line_text()).show("a")
    assert terminal.text == "▶ a · more"


def test_a_terminal_without_these_signs_gets_others() -> None:
    terminal = Window(40, "ascii")
    Live(TerminalScreen(terminal.stream), line_text()).show("日")
    assert Seen(40).write(terminal.text).lines == ["> ? - more"]
    terminal.close()


def choose(monkeypatch: pytest.MonkeyPatch, stream: TextIO, **environment: str) -> None:
    for name in ("KUBEFLOW_PROGRESS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", stream)


def test_progress_is_shown_where_somebody_looks_unless_it_is_switched_off(
    terminal: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kind(progress: bool | None = None, *, beside_logs: bool = False) -> str:
        return type(screen_for(progress, beside_logs=beside_logs)).__name__

    choose(monkeypatch, terminal.stream)
    assert [kind(each) for each in (None, True, False)] == ["TerminalScreen", "TerminalScreen", "NoneType"]
    choose(monkeypatch, terminal.stream, KUBEFLOW_PROGRESS="0")
    assert [kind(each) for each in (None, True, False)] == ["NoneType", "TerminalScreen", "NoneType"]
    choose(monkeypatch, terminal.stream, TERM="dumb")
    assert [kind(None), kind(None, beside_logs=True)] == ["PlainScreen", "NoneType"]
    choose(monkeypatch, io.StringIO())
    assert [kind(each) for each in (None, True, False)] == ["NoneType", "PlainScreen", "NoneType"]
    assert kind(True, beside_logs=True) == "NoneType"
    choose(monkeypatch, io.StringIO(), KUBEFLOW_PROGRESS="1")
    assert kind() == "PlainScreen"
    choose(monkeypatch, io.StringIO(), KUBEFLOW_PROGRESS="perhaps")
    with pytest.raises(InvalidInput, match="KUBEFLOW_PROGRESS is 'perhaps'"):
        kind()
    with pytest.raises(InvalidInput, match="progress is True, False or None"):
        screen_for("yes")  # type: ignore[arg-type]


def test_a_pipe_has_a_line_for_what_is_new() -> None:
    pipe = io.StringIO()
    live = Live(PlainScreen(pipe), line_text())
    for state in ("a", "ab", "b\nc"):
        live.show(state)
    assert pipe.getvalue() == "▶ a · more\n▶ b c · more\n"


def test_a_notebook_has_one_output_that_is_replaced() -> None:
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    hooks = sys.displayhook, sys.excepthook

    class ZMQInteractiveShell(InteractiveShell):
        """As a kernel's: chosen by its name. It keeps what it publishes."""

    shell: Any = ZMQInteractiveShell.instance(
        display_pub_class=CapturingDisplayPublisher, displayhook_class=DisplayHook
    )
    try:
        shell.display_formatter.active_types = ["text/plain", "text/html"]
        with live_display(None, line_text) as live:
            assert live is not None
            for state in ("<b>", "<b>", "x"):
                live.show(state)
        assert isinstance(screen_for(None), NotebookScreen)
        first, second = shell.display_pub.outputs
    finally:
        sys.displayhook, sys.excepthook = hooks
        InteractiveShell.clear_instance()
    assert display is not None
    assert first["data"]["text/plain"] == "▶ <b> · more"
    assert "▶ &lt;b&gt; · more" in first["data"]["text/html"]
    assert [first["update"], second["update"]] == [False, True]
    assert first["transient"]["display_id"] == second["transient"]["display_id"]
    assert second["data"]["text/plain"] == "▶ x · more"


def test_what_is_logged_meanwhile_stands_above(terminal: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, terminal.stream)
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    before = list(logging.getLogger("kubeflow").handlers)
    seen = Seen(40)
    with live_display(None, line_text) as live:
        assert live is not None
        live.show("a")
        logging.getLogger("kubeflow.cluster").warning("connection lost")
        logging.getLogger("kubeflow.cluster").info("nobody hears this")
        live.show("a")
        assert seen.write(terminal.text).lines == ["connection lost", "▶ a · more"]
        root.addHandler(logging.StreamHandler(terminal.stream))
        logging.getLogger("kubeflow.cluster").warning("again")
        live.show("a")
        assert seen.write(terminal.text).lines == ["connection lost", "again", "▶ a · more"]
    assert logging.getLogger("kubeflow").handlers == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_nothing(
    terminal: Window, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    choose(monkeypatch, terminal.stream)
    with pytest.raises(error), live_display(None, line_text) as live:
        assert live is not None
        live.show("a")
        raise error
    assert Seen(40).write("before\r\n" + terminal.text).lines == ["before"]


class Countdown:
    """A job that needs some more looks until it is done."""

    def __init__(self) -> None:
        self.left = 3

    def watching(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def look(self, name: str) -> str:
        return f"{name} {self.left}"

    def next_change(self, name: str, seen: str, timeout: float) -> str:
        assert timeout <= 1  # what is shown says how long it takes: it is drawn anew every second
        self.left -= 1
        return self.look(name)

    def failure(self, name: str) -> Exception:
        return InvalidInput(name)


def test_what_callbacks_print_stands_above(terminal: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, terminal.stream)
    job = Countdown()
    with live_display(None, line_text) as live:
        wait_for_job(
            *(job, "job", job.look),
            reached=lambda state: state.endswith(" 0"),
            failed=lambda state: False,
            too_late=TimeoutError,
            timeout=60,
            polling_interval=1e-9,
            callbacks=[lambda state: print("seen", state)],
            live=live,
        )
    assert Seen(40).write(terminal.text).lines == [*(f"seen job {n}" for n in (3, 2, 1, 0)), "▶ job 0 · more"]


def test_a_terminal_that_does_not_know_its_width_has_eighty_columns(
    terminal: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", None)
    terminal.resize(0)
    assert TerminalScreen(terminal.stream).width == 79


class Job:
    """Changes when it is told to."""

    def __init__(self) -> None:
        self.state = "a"
        self.changed = threading.Event()
        self.looks = 0

    def look(self) -> str:
        self.looks += 1
        return self.state

    def next_change(self, seen: str, timeout: float) -> str:
        self.changed.wait(timeout)
        self.changed.clear()
        if self.state == "gone":
            raise InvalidInput("it is gone")
        return self.state

    def beside(self, stream: TextIO) -> LiveBeside[str]:
        watching: Callable[[], AbstractContextManager[None]] = nullcontext
        live = Live(TerminalScreen(stream), line_text())
        return LiveBeside(live, watching=watching, look=self.look, next_change=self.next_change)


def test_beside_a_log_the_line_is_there_only_while_the_next_line_is_waited_for(terminal: Window) -> None:
    job, seen = Job(), Seen(40)
    beside = job.beside(terminal.stream)

    def until(lines: list[str]) -> None:
        for _ in range(600):
            if seen.write(terminal.text).lines == lines:
                return
            threading.Event().wait(0.05)
        raise AssertionError(seen.lines)

    for number in range(100):  # lines that come at once are not accompanied
        beside.waits()
        beside.hands_out()
        terminal.stream.write(f"{number}\n")
    logs = [str(number) for number in range(100)]
    until(logs)
    beside.waits()
    until([*logs, "▶ a · more"])
    job.state = "b"
    job.changed.set()
    until([*logs, "▶ b · more"])
    beside.hands_out()
    terminal.stream.write("a line\n")
    assert seen.write(terminal.text).lines == [*logs, "a line"]
    beside.waits()
    until([*logs, "a line", "▶ b · more"])
    beside.close()
    until([*logs, "a line"])
    beside.waits()
    assert job.looks == 1


def test_a_job_that_is_gone_ends_what_is_shown_and_nothing_else(terminal: Window) -> None:
    job = Job()
    job.state = "gone"
    beside = job.beside(terminal.stream)
    beside.waits()
    assert beside._thread is not None
    beside._thread.join(30)
    assert not beside._thread.is_alive()
    beside.hands_out()


def test_what_does_not_fit_is_left_out() -> None:
    parts = ["▶ train-3f2a Running", "40 %", "", "about 3 min left", "2/4 nodes"]
    assert fitted(parts, 80) == "▶ train-3f2a Running · 40 % · about 3 min left · 2/4 nodes"
    assert fitted(parts, 40) == "▶ train-3f2a Running · 40 % · 2/4 nodes"
    assert fitted(parts, 10) == "▶ train-3…"


class Tee:
    """What a program may put in the place of standard output: print needs no more of it."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> None:
        self.written.append(text)


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, Tee(), io.StringIO(), _closed()], ids=["none", "tee", "text", "closed"])
@pytest.mark.parametrize("progress", [None, True, False])
def test_no_stream_in_the_place_of_standard_output_breaks_a_wait(
    monkeypatch: pytest.MonkeyPatch, stream: Any, progress: bool | None
) -> None:
    monkeypatch.delenv("KUBEFLOW_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    screen = screen_for(progress)
    assert (screen is not None) == (progress is True)
    if screen is not None:
        screen.draw(["Running"])
        assert shown.getvalue() == "Running\n"


def test_a_stream_with_nothing_but_write_is_written_to() -> None:
    tee: Any = Tee()
    PlainScreen(tee).draw(["Running"])
    assert tee.written == ["Running\n"]

"""What is seen of a search while somebody waits for it: on a terminal, in a notebook, in a file."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeflow.optimizer import Metric, Objective, OptimizationJob, RandomSearch, Search, Trial, TrialConfig
from kubeflow.optimizer.api.progress_display import NotebookBlock, progress_display
from kubeflow.optimizer.api.progress_text import block, time_left
from kubeflow.optimizer.types.search_spaces import ContinuousSearchSpace
from kubeflow.optimizer.types.trials import TrialStatus

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def trial(number: int, status: TrialStatus, loss: float | None = None, reason: str = "") -> Trial:
    begun = START + timedelta(seconds=10 * number)
    metrics = () if loss is None else (Metric("loss", loss, loss, loss),)
    ended = None if status == "Running" else begun + timedelta(seconds=10)
    return Trial(f"s-{number}", {"lr": 0.1 * number}, None, metrics, number, status, reason, begun, ended)


def search(*trials: Trial, status: str = "Running") -> OptimizationJob:
    space = Search.uniform(0, 1)
    assert isinstance(space, ContinuousSearchSpace)
    return OptimizationJob(
        *("s", {"lr": space}, [Objective()], RandomSearch(), TrialConfig(8, 2), trials, START),
        status=status,  # type: ignore[arg-type]
    )


DONE = trial(0, "Complete", 0.5)
BEST = trial(1, "Complete", 0.25)
FAILED = trial(2, "Failed", reason="rank 0 (node-0) raised ValueError: x")
RUNNING = trial(3, "Running")


def test_one_block_says_all_of_it() -> None:
    now = (START + timedelta(seconds=35)).timestamp()

    assert block(search(DONE, BEST, FAILED, RUNNING), now) == [
        "search s is Running: 2 of 8 done, 1 running, 1 failed, about 22 s left",
        "  best: trial 1 with loss=0.25 (lr=0.1)",
        "  trial 2 Failed: rank 0 (node-0) raised ValueError: x (lr=0.2)",
    ]
    assert block(search(), now) == ["search s is Running: 0 of 8 done"]
    limited = search(DONE, RUNNING)
    limited = replace(limited, trial_config=TrialConfig(8, 2, timeout=40))
    assert time_left(limited, now) == pytest.approx(5)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_block_that_is_drawn_over_itself() -> None:
    terminal = Terminal()
    with progress_display(None, terminal) as show:
        assert show is not None
        show(search())
        show(search())  # nothing new, nothing drawn
        show(search(DONE, status="Complete"))
        show(search(DONE, BEST, status="Complete"))

    drawn = terminal.getvalue()
    assert drawn.count("\x1b[1F\x1b[J") == 1  # over the one line of the first block
    assert drawn.count("\x1b[2F\x1b[J") == 1
    assert drawn.endswith("search s is Complete: 2 of 8 done\n  best: trial 1 with loss=0.25 (lr=0.1)\n")


def test_a_file_has_a_line_for_each_trial_that_ended_and_each_once() -> None:
    file = io.StringIO()
    with progress_display(True, file) as show:
        assert show is not None
        show(search(DONE, RUNNING))
        show(search(DONE, BEST, FAILED))
        show(search(DONE, BEST, FAILED, status="Complete"))

    assert file.getvalue().splitlines() == [
        "s: trial 0 Complete: loss=0.5 (lr=0)",
        "s: trial 1 Complete: loss=0.25 (lr=0.1)",
        "s: trial 2 Failed: rank 0 (node-0) raised ValueError: x (lr=0.2)",
        "search s is Complete: 2 of 8 done, 1 failed",
        "  best: trial 1 with loss=0.25 (lr=0.1)",
    ]
    for progress in (False, None):  # nobody looks at a file
        with progress_display(progress, io.StringIO()) as show:
            assert show is None


class Handle:
    """As `IPython.display.display(..., display_id=True)` returns it."""

    def __init__(self, shown: list[object]) -> None:
        self.shown = shown

    def update(self, value: object) -> None:
        self.shown[-1] = value


def test_a_notebook_has_one_output_that_is_replaced() -> None:
    shown: list[object] = []

    def display(value: object, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(value)
        return Handle(shown)

    notebook = NotebookBlock(display)
    for job in (search(DONE), search(DONE), search(DONE, BEST, replace(FAILED, reason="<b>x</b>"))):
        notebook.show(job)

    (output,) = shown
    html = output._repr_html_()  # type: ignore[attr-defined]
    assert "2 of 8 done, 1 failed" in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert repr(output).splitlines()[1] == "  best: trial 1 with loss=0.25 (lr=0.1)"

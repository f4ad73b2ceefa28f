"""How far a search is, while somebody waits for it: on a terminal, in a notebook, or in a file."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Generator
from typing import Any, TextIO

from kubeflow.optimizer.api.progress_text import block, block_html, trial_line
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationJob


@contextlib.contextmanager
def progress_display(
    progress: bool | None, stream: TextIO | None = None
) -> Generator[Callable[[OptimizationJob], None] | None, None, None]:
    """Give what is called with a search at each change, and shows it; `None` where nothing is to be shown.

    Args:
        progress: True shows it anywhere, False nowhere, `None` where somebody looks: in terminals and notebooks.
        stream: Where it is written, if not into a notebook. Default: standard error.
    """
    out = sys.stderr if stream is None else stream
    if progress is False:
        yield None
    elif stream is None and (display := _notebook()) is not None:
        yield NotebookBlock(display).show
    elif out.isatty():
        yield TerminalBlock(out).show
    else:
        yield TrialLines(out).show if progress else None


class TerminalBlock:
    """One block of lines that is drawn over itself.

    Args:
        stream: The terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._height = 0
        self._drawn: list[str] = []

    def show(self, job: OptimizationJob) -> None:
        """Draw the block of a search, if it looks otherwise than before."""
        width = max(20, shutil.get_terminal_size().columns - 1)
        lines = [line if len(line) <= width else line[: width - 1] + "…" for line in block(job)]
        if lines == self._drawn:
            return
        # Up to the first line of what was drawn, and clear from there to the end of the screen.
        back = f"\x1b[{self._height}F\x1b[J" if self._height else ""
        self._stream.write(back + "".join(f"{line}\n" for line in lines))
        self._stream.flush()
        self._height, self._drawn = len(lines), lines


class NotebookBlock:
    """One output of a cell that is replaced by newer ones.

    Args:
        display: `IPython.display.display`.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._drawn: list[str] = []

    def show(self, job: OptimizationJob) -> None:
        """Show a search, if it looks otherwise than before."""
        lines = block(job)
        if lines == self._drawn:
            return
        self._drawn = lines
        shown = _Block(lines)
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)


class TrialLines:
    """A line for each trial that ends, and one at the end: for pipes and files.

    Args:
        stream: Where they are written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: set[int] = set()

    def show(self, job: OptimizationJob) -> None:
        """Write what is new of a search."""
        for trial in job.trials:
            if trial.status in ENDED and trial.number not in self._told:
                self._told.add(trial.number)
                self._stream.write(f"{job.name}: {trial_line(job, trial)}\n")
        if job.status in ENDED:
            first, *more = block(job)
            self._stream.write("".join(f"{line}\n" for line in [first, *more[:1]]))
        self._stream.flush()


class _Block:
    """Lines as a notebook shows them, and as text where it shows no HTML."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __repr__(self) -> str:
        return "\n".join(self._lines)

    def _repr_html_(self) -> str:
        return block_html(self._lines)


def _notebook() -> Callable[..., Any] | None:
    """Return what displays objects in a notebook; `None` elsewhere. IPython is not loaded for that."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return None
    from importlib import import_module

    display: Callable[..., Any] = import_module("IPython.display").display
    return display

"""Where something that changes is shown: drawn over itself in a terminal, replaced in a notebook, told line by line.

What is drawn in a terminal is cleared before anything else is written there, and drawn again below it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol, TextIO

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.core.terminal_text import cut, is_terminal, one_line

SETTING = "KUBEFLOW_PROGRESS"
"""The environment variable that decides where nothing is given in code."""

_NEVER, _ALWAYS, _LOOKED_AT = {"0", "off", "no", "false"}, {"1", "on", "yes", "true"}, {"", "auto"}
_NOTEBOOK_WIDTH = 120  # columns of a line in a notebook, which wraps longer ones
PLAIN_WIDTH = 200  # columns of a line in a pipe or a file
_UP, _CLEAR = "\x1b[{}A", "\r\x1b[J"  # CSI sequences of ECMA-48: up so many lines; clear to the end of the screen
_STYLES = {"✓": "32", "▶": "36", "✕": "1;31", "!": "33"}  # SGR parameters, by the sign that a line begins with
# For a terminal whose encoding lacks the signs.
_ASCII = str.maketrans({"✓": "+", "▶": ">", "✕": "x", "○": "o", "·": "-", "…": "~", "\N{EN DASH}": "-"})


class Screen(Protocol):
    """A place where lines are shown."""

    tells_news: bool
    """True where only what is new is written, a line each; False where the whole is drawn again."""
    stays: bool
    """True where what is shown cannot be cleared, and so must be the last state in the end."""

    @property
    def width(self) -> int:
        """Columns of a line that is shown whole."""
        ...

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines in place of those before."""
        ...

    def clear(self) -> None:
        """Show nothing, so that something else can be written."""
        ...

    def leave(self) -> None:
        """Let stand what is shown, for good."""
        ...


class TerminalScreen:
    """Lines at the end of a terminal, drawn over themselves.

    Args:
        stream: The terminal.
    """

    tells_news = False
    stays = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn: list[str] = []

    @property
    def width(self) -> int:
        """One column less than there are: some terminals begin a new line behind the last one."""
        return max(10, self._size().columns - 1)

    def draw(self, lines: Sequence[str]) -> None:
        """Draw lines, cut to the width that the terminal has now, if they look otherwise than those before."""
        size = self._size()
        shown = [cut(one_line(line), max(10, size.columns - 1)) for line in lines]
        if len(shown) >= size.lines > 1:  # what has left the screen cannot be drawn over
            shown = [*shown[: size.lines - 2], "…"]
        if shown == self._drawn:
            return
        text = self._cleared() + "\n".join(self._styled(line) for line in shown)
        self._drawn = shown  # first: Ctrl-C may come while it is written
        self._write(text)

    def clear(self) -> None:
        """Clear what is drawn; the cursor is where it began."""
        if self._drawn:
            self._write(self._cleared())
            self._drawn = []

    def leave(self) -> None:
        """Let what is drawn stand, with the cursor on a line below it."""
        if self._drawn:
            self._write("\n")
            self._drawn = []

    def _cleared(self) -> str:
        if not self._drawn:
            return ""
        above = len(self._drawn) - 1
        return (_UP.format(above) if above else "") + _CLEAR

    def _styled(self, line: str) -> str:
        if not _encodes(line, self._stream):
            encoding = getattr(self._stream, "encoding", None) or "ascii"
            line = line.translate(_ASCII).encode(encoding, "replace").decode(encoding)
        style = _STYLES.get(line[:1])
        return line if style is None or os.environ.get("NO_COLOR") else f"\x1b[{style}m{line[:1]}\x1b[0m{line[1:]}"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        _flush(self._stream)

    def _size(self) -> os.terminal_size:
        with contextlib.suppress(AttributeError, OSError, ValueError):  # a stream that is no file
            size = os.get_terminal_size(self._stream.fileno())
            if size.columns:  # some do not know theirs
                return size
        import shutil  # slow to load, and seldom needed

        return shutil.get_terminal_size()


class NotebookScreen:
    """One output of a cell that is replaced by newer ones. It needs no widgets.

    Args:
        display: `IPython.display.display`.
    """

    tells_news = False
    stays = True
    width = _NOTEBOOK_WIDTH

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._drawn: list[str] = []

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines, if they look otherwise than those before."""
        if list(lines) == self._drawn:
            return
        self._drawn = list(lines)
        shown = _Block(self._drawn)
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)

    def clear(self) -> None:
        """Leave it: other outputs of the cell have places of their own."""

    def leave(self) -> None:
        """Leave it as it is."""


class PlainScreen:
    """Lines below each other, for pipes, files, and terminals that cannot move the cursor.

    Args:
        stream: Where they are written.
    """

    tells_news = True
    stays = True
    width = PLAIN_WIDTH

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def draw(self, lines: Sequence[str]) -> None:
        """Write lines below those before."""
        if lines:
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            text = "".join(f"{one_line(line)}\n" for line in lines)
            self._stream.write(text if _encodes(text, self._stream) else _in_ascii(text, encoding))
            _flush(self._stream)

    def clear(self) -> None:
        """Leave it: every line is whole."""

    def leave(self) -> None:
        """Leave it as it is."""


class _Block:
    """Lines as a notebook shows them, and as text where it shows no HTML."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __repr__(self) -> str:
        return "\n".join(self._lines)

    def _repr_html_(self) -> str:
        from kubeflow.core import html

        return html.view(html.preformatted(self._lines))


def screen_for(progress: bool | None, *, beside_logs: bool = False) -> Screen | None:
    """Return where progress is shown; `None` where it is not.

    Args:
        progress: True shows it anywhere, False nowhere, `None` where somebody looks: in notebooks, and in terminals
            that standard output is connected to. `KUBEFLOW_PROGRESS` stands in for `None`.
        beside_logs: True where the caller writes lines between: it is not shown then where only lines can be.

    Raises:
        InvalidInput: `progress` is none of these, or the variable has another value than 0, 1 or auto.
    """
    wanted = _wanted(progress)
    if wanted is False:
        return None
    display = notebook_display()
    if display is not None:
        return NotebookScreen(display)
    out: TextIO | None = sys.stdout  # `None` where there is none, as below pythonw
    looked_at = is_terminal(out)
    if out is not None and looked_at and os.environ.get("TERM") != "dumb":
        return TerminalScreen(out)
    lines_to: TextIO | None = out if looked_at else sys.stderr
    if beside_logs or lines_to is None or not (looked_at or wanted):
        return None
    return PlainScreen(lines_to)


def notebook_display() -> Callable[..., Any] | None:
    """Return what displays objects in a notebook; `None` elsewhere. IPython is not loaded for that."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__):
        return None
    display: Callable[..., Any] = import_module("IPython.display").display
    return display


def _wanted(progress: bool | None) -> bool | None:
    if progress is not None:
        if not isinstance(progress, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"progress is True, False or None, not {progress!r}.")
        return progress
    setting = os.environ.get(SETTING, "").strip().lower()
    if setting in _LOOKED_AT:
        return None
    if setting not in _NEVER | _ALWAYS:
        raise InvalidInput(f"{SETTING} is {setting!r}: set it to 0 (show no progress), to 1 (everywhere) or to auto.")
    return setting in _ALWAYS


def _flush(stream: TextIO) -> None:
    flush: Callable[[], object] | None = getattr(stream, "flush", None)
    if flush is not None:
        flush()


def _encodes(text: str, stream: TextIO) -> bool:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if re.fullmatch(r"(?i)utf[-_]?8", encoding):
        return True
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _in_ascii(text: str, encoding: str) -> str:
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)

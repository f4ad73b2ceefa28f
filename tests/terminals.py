"""Terminals for tests: a pseudo-terminal that a program runs in, and what a person would see in it."""

from __future__ import annotations

import fcntl
import io
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

_CODE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


class Seen:
    """What stands in a terminal after some output: all rows, also those that have scrolled out.

    Knows what lines that are drawn over themselves need: carriage returns, cursor up, clearing to the end, colours, and
    that a text wraps at the width. Rows before do not move when the width changes, as in xterm.

    Args:
        columns: Width.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[str] = [""]
        self.styled = False
        self._row = self._column = 0

    def write(self, text: str) -> Self:
        """Take output."""
        place = 0
        while place < len(text):
            code = _CODE.match(text, place)
            if code is not None:
                self._code(code[1], code[2])
                place = code.end()
                continue
            self._character(text[place])
            place += 1
        return self

    @property
    def lines(self) -> list[str]:
        """The rows without blanks at their ends, and without empty ones at the end."""
        return "\n".join(row.rstrip() for row in self.rows).rstrip("\n").split("\n")

    def _character(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._row += 1
        else:
            assert character >= " ", repr(character)
            if self._column >= self.columns:
                self._row, self._column = self._row + 1, 0
            self._fill()
            row = self.rows[self._row].ljust(self._column)
            self.rows[self._row] = row[: self._column] + character + row[self._column + 1 :]
            self._column += 1
        self._fill()

    def _code(self, parameters: str, letter: str) -> None:
        if letter == "J" and parameters in ("", "0"):
            self.rows[self._row :] = [self.rows[self._row][: self._column]]
        elif letter == "A":
            self._row = max(0, self._row - int(parameters or 1))
        elif letter == "m":
            self.styled = True
        else:
            raise AssertionError(f"a code that this terminal does not know: {parameters}{letter}")

    def _fill(self) -> None:
        while len(self.rows) <= self._row:
            self.rows.append("")


class Window:
    """A pseudo-terminal that this process writes to.

    Args:
        columns: Width.
        encoding: Of what is written.
    """

    def __init__(self, columns: int, encoding: str = "utf-8") -> None:
        self._main, inner = os.openpty()
        self.columns = columns
        self.stream = io.TextIOWrapper(io.FileIO(inner, "w"), encoding, newline="\n", write_through=True)
        self.resize(columns)

    def resize(self, columns: int) -> None:
        """Give it another width; it has ten rows."""
        self.columns = columns
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", 10, columns, 0, 0))

    @property
    def text(self) -> str:
        """What was written since this was asked last."""
        self.stream.flush()
        os.set_blocking(self._main, False)
        pieces = []
        while True:
            try:
                pieces.append(os.read(self._main, 65536))
            except BlockingIOError:
                return b"".join(pieces).decode()

    def close(self) -> None:
        """Close both ends."""
        self.stream.close()
        os.close(self._main)


class Pty:
    """A program in a pseudo-terminal of its own: standard input, output and error.

    Args:
        command: The program with its arguments.
        columns: Width of the terminal.
        environment: Added to that of the tests; `TERM` is `xterm` unless it says otherwise.
    """

    def __init__(self, command: Sequence[str], *, columns: int, environment: Mapping[str, str]) -> None:
        self._main, inner = os.openpty()
        self.resize(columns)
        plain = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**plain, "TERM": "xterm", **environment},
            start_new_session=True,
            # So that Ctrl-C reaches the program.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - it does nothing else
        )
        os.close(inner)
        self.output = b""

    def resize(self, columns: int) -> None:
        """Give the terminal another width."""
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def press(self, keys: bytes) -> None:
        """Type keys, like `b"\x03"` for Ctrl-C."""
        os.write(self._main, keys)

    def read_until(self, condition: Callable[[str], bool], wait: float = 60.0) -> str:
        """Return all output so far, once it fulfils a condition."""
        deadline = time.monotonic() + wait
        while not condition(self.text):
            ready, _, _ = select.select([self._main], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"not within {wait:.0f} s: {self.text!r}"
            if not self._read():
                break
        assert condition(self.text), self.text
        return self.text

    def read_all(self) -> str:
        """Return all output, once the program has ended."""
        while self._read():
            pass
        self.process.wait(60)
        return self.text

    @property
    def text(self) -> str:
        """The output so far; what is not whole yet of the last character is left out."""
        return self.output.decode(errors="ignore")

    def _read(self) -> bool:
        try:
            piece = os.read(self._main, 65536)
        except OSError:  # Linux says so when nobody has the other end any more
            return False
        self.output += piece
        return bool(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._main)

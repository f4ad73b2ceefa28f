"""What a person sees while packages are installed: one line a step, and a bar on a terminal while a step runs."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BAR = 24
_BEAT = 10  # seconds between two lines where there is no terminal


class Steps:
    """Numbered steps, written to stderr: stdout belongs to the program that the environment is for."""

    def __init__(self, total: int) -> None:
        """Expect `total` steps."""
        self._total = total
        self._number = 0
        self._terminal = sys.stderr.isatty()
        self._text = ""
        self._begun = time.monotonic()
        self._next = self._begun

    @contextmanager
    def step(self, text: str, *, quietly: bool = False) -> Iterator[None]:
        """Say what is done, and once the block has ended how long it took.

        Args:
            text: What is done.
            quietly: True when nothing is to be said before the block has ended.
        """
        self._number += 1
        self._text = f"[{self._number}/{self._total}] {text}"
        self._begun = time.monotonic()
        self._next = self._begun + _BEAT
        if self._terminal:
            self.progress(0, 0, "")
        elif not quietly:
            self._write(f"{self._text} ...\n")
        try:
            yield
        except BaseException:
            self._erase()
            raise
        self._erase()
        self._write(f"{self._text}: {time.monotonic() - self._begun:.0f} s\n")

    def progress(self, done: float, total: float, detail: str) -> None:
        """Draw a bar on a terminal, `done` of `total`; elsewhere write a line now and then."""
        share = min(done / total, 1) if total else 0
        elapsed = f"{time.monotonic() - self._begun:.0f} s"
        if self._terminal:
            bar = ("#" * round(_BAR * share)).ljust(_BAR, ".")
            line = f"{self._text} [{bar}] {elapsed} {detail}"
            self._write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])
        elif time.monotonic() > self._next:
            self._write(f"      {share:.0%} after {elapsed}: {detail}\n")
            self._next = time.monotonic() + _BEAT

    def note(self, text: str) -> None:
        """Write a line below the step."""
        self._erase()
        self._write(f"      {text}\n")

    def _erase(self) -> None:
        if self._terminal:
            self._write("\r\x1b[K")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

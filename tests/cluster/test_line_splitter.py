"""Lines of an answer in pieces: whole ones as ever, and progress bars as they stand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from kubeflow.cluster.line_splitter import LineSplitter
from kubeflow.core.log_text import standing
from kubeflow.core.transport import Unfinished

STAMP = b"2026-11-29T10:00:00.000000001Z "


def split(pieces: Iterable[bytes], *, unfinished: bool = True, pause: float = 0.0) -> tuple[list[bytes], list[bytes]]:
    """Return the whole lines with the rest, and the lines as they stood, of pieces that come `pause` seconds apart."""
    clock = itertools.count(0.0, pause)
    splitter = LineSplitter(unfinished=unfinished, clock=lambda: next(clock))
    lines = [line for piece in pieces for line in splitter.lines(piece)]
    bars: list[bytes] = [line for line in lines if isinstance(line, Unfinished)]
    return [*(line for line in lines if not isinstance(line, Unfinished)), splitter.rest()], bars


@given(
    st.lists(st.binary(max_size=6).map(lambda piece: piece.translate(bytes(b"a\r\n b\r"[i % 6] for i in range(256)))))
)
def test_whole_lines_are_the_same_however_they_come(pieces: list[bytes]) -> None:
    whole = b"".join(pieces).split(b"\n")
    assert split(pieces, unfinished=False) == (whole, [])
    for pause in (0.0, 1.0):
        lines, _ = split(pieces, pause=pause)
        assert [standing(line) for line in lines] == [standing(line) for line in whole]


def test_a_bar_is_told_twice_a_second() -> None:
    seconds = 0.0
    splitter = LineSplitter(unfinished=True, clock=lambda: seconds)
    told = []
    for percent in range(100):
        piece = b"\r%d%%" % percent
        told += list(splitter.lines(piece if percent else STAMP + piece))
        seconds += 0.125
    assert told == [STAMP + b"\r%d%%" % percent for percent in range(4, 100, 4)]
    assert all(isinstance(line, Unfinished) for line in told)
    assert [standing(line) for line in splitter.lines(b"\r100%\nnext\n")] == [b"100%", b"next"]
    assert splitter.rest() == b""


def test_a_bar_that_comes_in_large_pieces_is_told_with_each() -> None:
    pieces = [STAMP + b"\r1%".ljust(16384), b"\r2%".ljust(16384)]
    lines, bars = split(pieces)
    assert [standing(bar).strip() for bar in bars] == [b"1%"]
    assert [standing(line).strip() for line in lines] == [b"2%"]


def test_a_long_line_without_carriage_returns_is_told_when_it_is_whole() -> None:
    assert split([b"x" * 16384] * 3) == ([b"x" * 3 * 16384], [])


def test_a_bar_of_days_takes_no_memory() -> None:
    splitter = LineSplitter(unfinished=True)
    for percent in range(10_000):
        list(splitter.lines(b"\r%06d" % percent))
    assert splitter.rest() == b"\r009999"

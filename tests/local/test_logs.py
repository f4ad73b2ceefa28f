"""Reading logs: whole lines, in order, as they come."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kubeflow.local.logs.lines import LAUNCHER_LOG, LogLine, last_lines, rank_log, read_lines


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "node-0").mkdir()
    return tmp_path / "node-0"


def texts(lines: Iterator[LogLine]) -> list[str]:
    return [line.text for line in lines]


def test_a_finished_job_reads_launcher_first_then_ranks_by_number(node: Path) -> None:
    for name, text in ((rank_log(10), "ten\n"), (rank_log(2), "two\n"), (LAUNCHER_LOG, "launcher\n")):
        (node / name).write_text(text)
    (node / "rank-2.exit").write_text("0")

    lines = list(read_lines([node], finished=lambda: True, follow=True))

    assert lines == [LogLine("node-0", None, "launcher"), LogLine("node-0", 2, "two"), LogLine("node-0", 10, "ten")]


def test_an_unfinished_last_line_waits_for_its_end_or_the_end_of_the_job(node: Path) -> None:
    (node / rank_log(0)).write_bytes(b"whole\nhalf")

    assert texts(read_lines([node], finished=lambda: False, follow=False)) == ["whole"]
    assert texts(read_lines([node], finished=lambda: True, follow=False)) == ["whole", "half"]


def test_bytes_that_are_no_text_become_replacement_characters(node: Path) -> None:
    (node / rank_log(0)).write_bytes(b"caf\xe9\n\xc3\xa9t\xc3\xa9\r\n")

    assert texts(read_lines([node], finished=lambda: True, follow=False)) == [
        "caf\ufffd",
        "\u00e9t\u00e9",
    ]


def test_lines_longer_than_a_chunk_stay_whole(node: Path) -> None:
    long = "x" * 300_000
    (node / rank_log(0)).write_text(f"{long}\n{long}y\n")

    assert texts(read_lines([node], finished=lambda: True, follow=False)) == [long, f"{long}y"]


def test_following_sees_a_line_while_it_is_the_only_one_and_files_that_appear_later(node: Path) -> None:
    done = threading.Event()
    lines = read_lines([node], finished=done.is_set, follow=True)
    with (node / rank_log(0)).open("w", buffering=1) as log:
        print("first", file=log)
        assert next(lines).text == "first"
        threading.Timer(0.1, (node / rank_log(1)).write_text, ["from another rank\n"]).start()
        assert next(lines) == LogLine("node-0", 1, "from another rank")
        print("last", file=log)
    done.set()
    assert texts(lines) == ["last"]


@settings(deadline=None, max_examples=50)
@given(pieces=st.lists(st.binary(max_size=40) | st.just(b"\n"), max_size=8))
def test_however_a_log_is_written_its_lines_come_whole_and_once(pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory, (Path(directory) / rank_log(0)).open("wb", buffering=0) as log:
        ended = threading.Event()

        def write_next_piece() -> bool:  # between any two looks at the files, one more piece arrives
            if pieces:
                log.write(pieces.pop(0))
            else:
                ended.set()
            return ended.is_set()

        written = b"".join(pieces)
        start = time.monotonic()
        lines = texts(read_lines([Path(directory)], finished=write_next_piece, follow=True))
        assume(b"\r" not in written or time.monotonic() - start < 0.5)  # else a bar may have been shown as it stood

    expected = written.split(b"\n")
    assert lines == [
        line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
        for index, line in enumerate(expected)
        if line or index < len(expected) - 1
    ]


def test_reading_goes_on_after_any_line_of_any_log(node: Path) -> None:
    (node / LAUNCHER_LOG).write_bytes(b"\n\nlauncher\n")
    (node / rank_log(0)).write_bytes(b"caf\xe9\r\n" + b"x" * 200_000 + b"\n\n\xff\xfe\nunfinished")
    (node / rank_log(1)).write_bytes(b"other\n")

    offsets: dict[str, int] = {}
    lines: list[LogLine] = []
    places = [dict(offsets)]
    for line in read_lines([node], finished=lambda: True, follow=True, offsets=offsets):
        lines.append(line)
        places.append(dict(offsets))

    assert len(lines) == 9
    for read, place in enumerate(places):
        assert list(read_lines([node], finished=lambda: True, follow=False, offsets=place)) == lines[read:]
        assert place == offsets


def test_a_line_that_was_not_whole_when_reading_was_left_comes_whole_after_it(node: Path) -> None:
    offsets: dict[str, int] = {}
    (node / rank_log(0)).write_bytes(b"first\nsec")
    assert texts(read_lines([node], finished=lambda: False, follow=False, offsets=offsets)) == ["first"]
    with (node / rank_log(0)).open("ab") as log:
        log.write(b"ond\n")
    assert texts(read_lines([node], finished=lambda: False, follow=False, offsets=offsets)) == ["second"]


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(node: Path) -> None:
    (node / rank_log(0)).write_text("new\n")
    offsets = {"node-0/rank-0.log": 1000}
    assert texts(read_lines([node], finished=lambda: True, follow=True, offsets=offsets)) == ["new"]


def test_a_deleted_job_ends_its_followers(tmp_path: Path) -> None:
    assert texts(read_lines([tmp_path / "gone"], finished=lambda: True, follow=True)) == []


@pytest.mark.parametrize("follow", [False, True])
def test_a_job_that_is_deleted_while_its_logs_are_read_ends_them(node: Path, follow: bool) -> None:
    for rank in range(3):
        (node / rank_log(rank)).write_text(f"of {rank}\n")
    lines = read_lines([node], finished=lambda: True, follow=follow)
    assert next(lines).text == "of 0"

    shutil.rmtree(node)

    assert texts(lines) == []


def test_last_lines_are_the_last_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {i}\n\n" for i in range(50_000)))

    assert last_lines(log, 3) == ["line 49997", "line 49998", "line 49999"]
    assert last_lines(tmp_path / "none", 3) == []


BARS = b"start\n\r 0%|    |\r50%|##  |\r100%|####|\nCRLF\r\nhidden\rseen\n\r"


def test_of_a_line_with_carriage_returns_stands_what_follows_the_last_one(node: Path) -> None:
    (node / rank_log(0)).write_bytes(BARS)
    lines = ["start", "100%|####|", "CRLF", "seen", ""]
    for follow in (False, True):
        assert texts(read_lines([node], finished=lambda: True, follow=follow)) == lines


def test_a_bar_is_shown_as_it_stands_and_once_when_it_is_finished(node: Path) -> None:
    path = node / rank_log(0)
    path.touch()
    over = threading.Event()
    looks = 0

    def finished() -> bool:
        nonlocal looks
        looks += 1
        return over.is_set()

    offsets: dict[str, int] = {}
    lines = read_lines([node], finished=finished, follow=True, offsets=offsets)
    with path.open("ab", buffering=0) as log:
        log.write(b"before\n\r 10%|# |")
        assert next(lines).text == "before"
        looks = 0
        assert next(lines).text == " 10%|# |"
        assert looks < 30  # 20 ms apart at least: after half a second, however long a look may take
        assert offsets == {"node-0/rank-0.log": 7}
        log.write(b"\r 50%|##|\r")
        assert next(lines).text == " 50%|##|"
        log.write(b" 50%|##|\nafter\n")
        over.set()
    assert texts(lines) == ["after"]
    assert offsets == {"node-0/rank-0.log": path.stat().st_size}


def test_a_long_bar_takes_no_memory(node: Path) -> None:
    (node / rank_log(0)).write_bytes(b"".join(b"\r%9d" % number for number in range(50_000)) + b"\nend\n")
    offsets: dict[str, int] = {}
    found = texts(read_lines([node], finished=lambda: True, follow=True, offsets=offsets))
    assert found == [f"{49_999:9d}", "end"]
    assert offsets == {"node-0/rank-0.log": (node / rank_log(0)).stat().st_size}

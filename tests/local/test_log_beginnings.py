"""Where the reading of local logs begins: at the last lines, or at the lines since a time."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeflow.local.job.places import Places
from kubeflow.local.logs.beginnings import beginnings
from kubeflow.local.logs.lines import LAUNCHER_LOG, rank_log, read_lines
from kubeflow.local.logs.log_sizes import LogSizes, size_at
from tests.local.conftest import Desk, wait_for


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "node-0").mkdir()
    return tmp_path / "node-0"


def read(node: Path, *, tail_lines: int | None = None, since: float | None = None, done: bool = True) -> list[str]:
    offsets = beginnings([node], tail_lines=tail_lines, since=since)
    return [line.text for line in read_lines([node], finished=lambda: done, follow=False, offsets=offsets)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=8),
    st.booleans(),
    st.integers(1, 10),
)
def test_the_last_lines_are_those_of_the_whole_log(lines: list[bytes], ended: bool, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = Path(folder, "node-0")
        node.mkdir()
        (node / rank_log(0)).write_bytes(b"\n".join(lines) + (b"\n" if ended and lines else b""))
        everything = read(node)
        assert read(node, tail_lines=count) == everything[max(0, len(everything) - count) :]


def test_no_last_lines_are_those_that_come(node: Path) -> None:
    log = node / rank_log(0)
    log.write_text("there\nunfin")
    offsets = beginnings([node], tail_lines=0)
    with log.open("a") as file:
        file.write("ished\nnew\n")
    lines = read_lines([node], finished=lambda: True, follow=False, offsets=offsets)
    assert [line.text for line in lines] == ["unfinished", "new"]


def test_the_last_lines_of_a_long_log_are_found_beyond_one_chunk(node: Path) -> None:
    lines = [f"{number} {'x' * 5000}" for number in range(100)]
    (node / rank_log(0)).write_text("\n".join(lines) + "\n")
    for count in (1, 13, 14, 15, 50, 99, 100, 101):
        assert read(node, tail_lines=count) == lines[-count:]


def test_each_log_of_a_node_has_its_own_last_lines(node: Path) -> None:
    for name in (LAUNCHER_LOG, rank_log(0), rank_log(1)):
        (node / name).write_text(f"{name} 1\n{name} 2\n{name} 3\n")
    assert read(node, tail_lines=2) == [
        f"{name} {n}" for name in (LAUNCHER_LOG, rank_log(0), rank_log(1)) for n in (2, 3)
    ]


def test_lines_since_a_time_are_those_after_the_last_size_before_it(node: Path) -> None:
    log = node / rank_log(0)
    sizes = LogSizes([node])
    for second in range(5):
        with log.open("a") as file:
            file.write(f"line {second}\n")
        sizes.record(1000.0 + second)
        sizes.record(1000.5 + second)  # nothing new: no record
    os.utime(log, (1004, 1004))
    assert read(node, since=999) == [f"line {second}" for second in range(5)]
    assert read(node, since=1001.2) == ["line 2", "line 3", "line 4"]
    assert read(node, since=1003.9) == ["line 4"]
    assert read(node, since=1004.1) == []
    assert read(node, since=1001.2, tail_lines=1) == ["line 4"]
    assert read(node, since=1003.9, tail_lines=3) == ["line 4"]
    assert len((node / "rank-0.log.sizes").read_text().splitlines()) == 5


def test_a_size_within_a_line_gives_the_whole_line(node: Path) -> None:
    log = node / rank_log(0)
    log.write_text("first\nsec")
    LogSizes([node]).record(1000)
    with log.open("a") as file:
        file.write("ond\nthird\n")
    assert read(node, since=1000.5) == ["second", "third"]


def test_without_records_or_with_a_damaged_one_lines_come_rather_than_not(node: Path) -> None:
    log = node / rank_log(0)
    log.write_text("first\nsecond\n")
    assert read(node, since=time.time() - 60) == ["first", "second"]
    (node / "rank-0.log.sizes").write_text("1000.0 6\n2000")
    assert size_at(log, 1500) == 6
    (node / "rank-0.log.sizes").write_text("1000.0 600\n")
    assert size_at(log, 1500) == log.stat().st_size


def test_the_supervisor_records_when_lines_were_written(desk: Desk) -> None:
    begun = time.time()
    desk.submit("echo early; while [ ! -e go ]; do sleep 0.05; done; echo late; sleep 0.2; echo last")
    log = Places(desk.running().directory).node_log("node-0")
    sizes = log.with_name("launcher.log.sizes")
    wait_for(lambda: sizes.exists() and sizes.read_text().endswith(f" {len('early ')}\n"))
    recorded = float(sizes.read_text().split()[-2])  # to the nearest hundredth
    assert begun - 0.01 < recorded < time.time() + 0.01
    wait_for(lambda: time.time() > recorded + 0.01)
    (desk.cwd / "go").touch()
    desk.finish()
    assert read(log.parent, since=recorded) == ["late", "last"]
    assert read(log.parent, since=begun - 60) == ["early", "late", "last"]
    assert read(log.parent, since=log.stat().st_mtime + 1) == []

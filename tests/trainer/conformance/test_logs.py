"""Logs: followed, gone on with, from their end, and with progress bars in them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kubeflow.trainer import (
    BackendConfig,
    InvalidInput,
    JobNotFinished,
    JobWaitTimeout,
    Runtime,
    TrainerClient,
)
from tests.cluster.until import until
from tests.trainer.conformance.functions import draw_a_bar, say_and_wait, say_nothing, talk
from tests.trainer.conformance.rows import WAIT, Shared, row, said
from tests.trainer.conformance.shared_client import SharedClient


@row("followed lines come while the job runs, and waiting has a deadline")
def test_following_yields_a_line_while_the_job_runs_and_waiting_has_a_deadline(
    jobs: SharedClient, shared: Shared
) -> None:
    go = shared.path / "go"
    name = jobs.start(talk, {"go": str(go)}, name="talker", options=shared.options)
    assert name == "talker"

    lines: Iterator[str] = jobs.client.get_job_logs(name, follow=True)
    assert next(lines) == "first"
    assert jobs.has(jobs.wait(name, "Running"), "Running")
    with pytest.raises(JobNotFinished, match="talker.*is Running.*wait_for_job_status"):
        jobs.client.get_job_result(name)
    assert list(jobs.client.get_job_logs(name)) == ["first"]
    started = time.monotonic()
    with pytest.raises(JobWaitTimeout, match=r"talker.*is Running after 0\.3 s") as late:
        jobs.client.wait_for_job_status(name, timeout=0.3, polling_interval=WAIT)
    assert 0.3 <= time.monotonic() - started < WAIT / 2  # at its deadline, not at the next look
    assert isinstance(late.value, TimeoutError)
    go.touch()
    assert list(lines) == ["second"]
    assert jobs.has(jobs.wait(name), "Complete")


@row("reading logs goes on where it was left, in another process too")
def test_reading_logs_goes_on_where_it_was_left_with_any_client(
    client: TrainerClient, plain: Runtime, config: BackendConfig, shared: Shared
) -> None:
    go = shared.path / "go"
    name = client.train(plain, train_func=say_and_wait, func_args={"go": str(go)}, num_nodes=2, options=shared.options)
    read: list[str] = []
    position: str | None = None
    while len(said(read)) < 40:  # while the job runs, a few lines at a time, each time as if in another process
        lines = TrainerClient(config).get_job_logs(name, step=None, follow=True, after=position)
        read += [next(lines) for _ in range(min(7, 40 - len(said(read))))]
        position = lines.position
        lines.close()
    now = client.get_job_logs(name, step=None, after=position)
    assert said(now) == []
    go.touch()
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    for follow in (False, True, False):
        lines = client.get_job_logs(name, step=None, follow=follow, after=now.position)
        read += [next(lines) for _ in range(13)]
        now = lines
    lines = client.get_job_logs(name, "node-1", after=now.position)
    read += [f"[node-1] {line}" for line in lines]
    lines = client.get_job_logs(name, step=None, follow=True, after=lines.position)
    read += lines

    for rank in "01":
        own = [line.partition("] ")[2] for line in said(read) if line.startswith(f"[node-{rank}")]
        assert own == [f"rank {rank} line {number}" for number in range(40)]
    assert list(client.get_job_logs(name, step=None, follow=True, after=lines.position)) == []
    other = client.train(plain, train_func=say_nothing)
    for wrong in (client.get_job_logs(other).position, "yesterday"):
        with pytest.raises(InvalidInput, match=r"is no place in the log of TrainJob.*\.position"):
            client.get_job_logs(name, after=wrong)


@row("progress bars are seen while they grow, and their end once")
def test_a_progress_bar_is_seen_while_it_grows_and_its_end_once(jobs: SharedClient, shared: Shared) -> None:
    started = time.monotonic()
    name = jobs.start(draw_a_bar, {"folder": str(shared.path)}, options=shared.options)

    lines: list[str] = []
    for line in jobs.client.get_job_logs(name, follow=True):
        if "node 0" in line:
            lines.append(line)
            (shared.path / f"seen-{line.partition('%')[0].strip()}").touch()
    most = 2 * (time.monotonic() - started) + 2  # twice a second, and its end

    *bars, last = lines
    percents = [int(re.match(r" *(\d+)%", bar)[1]) for bar in bars]  # type: ignore[index]  # all of them are bars
    assert last == "node 0 is done"
    assert percents == sorted(set(percents))
    assert percents[-1] == 100
    assert {25, 50, 75} <= set(percents)
    assert len(percents) <= most
    assert [line for line in jobs.client.get_job_logs(name) if "node 0" in line] == ["100% of node 0 ", last]


def recorded(log: Path) -> bool:
    """Return whether a supervisor, which does so once a second, has written down how long a log is now."""
    sizes = log.with_name(f"{log.name}.sizes")
    return sizes.exists() and sizes.read_text().split()[-1:] == [str(log.stat().st_size)]


@row("the last lines, and the lines since a time")
def test_the_last_lines_and_the_lines_since_a_time_can_be_read_of_any_job(
    jobs: SharedClient, shared: Shared, tmp_path: Path
) -> None:
    go = shared.path / "go"
    name = jobs.start(say_and_wait, {"go": str(go)}, options=shared.options)
    client = jobs.client
    lines = client.get_job_logs(name, follow=True)
    while next(lines) != "rank 0 line 19":
        pass
    assert list(client.get_job_logs(name, tail_lines=3)) == [f"rank 0 line {number}" for number in (17, 18, 19)]
    following = client.get_job_logs(name, follow=True, tail_lines=1)
    assert next(following) == "rank 0 line 19"
    if not jobs.is_cluster:  # lines of a local log have no times
        logs = list((tmp_path / "state").rglob("jobs/*/*/*.log"))
        assert logs
        until(lambda: all(map(recorded, logs)))
    time.sleep(2.5)
    since = datetime.now(UTC) - timedelta(seconds=1)
    go.touch()
    assert jobs.has(jobs.wait(name), "Complete")
    late = [f"rank 0 line {number}" for number in range(20, 40)]
    assert said(following) == late
    assert said(client.get_job_logs(name, since=since)) == late
    if isinstance(client, TrainerClient):
        assert said(client.get_job_logs(name, step=None, since=timedelta(days=1)))[0].endswith("] rank 0 line 0")
    with pytest.raises(InvalidInput, match="both say where to begin"):
        client.get_job_logs(name, after=lines.position, tail_lines=1)

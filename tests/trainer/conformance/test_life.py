"""The life of jobs beside one another: listed, suspended, stopped, deleted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from kubeflow.spark import SparkJob
from kubeflow.trainer import (
    CustomTrainer,
    InvalidInput,
    JobFailed,
    JobNotFound,
    Runtime,
    TrainerClient,
    TrainJob,
    TrainJobTemplate,
)
from kubeflow.trainer.options import Labels, Suspend
from tests.trainer.conformance.functions import (
    hello,
    note_each_start,
    report_and_sleep,
    return_nothing,
    sleep_for_ever,
    tell_losses,
)
from tests.trainer.conformance.rows import WAIT, Shared, row
from tests.trainer.conformance.shared_client import SharedClient


@row("`delete_job` ends all processes and forgets the job")
def test_a_deleted_job_ends_is_forgotten_and_lets_its_followers_go(jobs: SharedClient) -> None:
    name = jobs.start(sleep_for_ever, nodes=2)
    lines = jobs.client.get_job_logs(name, follow=True)
    assert next(lines).endswith("sleeping")

    with ThreadPoolExecutor() as pool:
        waiter = pool.submit(jobs.wait, name)
        time.sleep(0.1)
        jobs.client.delete_job(name)
        with pytest.raises(JobNotFound, match=name):
            waiter.result(timeout=WAIT)

    assert list(lines) == []
    with pytest.raises(JobNotFound, match=name):
        jobs.client.get_job(name)
    assert jobs.listed() == []


@row("`stop_job` ends a job for good and keeps its logs", kubernetes="yes, as a suspension")
def test_a_stopped_job_ends_for_good_and_keeps_what_it_said(
    client: TrainerClient, plain: Runtime, on_machine: bool
) -> None:
    name = client.train(plain, train_func=report_and_sleep)
    lines = client.get_job_logs(name, follow=True)
    assert next(line for line in lines if "so far" in line) == "loss so far=0.5"

    client.stop_job(name)

    if on_machine:
        assert client.get_job(name).status == "Stopped"
        assert list(lines) == []
        assert "loss so far=0.5" in list(client.get_job_logs(name))
        assert client.get_job_metrics(name).latest("loss") == 0.5
        with pytest.raises(JobFailed, match="its user stopped it"):
            client.wait_for_job_status(name, timeout=WAIT)
        assert client.wait_for_job_status(name, "Stopped").name == name
        with pytest.raises(InvalidInput, match="is Stopped, and a job that has ended cannot be resumed"):
            client.resume_job(name)
        assert "is Stopped: stop_job() ended it" in client.explain(name)
    else:
        assert client.wait_for_job_status(name, {"Suspended"}, timeout=WAIT).status == "Suspended"
    client.stop_job(name)  # once is enough
    ended = client.train(plain, train_func=return_nothing)
    client.wait_for_job_status(ended, timeout=WAIT)
    client.stop_job(ended)
    assert client.get_job(ended).status == "Complete"
    with pytest.raises(JobNotFound, match="no-such-job"):
        client.stop_job("no-such-job")


def order(listed: Sequence[TrainJob | SparkJob], name: str, made: Sequence[str]) -> tuple[datetime, int | str]:
    """When a job was made; what was made in the same whole second counts as told apart by nothing but its name."""
    created = next(job.creation_timestamp for job in listed if job.name == name)
    assert created is not None
    return created, made.index(name) if created.microsecond else name


@row("jobs run at the same time without meeting, and are listed oldest first")
def test_jobs_run_at_the_same_time_without_meeting(jobs: SharedClient) -> None:
    called: list[str] = []

    names: list[str] = [jobs.start(hello, {"who": who}) for who in "ab"]
    if isinstance(jobs.client, TrainerClient):
        trainer = CustomTrainer(hello, {"who": "template"}, num_nodes=2)
        template = TrainJobTemplate(runtime=jobs.runtime, trainer=trainer)
        names.append(jobs.client.train(**template))
    for name in names:
        done = jobs.client.wait_for_job_status(name, timeout=WAIT, callbacks=[lambda job: called.append(job.name)])
        assert jobs.has(done, "Complete")

    logs = [[line for line in jobs.client.get_job_logs(name) if line.startswith("hello")] for name in names]
    assert logs == [["hello a"], ["hello b"], ["hello template"]][: len(names)]
    listed = jobs.client.list_jobs()  # oldest first, as far as the backend can tell: a cluster knows the second
    assert [job.name for job in listed] == sorted(names, key=lambda name: order(listed, name, names))
    assert set(called) == set(names)


@row("`suspend_job` ends all processes, `resume_job` starts them anew; `Suspend` makes a job without starting it")
def test_a_suspended_job_runs_when_it_is_resumed(jobs: SharedClient, shared: Shared) -> None:
    given = [Suspend(), Labels({"team": "vision"}), *shared.options]
    name = jobs.start(note_each_start, {"folder": str(shared.path)}, options=given)
    assert jobs.has(jobs.wait(name, "Suspended"), "Suspended")
    assert jobs.listed("team=vision", "Suspended") == [name]

    for starts in (1, 2):
        jobs.client.resume_job(name)
        deadline = time.monotonic() + WAIT
        while len(list(shared.path.glob("start-*"))) < starts:
            assert time.monotonic() < deadline, jobs.client.explain(name)
            time.sleep(0.05)
        if starts == 1:
            jobs.client.suspend_job(name)
            assert jobs.has(jobs.wait(name, "Suspended"), "Suspended")
            assert f"client.resume_job({name!r})" in jobs.client.explain(name)
    (shared.path / "go").touch()

    assert jobs.has(jobs.wait(name), "Complete")
    assert len(list(shared.path.glob("start-*"))) == 2
    with pytest.raises(InvalidInput, match="ended cannot be|has ended|is Complete"):
        jobs.client.suspend_job(name)


@row("`get_job_metrics` reads metrics of the log, `get_job_events` tells what happened")
def test_metrics_and_events_are_there_after_the_end(client: TrainerClient, plain: Runtime, tmp_path: Path) -> None:
    name = client.train(plain, train_func=tell_losses)
    job = client.wait_for_job_status(name, timeout=WAIT)

    assert client.get_job_metrics(name).latest("loss") == 0.25
    assert "Created" in [event.reason for event in client.get_job_events(name)]
    assert client.get_job(job).steps[0].name == "node-0"
    assert f"TrainJob {name!r} is Complete" in client.explain(name)
    page = client.report(name, tmp_path).read_text("utf-8")
    assert page.count('class="kf-life"') == 1
    assert "figcaption" in page
    assert "its last" in page  # lines of its log

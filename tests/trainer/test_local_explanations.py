"""What `explain` says of local jobs: each kind of end has the remedy that fits it, and no other."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    CustomTrainer,
    JobWaitTimeout,
    LocalProcessBackendConfig,
    TrainerClient,
    options,
)
from tests.local.conftest import wait_for
from tests.trainer.runtimes import PLAIN

WAIT = 60  # seconds


@pytest.fixture
def config(local_config: LocalProcessBackendConfig) -> LocalProcessBackendConfig:
    """Of all backends, this machine's."""
    return local_config


def explained(client: TrainerClient, name: str) -> str:
    assert client.wait_for_job_status(name, {"Failed"}, timeout=WAIT).status == "Failed"
    return client.explain(name)


def crash() -> None:
    import ctypes

    ctypes.string_at(0)


def leave_in_silence() -> None:
    import os

    os._exit(7)


def sleep() -> None:
    import time

    time.sleep(600)


def test_a_crash_in_native_code_says_how_to_find_it(client: TrainerClient) -> None:
    text = explained(client, client.train(PLAIN, train_func=crash))

    assert "rank 0 (node-0) was killed by SIGSEGV" in text
    assert "PYTHONFAULTHANDLER" in text


def test_a_function_that_says_nothing_is_asked_to_say_something(client: TrainerClient) -> None:
    text = explained(client, client.train(PLAIN, train_func=leave_in_silence))

    assert "rank 0 (node-0) exited with code 7" in text
    assert "wrote nothing" in text
    assert "Look at the lines above" not in text


def test_a_deadline_names_the_option_that_gives_more_time(client: TrainerClient) -> None:
    text = explained(client, client.train(PLAIN, train_func=sleep, options=[options.ActiveDeadlineSeconds(1)]))

    assert "it was active for longer than 1 s" in text
    assert "options.ActiveDeadlineSeconds" in text


def test_an_environment_that_cannot_be_built_names_the_log_of_its_installer(
    client: TrainerClient, tmp_path: Path
) -> None:
    name = client.train(
        PLAIN, train_func=sleep, packages_to_install=["kubeflow-test-none"], pip_index_urls=[tmp_path.as_uri()]
    )

    text = explained(client, name)

    remedies = text.partition("What to try:")[2]
    assert "environment.log has all that it said" in remedies
    assert "Look at the lines above" not in remedies


def test_a_job_cannot_run_in_a_directory_that_is_gone(
    client: TrainerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(InvalidInput, match="has been deleted"):
        client.train(PLAIN, train_func=sleep)

    assert client.list_jobs() == []


def test_more_memory_than_there_is_is_noted(client: TrainerClient) -> None:
    name = client.train(PLAIN, train_func=sleep, resources_per_node={"memory": "1Pi"}, options=[options.Suspend()])

    assert "MemoryNotThere: each node asks for 1,125,899,906,842,624 bytes" in client.explain(name)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has another limit")
def test_a_temporary_directory_in_which_loaders_hang_is_noted(
    client: TrainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for length in (75, 76):
        monkeypatch.setenv("TMPDIR", "/tmp/".ljust(length, "x"))
        name = client.train(PLAIN, train_func=sleep, options=[options.Suspend()])
        told.append("LongTMPDIR: TMPDIR has 76 bytes" in client.explain(name))
    short = client.train(PLAIN, trainer=CustomTrainer(sleep, env={"TMPDIR": "/tmp"}), options=[options.Suspend()])

    assert told == [False, True]
    assert "LongTMPDIR" not in client.explain(short)


def test_a_job_that_waits_for_others_says_how_many_and_how_more_can_run(
    local_config: LocalProcessBackendConfig,
) -> None:
    client = TrainerClient(replace(local_config, max_jobs=1))
    first, second, third = (client.train(PLAIN, train_func=sleep) for _ in range(3))
    client.wait_for_job_status(first, {"Running"}, timeout=WAIT)
    wait_for(lambda: "WaitingForJobs" in [event.reason for event in client.get_job_events(third)])

    with pytest.raises(JobWaitTimeout) as caught:
        client.wait_for_job_status(third, {"Running"}, timeout=0.5)

    assert client.get_job(third).status == "Created"
    text = client.explain(third)
    for words in (str(caught.value), text):
        assert "waiting for 2 other jobs of this machine: at most 1 run at once" in words
        assert "1 other job(s) run now, and 1 wait before it" in words
        assert "max_jobs= of the client's configuration or KUBEFLOW_MAX_JOBS" in words
    client.delete_job(second)
    assert "1 other job(s) run now, and 0 wait before it" in client.explain(third)
    client.delete_job(first)
    assert client.wait_for_job_status(third, {"Running"}, timeout=WAIT).status == "Running"
    client.delete_job(third)

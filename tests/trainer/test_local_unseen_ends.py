"""Torch jobs that end while their supervisor looks away, and is killed: what clients say is what the ranks have done."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from kubeflow.local.store.store import Store
from kubeflow.trainer import JobFailed, LocalProcessBackendConfig, TrainerClient

WAIT = 120  # seconds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the death signal of a parent")


@pytest.fixture
def config(local_config: LocalProcessBackendConfig) -> LocalProcessBackendConfig:
    """Of all backends, this machine's."""
    return local_config


def at_go(go: str, fails: bool) -> int:
    import time
    from pathlib import Path

    print("up")
    while not Path(go).exists():
        time.sleep(0.02)
    if fails:
        raise ValueError("boom")
    return 42


def end_unseen(client: TrainerClient, state: Path, go: Path, *, fails: bool) -> str:
    """Run a job whose supervisor is stopped before its rank ends, and killed after."""
    name = client.train(train_func=at_go, func_args={"go": str(go), "fails": fails})
    assert next(client.get_job_logs(name, follow=True)) == "up"
    record = Store(state).find(name)
    assert record is not None
    assert record.supervisor is not None
    os.kill(record.supervisor.pid, signal.SIGSTOP)
    go.touch()
    word = record.directory / "node-0" / "rank-0.exit"
    deadline = time.monotonic() + WAIT
    while not (word.exists() and word.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(record.supervisor.pid, signal.SIGKILL)
    return name


def test_a_job_that_had_done_its_work_is_complete_and_has_its_result(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    name = end_unseen(client, Path(str(local_config.state_dir)), tmp_path / "go", fails=False)

    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert client.get_job_result(name) == 42
    assert "SupervisorKilled" in client.explain(name)


def test_a_job_that_had_failed_says_of_what(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    name = end_unseen(client, Path(str(local_config.state_dir)), tmp_path / "go", fails=True)

    with pytest.raises(JobFailed, match=r"rank 0 \(node-0\) raised ValueError: boom") as failure:
        client.wait_for_job_status(name, timeout=WAIT)
    assert (failure.value.rank, failure.value.node) == (0, 0)
    assert failure.value.exception == "ValueError: boom"

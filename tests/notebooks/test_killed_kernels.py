"""A kernel is killed in the middle of a job of this machine; the notebook finds the job again after its restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.locked_environment import ROOT
from tests.notebooks.notebook_runs import kernel_for, sockets

SUBMIT = """
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

FACTOR = 3


def wait_and_double(file: str, number: int) -> int:
    import time
    from pathlib import Path

    print("waiting", flush=True)
    while not Path(file).exists():
        time.sleep(0.02)
    return FACTOR * number

client = TrainerClient(LocalProcessBackendConfig())
job = client.train(train_func=wait_and_double, func_args={"file": FILE, "number": 14})
print(next(iter(client.get_job_logs(job, follow=True))))
client.wait_for_job_status(job)
"""
FIND = """
from pathlib import Path
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

client = TrainerClient(LocalProcessBackendConfig())
[job] = client.list_jobs()
before = job.status
Path(FILE).touch()
after = client.wait_for_job_status(job)
print(before, after.status, client.get_job_result(job))
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KernelManager]:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'generated'}")
    kernel_for(tmp_path / "jupyter")
    manager = KernelManager(kernel_name="kubeflow-tests", config=sockets(tmp_path))
    manager.start_kernel(cwd=str(tmp_path))
    yield manager
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def until_printed(client: BlockingKernelClient, code: str, words: str) -> str:
    """Execute a cell, and return what it has printed as soon as that has `words`; the cell may still run."""
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute(code)
    printed, deadline = "", time.monotonic() + 60
    while words not in printed:
        message = client.get_iopub_msg(timeout=deadline - time.monotonic())
        assert message["msg_type"] != "error", message["content"]
        printed += message["content"].get("text", "")
    client.stop_channels()
    return printed


def test_a_restarted_notebook_finds_the_job_that_its_kernel_was_killed_over(
    kernel: KernelManager, tmp_path: Path
) -> None:
    given = f"FILE = {str(tmp_path / 'go')!r}\n"
    until_printed(kernel.client(), given + SUBMIT, "waiting")

    kernel.restart_kernel(now=True)  # SIGKILL to the kernel and its process group, while a cell waits for the job

    assert until_printed(kernel.client(), given + FIND, "\n").split() == ["Running", "Complete", "42"]

"""Ctrl-C: it ends waiting and reading, never the job, and says how to come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

SCRIPT = """
import sys, threading, time
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
def train():
    import time
    print("up", flush=True)
    time.sleep(600)
def tell(function):
    while True:
        frame, names = sys._current_frames()[threading.main_thread().ident], []
        while frame is not None:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        if function in names:
            break
        time.sleep(0.01)
    print("inside", flush=True)
client = TrainerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))
client.train(name="job", train_func=train)
for line in client.get_job_logs("job", follow=True):
    print(line, flush=True)
    function = {"waiting": "next_change", "reading": "read_lines"}[sys.argv[2]]
    threading.Thread(target=tell, args=(function,), daemon=True).start()
    if sys.argv[2] == "waiting":
        client.wait_for_job_status("job")
"""


@pytest.fixture
def config(local_config: LocalProcessBackendConfig) -> LocalProcessBackendConfig:
    """Of all backends, this machine's."""
    return local_config


@pytest.mark.parametrize("what", ["waiting", "reading"])
def test_an_interrupted_client_leaves_its_job_and_says_how_to_come_back(
    client: TrainerClient, local_config: LocalProcessBackendConfig, tmp_path: Path, what: str
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), str(local_config.state_dir), what],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "up\n"
        assert script.stdout.readline() == "inside\n"  # it has gone from this line into waiting for the next
        os.killpg(script.pid, signal.SIGINT)  # as a terminal does, to all processes in front
        _, said = script.communicate(timeout=60)

    assert "KeyboardInterrupt" in said
    assert f"stopped {what}; TrainJob job goes on. Come back with client.wait_for_job_status('job')" in said
    assert client.wait_for_job_status("job", {"Running"}, timeout=60).status == "Running"

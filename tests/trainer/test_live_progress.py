"""Real jobs of this machine, waited for and read along with in a real terminal of 40 columns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from kubeflow.trainer.jobs.job_progress import job_parts, job_text, time_left
from tests.notebooks.notebook_runs import sockets
from tests.terminals import Pty, Seen
from tests.test_reprs import JOB

# One program for all tests: a job that is read along with and waited for, then one whose waiting is interrupted.
PROGRAM = """
import signal, sys
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

def train(folder: str):
    import time
    from pathlib import Path
    from kubeflow.trainer.jobs.progress import update_trainjob_status
    for number in range(3):
        update_trainjob_status(progress_percent=30 * number, metrics={"loss": 0.5 / (number + 1)})
        while not Path(folder, f"go-{number}").exists():
            time.sleep(0.02)
        print(f"epoch {number}: " + "x" * 50, flush=True)
    while not Path(folder, "go-3").exists():
        time.sleep(0.02)

def sleep():
    import time
    time.sleep(600)

client = TrainerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))
name = client.train(train_func=train, func_args={"folder": sys.argv[2]}, name="train-with-a-name-that-is-long")
lines = client.get_job_logs(name, follow=True)
for line in lines:
    print(line)
    if "epoch 2" in line:
        break
lines.close()
client.wait_for_job_status(name, callbacks=[lambda job: None])
print(client.list_jobs())
print("again, silently")
client.wait_for_job_status(name, progress=False)
print("second", flush=True)
client.train(train_func=sleep, name="second")
try:
    client.wait_for_job_status("second")
finally:
    client.delete_job("second")
"""


@dataclass
class Session:
    text: str
    code: int
    plain: str  # what a pipe got


def logged(epoch: int, text: str) -> bool:
    return f"epoch {epoch}:" in text


def drawn_below(epoch: int, text: str) -> bool:
    """Return whether the progress that an epoch begins with is drawn, below the line of the epoch before."""
    return (epoch == 0 or logged(epoch - 1, text)) and f" {30 * epoch} %" in text.rpartition("epoch")[2]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("live")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "KUBEFLOW_PROGRESS": "auto"}
    command = [sys.executable, str(program), str(folder / "state"), str(folder)]
    with Pty(command, columns=40, environment=environment) as terminal:
        # The job goes on when what belongs before is seen.
        for number in range(3):
            terminal.read_until(partial(drawn_below, number))
            if number == 2:
                terminal.resize(30)
            (folder / f"go-{number}").touch()
        terminal.read_until(partial(logged, 2))
        terminal.read_until(lambda text: "Running" in text.partition("epoch 2")[2])
        (folder / "go-3").touch()
        terminal.read_until(lambda text: re.search(r"second\r\n.*second Running", text, re.DOTALL) is not None)
        terminal.press(b"\x03")
        text = terminal.read_all()
        code = terminal.process.returncode
    script = (
        "import sys; from kubeflow.trainer import *; client = TrainerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]));"
        "name = 'train-with-a-name-that-is-long'; client.wait_for_job_status(name);"
        "client.wait_for_job_status(name, progress=True); print(*client.get_job_logs(name, follow=True), sep='\\n')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(folder / "state")],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Session(text, code, f"{result.stderr}--\n{result.stdout}")


def test_the_log_stands_whole_and_nothing_else_between(session: Session) -> None:
    logs = Seen(40).write(session.text.partition("again, silently")[0].partition("Name")[0]).lines
    told = "\n".join(logs)
    for number in range(3):
        first, rest = f"epoch {number}: " + "x" * 31, "x" * 19
        assert f"{first}\n{rest}" in told, told
    assert "▶" not in told
    assert logs[-1].startswith("✓ train-with")
    assert "Complete" in logs[-1]


def test_a_line_says_status_percent_and_metrics_within_the_width(session: Session) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", session.text)
    drawn = re.findall(r"▶ [^\r\n\x1b]*", plain)
    assert any("train-with-a-n… Running" in line and "30 %" in line for line in drawn), drawn
    assert any("1/1 nodes" in line for line in drawn), drawn
    assert max(map(len, drawn)) <= 39
    later = plain.partition("epoch 2")[2]  # after the terminal became narrower
    assert max(map(len, re.findall(r"▶ [^\r\n\x1b^]*", later))) <= 29
    assert "\x1b[36m▶\x1b[0m" in session.text or os.environ.get("NO_COLOR")


def test_jobs_are_listed_in_a_line_each(session: Session) -> None:
    listed = session.text.replace("\r\n", "\n")
    assert re.search(
        r"^Name +Status +Nodes +Done +Runtime +Age +Metrics\ntrain-with-a-name-that-is-long +Complete", listed, re.M
    )


def test_progress_false_is_silent(session: Session) -> None:
    between = session.text.partition("again, silently\r\n")[2].partition("second\r\n")[0]
    assert between == ""


def test_ctrl_c_clears_the_line_and_says_how_to_come_back(session: Session) -> None:
    end = Seen(2000).write(session.text.partition("second\r\n")[2]).lines
    assert session.code != 0
    assert end[0].startswith("stopped waiting; TrainJob second goes on.")
    assert "KeyboardInterrupt" in end[-1]
    assert not any("▶" in line for line in end)


def test_a_pipe_is_told_nothing_unless_it_is_asked_for(session: Session) -> None:
    told, _, printed = session.plain.partition("--\n")
    assert told.splitlines() == ["✓ train-with-a-name-that-is-long Complete · 60 % · loss=0.166667"]
    assert [line[:8] for line in printed.splitlines()] == ["epoch 0:", "epoch 1:", "epoch 2:"]


CELLS = (
    """
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
def train():
    from kubeflow.trainer.jobs.progress import update_trainjob_status
    import time
    update_trainjob_status(progress_percent=50)
    time.sleep(1)
    print("epoch 0", flush=True)
client = TrainerClient(LocalProcessBackendConfig(state_dir=STATE))
name = client.train(train_func=train, name="job")
for line in client.get_job_logs(name, follow=True):
    print(line)
""",
    "job = client.wait_for_job_status(name)",
    "client.list_jobs()",
)


def test_a_real_kernel_shows_progress_beside_the_log_and_its_last_state_stays(tmp_path: Path) -> None:
    first, *others = CELLS
    made: Any = nbformat.v4
    cells = [made.new_code_cell(cell) for cell in (f"STATE = {str(tmp_path / 'state')!r}\n{first}", *others)]
    book = made.new_notebook(cells=cells)
    NotebookClient(book, timeout=120, kernel_name="python3", config=sockets(tmp_path)).execute()

    followed, waited, listed = ([dict(output) for output in cell["outputs"]] for cell in book["cells"])
    (shown,) = [output for output in followed if output["output_type"] == "display_data"]
    assert shown["data"]["text/plain"] == "✓ job Complete · 50 %"  # one output, replaced until the end
    assert "✓ job Complete" in shown["data"]["text/html"]
    assert "".join(output["text"] for output in followed if output["output_type"] == "stream") == "epoch 0\n"
    assert [output["data"]["text/plain"] for output in waited] == ["✓ job Complete · 50 %"]
    assert "<table>" in listed[0]["data"]["text/html"]


def test_time_left_comes_from_what_the_job_says() -> None:
    now = JOB.creation_timestamp + timedelta(seconds=120)
    assert time_left(replace(JOB, estimated_remaining_seconds=7), now) == 7
    assert time_left(JOB, now) == pytest.approx(180)  # 40 % in 120 s
    for job in (replace(JOB, progress=None), replace(JOB, progress=0), replace(JOB, status="Suspended")):
        assert time_left(job, now) is None
    parts = job_parts(replace(JOB, metrics={"loss": 0.25}), 80, now)
    assert [part for part in parts if part] == [
        "▶ train-3f2a Running", "40 %", "about 3 min left", "100/100 nodes", "loss=0.25", "2 min so far",
    ]  # fmt: skip
    fetching = replace(JOB, steps=[replace(JOB.steps[0], name="dataset-initializer")], progress=None)
    assert "dataset-initializer runs" in job_parts(fetching, 80, now)
    text = job_text()
    assert [len(text.news(replace(JOB, progress=percent))) for percent in (40, 41, 50)] == [1, 0, 1]

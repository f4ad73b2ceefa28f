"""A search whose processes are killed at random: nothing is lost, nothing runs twice, nothing is left over.

`python -m tests.optimizer.client.study_campaign ROUNDS [SEED]` runs it by hand.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.optimizer import OptimizationNotFound, OptimizerClient
from kubeflow.optimizer.types.optimization_types import ENDED, OptimizationJob
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

TRIALS = 6
KILLS = 8
_CLIENTS = 0.15  # of the kills; a client takes long to start, and the rest goes on without it
LATEST = 300.0  # seconds after which a search must have ended, on a machine with much else to do

_CLIENT = f"""
import sys
from kubeflow.optimizer import GridSearch, OptimizerClient, Search, TrialConfig
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig
from tests.optimizer.client.trial_functions import once
client = OptimizerClient(LocalProcessBackendConfig(state_dir=sys.argv[1], grace=1))
client.optimize(
    CustomTrainer.call(once, x=Search.int(0, {TRIALS - 1}), where=sys.argv[2]),
    name="study", resume=True, algorithm=GridSearch(), trial_config=TrialConfig({TRIALS}, 2),
)
client.wait_for_job_status("study", {{"Complete", "Failed"}}, timeout=300)
"""


def play(folder: Path, seed: int) -> Counter[str]:
    """Run one search while its processes are killed; return how many of each kind were."""
    draw = random.Random(seed)
    state, marks = folder / "state", folder / "marks"
    config = LocalProcessBackendConfig(state_dir=state, grace=1)
    killed: Counter[str] = Counter()
    running = _client(state, marks)
    deadline = time.monotonic() + LATEST
    next_kill = time.monotonic() + draw.uniform(0.2, 2.0)
    while (job := _seen(config)) is None or job.status not in ENDED:
        assert time.monotonic() < deadline, f"seed {seed}: {job} after {killed}; files in {state}"
        if running.poll() is not None:
            running = _client(state, marks)
        # In every other round not before there is a trial: else what drives the search is killed before it makes any.
        begins = seed % 2 == 0 or (job is not None and bool(job.trials))
        if begins and sum(killed.values()) < KILLS and time.monotonic() >= next_kill:
            next_kill = time.monotonic() + draw.uniform(0.2, 2.0)
            victims: dict[str, list[int]] = {}
            for found, pid in _processes(state):
                victims.setdefault(found, []).append(pid)
            if draw.random() < (_CLIENTS if victims else _CLIENTS / 5):  # mostly once there is more than it
                victims = {"client": [running.pid]}
            if victims:
                kind = min(sorted(victims), key=lambda each: (killed[each], draw.random()))  # all kinds, evenly
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(draw.choice(victims[kind])).kill()
                    killed[kind] += 1
        time.sleep(0.02)
    running.wait(60)
    _check(job, marks, config, f"seed {seed}, killed {dict(killed)}")
    OptimizerClient(config).delete_job("study")
    deadline = time.monotonic() + LATEST
    while left := list(_processes(state)):  # a fork server sees that its owner is gone, and ends
        assert time.monotonic() < deadline, f"seed {seed}: {left}"
        time.sleep(0.02)
    return killed


def _check(job: OptimizationJob, marks: Path, config: LocalProcessBackendConfig, words: str) -> None:
    assert [trial.number for trial in job.trials] == list(range(TRIALS)), words  # nothing is lost
    assert [trial.parameters["x"] for trial in job.trials] == list(range(TRIALS)), words
    assert {trial.status for trial in job.trials} <= {"Complete", "Failed"}, words
    runs = Counter(marks.read_text().split()) if marks.exists() else Counter[str]()
    assert set(runs.values()) <= {1}, f"{words}: {runs}"  # nothing ran twice
    for trial in job.trials:
        if trial.status == "Complete":
            assert runs[str(trial.parameters["x"])] == 1, words
            assert trial.metrics[0].latest == trial.parameters["x"], words
        else:
            assert trial.reason, words
    jobs = {found.name for found in TrainerClient(config).list_jobs()}
    assert jobs == {trial.name for trial in job.trials}, words


def _client(state: Path, marks: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _CLIENT, str(state), str(marks)], stderr=subprocess.DEVNULL)


def _seen(config: LocalProcessBackendConfig) -> OptimizationJob | None:
    try:
        return OptimizerClient(config).get_job("study")
    except OptimizationNotFound:
        return None


def _processes(state: Path) -> Iterator[tuple[str, int]]:
    """Yield what each process of this state directory is, and its pid."""
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            is_driver = _drives(process)
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
        except (psutil.Error, OSError):
            continue
        supervised, mark = environ.get(SUPERVISES, ""), environ.get(MARK, "")
        if supervised.startswith(f"{state}/searches/"):
            yield "driver's supervisor", process.pid
        elif supervised == f"{state}/jobs" and _is_of_driver(process):
            yield "fork server", process.pid
        elif supervised.startswith(f"{state}/"):
            yield "trial's supervisor", process.pid
        elif mark.startswith(f"{state}/searches/"):
            yield "driver" if is_driver else "driver's shell", process.pid
        elif mark.startswith(f"{state}/"):
            yield "rank", process.pid


def _drives(process: psutil.Process) -> bool:
    return any("study_driver" in word for word in process.cmdline()[:8])


def _is_of_driver(process: psutil.Process) -> bool:
    """True for a child of a driver: supervisors that it forks are nobody's."""
    with contextlib.suppress(psutil.Error):
        parent = process.parent()
        return parent is not None and _drives(parent)
    return False


if __name__ == "__main__":
    rounds, first = int(sys.argv[1]), int((sys.argv[2:] or ["1"])[0])
    total: Counter[str] = Counter()
    for each in range(first, first + rounds):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="study-campaign-") as place:
            total += play(Path(place), each)
        print(f"seed {each}: {time.monotonic() - began:.1f} s, killed so far {dict(total)}", flush=True)

"""Torch jobs in which something is killed at a random moment: what clients then say is what the ranks have really done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kubeflow.local.executors.processes import members
from kubeflow.local.store.store import Store
from kubeflow.trainer import JobFailed, LocalProcessBackendConfig, TrainerClient

ROOT = Path(__file__).parents[2]
WAIT = 180  # seconds
RANKS = 2
SEED = os.environ.get("KUBEFLOW_FAULT_SEED", "0")


def work(witness: str) -> None:
    """Bear witness of the start and of the end of this rank, which has work until it may go."""
    import os
    import time
    from pathlib import Path

    def say(what: str) -> None:
        with Path(witness, f"{os.environ['RANK']}.{what}").open("a") as file:
            file.write(f"{os.getpid()}\n")

    say("started")
    while not Path(witness, "go").exists():
        time.sleep(0.02)
    say("ended")


SUBMIT = """
import sys
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient
from tests.trainer.test_killed_jobs import work
client = TrainerClient(LocalProcessBackendConfig(state_dir=sys.argv[1]))
client.train(name="job", train_func=work, func_args={"witness": sys.argv[2]}, num_proc_per_node=2)
print("submitted", flush=True)
sys.stdin.read()
"""


class Stage:
    """One job and its witness."""

    def __init__(self, config: LocalProcessBackendConfig, directory: Path, chance: random.Random) -> None:
        self.client = TrainerClient(config)
        self.witness = directory
        self._state = Path(str(config.state_dir))
        self._chance = chance

    def submit(self) -> None:
        """Submit it, by a client that is killed once it has done so."""
        command = [sys.executable, "-c", SUBMIT, str(self._state), str(self.witness)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "submitted\n"
            client.kill()

    def go(self) -> None:
        """Let the ranks get to their end."""
        (self.witness / "go").touch()

    def said(self, what: str) -> list[list[str]]:
        """Return who said so, for each rank."""
        paths = [self.witness / f"{rank}.{what}" for rank in range(RANKS)]
        return [path.read_text().split() if path.exists() else [] for path in paths]

    def until_ranks_run(self) -> None:
        deadline = time.monotonic() + WAIT
        while not all(self.said("started")):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def pause(self, longest: float) -> None:
        time.sleep(self._chance.uniform(0, longest))

    def supervisor(self) -> int:
        record = Store(self._state).find("job")
        assert record is not None
        assert record.supervisor is not None
        return record.supervisor.pid

    def processes(self) -> list[psutil.Process]:
        record = Store(self._state).find("job")
        return [] if record is None else members(record.mark)


def kill_nobody(stage: Stage) -> str:
    stage.go()
    return "Complete"


def kill_the_supervisor(stage: Stage) -> str:
    stage.pause(1)
    os.kill(stage.supervisor(), signal.SIGKILL)
    return r"its supervisor \(process \d+\) was killed"


def kill_a_rank(stage: Stage) -> str:
    stage.until_ranks_run()
    stage.pause(0.5)
    rank = int(stage.said("started")[1][-1])
    os.kill(rank, signal.SIGKILL)
    return "rank 1.*SIGKILL"


def kill_the_launcher(stage: Stage) -> str:
    stage.until_ranks_run()
    stage.pause(0.5)
    (launcher,) = [process for process in stage.processes() if "torch.distributed.run" in process.cmdline()[:6]]
    launcher.kill()
    return "SIGKILL"


def suspend_and_resume(stage: Stage) -> str:
    stage.pause(1)
    stage.client.suspend_job("job")
    assert stage.processes() == []
    stage.client.resume_job("job")
    stage.go()
    return "Complete"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the launcher by its command line")
@pytest.mark.parametrize(
    "fault", [kill_nobody, kill_the_supervisor, kill_a_rank, kill_the_launcher, suspend_and_resume]
)
def test_a_status_is_what_the_ranks_have_really_done(
    fault: Callable[[Stage], str], local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    stage = Stage(local_config, tmp_path, random.Random(f"{SEED}/{fault.__name__}"))
    stage.submit()
    says = fault(stage)

    if says == "Complete":
        assert stage.client.wait_for_job_status("job", timeout=WAIT).status == "Complete"
        assert [ended[-1:] for ended in stage.said("ended")] == [begun[-1:] for begun in stage.said("started")]
        assert all(stage.said("ended"))
    else:
        with pytest.raises(JobFailed, match=f"(?s){says}"):
            stage.client.wait_for_job_status("job", timeout=WAIT)
        assert not all(stage.said("ended"))
    assert stage.processes() == []
    assert [job.name for job in stage.client.list_jobs()] == ["job"]
    stage.client.delete_job("job")

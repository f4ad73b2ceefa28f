"""A job that is told to end saves its checkpoint, however it is told and wherever it runs: the handler of each rank has
the workers of its DataLoader, and nothing of the job is left afterwards.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from kubeflow.packaging import parse_outcome
from kubeflow.trainer import (
    CustomTrainer,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
    options,
)
from tests.cluster.kubelet import MARK, Exit, ProcessLife, open_log
from tests.local.conftest import has_ended
from tests.trainer.runtimes import PLAIN

pytest.importorskip("torch")

WAIT = 120  # seconds
RANKS = 2
GRACE = 10  # seconds in which handlers surely begin that then do not end
Way = Callable[..., None]


def train(place: str, way: str, context: str, persistent: bool) -> None:
    """Loads batches by two workers for ever. Told to end, it loads more of them, and writes the last one into `place`."""
    import os
    import signal
    import time
    import types
    from pathlib import Path

    from torch.utils.data import DataLoader

    rank = os.environ.get("RANK", "0")
    told: list[int] = []
    loader: DataLoader[int] = DataLoader(
        range(10**6),  # type: ignore[arg-type]
        2,
        num_workers=2,
        multiprocessing_context=context,
        persistent_workers=persistent,
    )

    def save() -> None:
        more = [next(batches).tolist() for _ in range(8)]  # more than were loaded ahead
        assert [b - a for a, b in more] == [1] * 8
        with Path(place, f"saved-{rank}").open("a") as file:
            file.write(f"{len(told)}\n")

    def handler(number: int, frame: types.FrameType | None) -> None:
        told.append(number)
        if way == "flag" or len(told) > 1:
            return
        if way == "slow":
            Path(place, f"told-{rank}").touch()
            while len(told) < 2:
                time.sleep(0.01)
        if way == "never":
            Path(place, f"saved-{rank}").write_text("begun")
            time.sleep(600)
        save()
        if way == "raises":
            raise RuntimeError("after the checkpoint")
        raise SystemExit(0)

    batches = iter(loader)
    next(batches)
    if persistent:
        for _, _ in zip(range(3), batches, strict=False):
            pass
        batches = iter(loader)  # a second epoch, with the workers of the first
    signal.signal(signal.SIGTERM, handler)
    Path(place, f"ready-{rank}.part").write_text(str(os.getpid()))
    Path(place, f"ready-{rank}.part").rename(Path(place, f"ready-{rank}"))
    while not told:
        if way == "flag":  # a handler that loads must not interrupt the loading: both wait for one lock then
            next(batches)
        time.sleep(0.01)
    save()


def arguments(place: Path, way: str = "handler", context: str = "fork", persistent: bool = False) -> dict[str, object]:
    return {"place": str(place), "way": way, "context": context, "persistent": persistent}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(place: Path, ranks: int) -> list[psutil.Process]:
    """Wait until all ranks load, and return them with their workers."""
    files = [place / f"ready-{rank}" for rank in range(ranks)]
    until(lambda: all(file.exists() for file in files))
    pids = [int(file.read_text()) for file in files]
    found = [
        process for pid in pids for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    assert len(found) >= 3 * ranks
    return found


def saved(place: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(place.glob("saved-*"))}


ALL_SAVED = {f"saved-{rank}": "1\n" for rank in range(RANKS)}


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if not has_ended(each)]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[TrainerClient]:
    client = TrainerClient(LocalProcessBackendConfig(state_dir=tmp_path / "state", grace=60))
    yield client
    for job in client.list_jobs():
        client.delete_job(job.name)


def supervisor_of(client: TrainerClient, name: str) -> psutil.Process:
    return next(
        process
        for process in psutil.process_iter()
        if "kubeflow.local.supervision" in "".join(words := command_of(process)) and f"/{name}-" in " ".join(words)
    )


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def delete(client: TrainerClient, name: str) -> None:
    client.delete_job(name)


def suspend(client: TrainerClient, name: str) -> None:
    client.suspend_job(name)
    client.wait_for_job_status(name, {"Suspended"}, timeout=WAIT)


def outlive(client: TrainerClient, name: str) -> None:
    """The job's deadline ends it."""
    client.wait_for_job_status(name, {"Failed"}, timeout=WAIT)


def shut_down(client: TrainerClient, name: str) -> None:
    """The machine is shut down: the supervisor gets SIGTERM."""
    supervisor_of(client, name).terminate()
    client.wait_for_job_status(name, {"Failed"}, timeout=WAIT)


@pytest.mark.parametrize("end", [delete, suspend, outlive, shut_down])
def test_a_local_job_of_two_ranks_saves_its_checkpoints(
    local: TrainerClient, end: Callable[[TrainerClient, str], None], tmp_path: Path
) -> None:
    limit = [options.ActiveDeadlineSeconds(30)] if end is outlive else []
    trainer = CustomTrainer(train, func_args=arguments(tmp_path), num_nodes=1, num_proc_per_node=RANKS)
    name = local.train(name=f"saves-{uuid4().hex[:12]}", trainer=trainer, options=limit)  # no other test's job has it
    processes = started(tmp_path, RANKS)

    end(local, name)

    assert saved(tmp_path) == ALL_SAVED
    until(lambda: not living(processes))


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("persistent", [False, True], ids=["", "persistent"])
def test_so_do_ranks_whose_workers_were_started_in_another_way(
    local: TrainerClient, context: str, persistent: bool, tmp_path: Path
) -> None:
    given = arguments(tmp_path, "flag" if persistent else "handler", context, persistent)
    name = local.train(PLAIN, trainer=CustomTrainer(train, func_args=given))
    processes = started(tmp_path, 1)

    suspend(local, name)

    assert saved(tmp_path) == {"saved-0": "1\n"}
    until(lambda: not living(processes))


def test_a_handler_that_does_not_end_is_killed_with_its_workers_after_the_grace(
    local: TrainerClient, tmp_path: Path
) -> None:
    client = TrainerClient(LocalProcessBackendConfig(state_dir=tmp_path / "state", grace=GRACE))
    name = client.train(
        trainer=CustomTrainer(train, func_args=arguments(tmp_path, "never"), num_nodes=1, num_proc_per_node=RANKS)
    )
    processes = started(tmp_path, RANKS)
    began = time.monotonic()

    suspend(client, name)

    assert time.monotonic() - began >= GRACE
    assert saved(tmp_path) == {f"saved-{rank}": "begun" for rank in range(RANKS)}
    assert living(processes) == []


class Pod:
    """A pod's container that runs the command of a TrainJob, as a kubelet starts and ends it."""

    def __init__(self, folder: Path, function_arguments: dict[str, object], ranks: int) -> None:
        client = TrainerClient(KubernetesBackendConfig(offline=True))
        runtime = "torch-distributed" if ranks > 1 else "jax-distributed"
        trainer = CustomTrainer(train, func_args=function_arguments, num_nodes=1)
        trainer = replace(trainer, num_proc_per_node=ranks) if ranks > 1 else trainer
        container = client.train(runtime, trainer=trainer, dry_run=True).spec.trainer
        assert container is not None
        environment = {each.name: str(each.value) for each in container.env or ()}
        environment |= {"PET_NNODES": "1", "PET_NPROC_PER_NODE": str(ranks), "PET_NODE_RANK": "0"}
        environment |= {"PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": "0", "OMP_NUM_THREADS": "1"}
        environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TMPDIR": "/tmp"}
        self._ended = threading.Event()
        self._folder = folder
        self.ends: list[Exit] = []
        command = [*(container.command or ()), *(container.args or ())]
        self.life = ProcessLife(command, environment, folder, open_log(folder / "logs", "node"), self._end)

    def _end(self, how: Exit) -> None:
        self.ends.append(how)
        self._ended.set()

    def wait(self) -> Exit:
        assert self._ended.wait(WAIT)
        return self.ends[0]

    def log(self) -> str:
        return (self._folder / "logs/node.log").read_text()

    def first_process(self) -> psutil.Process:
        """The container's process 1."""
        mine = [each for each in psutil.process_iter() if self._is_mine(each)]
        pids = {process.pid for process in mine}
        return next(process for process in mine if process.ppid() not in pids)

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == str(self._folder)
        except psutil.Error:
            return False


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Callable[..., Pod]]:
    pods: list[Pod] = []

    def start(*, ranks: int = RANKS, **given: str | bool) -> Pod:
        pods.append(Pod(tmp_path / "pod", arguments(tmp_path, **given), ranks))  # type: ignore[arg-type]
        return pods[-1]

    yield start
    for each in pods:
        each.life.kill(0)
        each.wait()


@pytest.mark.parametrize(
    ("ranks", "given"),
    [
        (RANKS, {}),
        (RANKS, {"way": "flag"}),
        (1, {}),
        (1, {"context": "spawn"}),
        (1, {"way": "flag", "persistent": True}),
    ],
)
def test_a_pod_that_is_deleted_saves_its_checkpoints(
    pod: Callable[..., Pod], ranks: int, given: dict[str, str], tmp_path: Path
) -> None:
    running = pod(ranks=ranks, **given)
    processes = started(tmp_path, ranks)

    running.life.kill(grace=60)

    end = running.wait()
    assert saved(tmp_path) == {f"saved-{rank}": "1\n" for rank in range(ranks)}, running.log()
    assert ranks > 1 or end.code == 0
    until(lambda: not living(processes))


def test_a_second_signal_while_the_checkpoint_is_written_does_not_end_the_workers(
    pod: Callable[..., Pod], tmp_path: Path
) -> None:
    running = pod(ranks=1, way="slow")
    started(tmp_path, 1)
    first = running.first_process()

    first.send_signal(signal.SIGTERM)
    until((tmp_path / "told-0").exists)  # two that come together are one
    first.send_signal(signal.SIGTERM)

    assert running.wait().code == 0, running.log()
    assert saved(tmp_path) == {"saved-0": "2\n"}


def test_a_pod_that_is_killed_leaves_nothing(pod: Callable[..., Pod], tmp_path: Path) -> None:
    running = pod(way="never")
    processes = started(tmp_path, RANKS)

    running.life.kill(grace=GRACE)

    assert running.wait().code == 137
    assert saved(tmp_path) == {f"saved-{rank}": "begun" for rank in range(RANKS)}
    until(lambda: not living(processes))


def test_a_handler_that_raises_is_the_reported_failure(pod: Callable[..., Pod], tmp_path: Path) -> None:
    running = pod(ranks=1, way="raises")
    started(tmp_path, 1)

    running.life.kill(grace=60)

    end = running.wait()
    assert end.code == 1
    assert saved(tmp_path) == {"saved-0": "1\n"}
    outcome = parse_outcome(end.message)
    assert outcome is not None
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.message) == ("RuntimeError", "after the checkpoint")
    assert "_kubeflow_remote" not in running.log()

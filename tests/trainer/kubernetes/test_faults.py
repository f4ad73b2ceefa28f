"""Jobs under fire: requests and answers are lost, refused, late and cut off, by chance, from creation to deletion.

`KUBEFLOW_FAULT_ROUNDS` says how many jobs, 25 by default; `KUBEFLOW_FAULT_SEED` where chance begins.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest

from kubeflow.cluster import ServerFault, TooManyRequests
from kubeflow.trainer import CustomTrainer, JobNotFound, KubernetesBackendConfig, TrainerClient
from tests.cluster.controller import API
from tests.cluster.faults import RandomFaults, drop_after, expire
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Pod, Scenario, Script
from tests.cluster.stage import Stage, namespace

T = TypeVar("T")

ROUNDS = int(os.environ.get("KUBEFLOW_FAULT_ROUNDS", "25"))
SEED = int(os.environ.get("KUBEFLOW_FAULT_SEED", "1"))
RATE = 0.25
TOGETHER = 8
LINES = 40
DEADLINE = 180  # seconds for a round, which takes about five on a quiet machine


def nothing() -> None:
    pass


@dataclass(frozen=True)
class Told:
    """What a client was told of its job."""

    status: str
    lines: dict[str, list[str]]
    jobs_made: int
    seconds: float


def scenario(fails: bool) -> Scenario:
    """Two nodes that write lines, some with the same time; the second is the last to end, and may fail."""

    def life(pod: Pod) -> Script:
        lines = [f"{pod.index}: line {number:03}" for number in range(LINES)]
        if pod.index == 0:
            return Script(lines, pause=0.02, together=3)
        return Script(lines, pause=0.03, together=3, stays=0.5, exit_code=int(fails))

    return Scenario(run=life)


def one_round(cluster: Stage, folder: Path, seed: int) -> tuple[Told, Counter[str]]:
    home = namespace(cluster.wire, f"fault-{seed}")
    name = f"round-{seed}"
    cluster.controller.scenarios[name] = scenario(fails=seed % 3 == 0)
    front = Proxy(cluster.kubeconfig, logs=cluster.logs)
    try:
        front.chance = RandomFaults(seed, RATE)
        file = front.kubeconfig(folder / f"kubeconfig-{seed}", namespace=home)
        told = live(cluster, KubernetesBackendConfig(config_file=str(file)), home, name)
        return told, front.chance.seen
    finally:
        front.stop()


def live(cluster: Stage, config: KubernetesBackendConfig, home: str, name: str) -> Told:
    started = time.monotonic()
    client = patiently(lambda: TrainerClient(config))
    patiently(lambda: client.train("torch-distributed", name=name, trainer=CustomTrainer(nothing, num_nodes=2)))
    lines: dict[str, list[str]] = {}
    for line in in_pieces(client, name, size=1000 if sum(map(ord, name)) % 2 else 23):
        step, _, text = line.partition("] ")
        lines.setdefault(step.removeprefix("["), []).append(text)
    job = patiently(lambda: client.wait_for_job_status(name, {"Complete", "Failed"}, timeout=DEADLINE))
    made = cluster.wire.items(f"{API}/namespaces/{home}/trainjobs")
    patiently(lambda: client.delete_job(name, wait=True, timeout=DEADLINE))
    assert not cluster.wire.items(f"{API}/namespaces/{home}/trainjobs")
    return Told(job.status, lines, len(made), time.monotonic() - started)


def in_pieces(client: TrainerClient, name: str, size: int) -> Iterator[str]:
    """Yield all lines of a job, leaving its logs after each `size` of them, and taking them up again."""
    position: str | None = None
    count = size
    while count == size:
        lines = patiently(partial(client.get_job_logs, name, step=None, follow=True, after=position))
        count = 0
        for count, line in enumerate(islice(lines, size), 1):  # noqa: B007 - how many there were is needed below
            yield line
        position = lines.position
        lines.close()


def patiently(call: Callable[[], T]) -> T:
    """Do as a user does who reads "the server is busy, try again": but never more than three times."""
    for _ in range(2):
        try:
            return call()
        except (ServerFault, TooManyRequests):
            continue
    return call()


def test_jobs_survive_what_clusters_do(trainer_cluster: Stage, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    with ThreadPoolExecutor(TOGETHER) as pool:
        rounds = {seed: pool.submit(one_round, trainer_cluster, tmp_path, seed) for seed in range(SEED, SEED + ROUNDS)}
        for seed, future in rounds.items():
            try:
                told, faults = future.result(timeout=DEADLINE * (ROUNDS // TOGETHER + 2))
            except Exception as error:  # noqa: BLE001  (all rounds are judged before the test fails)
                wrong.append(f"round {seed}: {type(error).__name__}: {error}")
                continue
            seen += faults
            wrong += [f"round {seed}: {problem}" for problem in judge(seed, told)]
    print(f"{ROUNDS} rounds, {sum(seen.values())} faults: {dict(sorted(seen.items()))}")
    assert not wrong, "\n".join(wrong)
    assert sum(seen.values()) >= ROUNDS  # or nothing was proven


def judge(seed: int, told: Told) -> list[str]:
    """Say what is wrong with what a client was told."""
    found: list[str] = []
    expected = "Failed" if seed % 3 == 0 else "Complete"
    if told.status != expected:
        found.append(f"it ended as {told.status}, not {expected}")
    if told.jobs_made != 1:
        found.append(f"{told.jobs_made} jobs were made")
    for node in (0, 1):
        lines = told.lines.get(f"node-{node}", [])
        written = [f"{node}: line {number:03}" for number in range(LINES)]
        if lines != written:
            lost = sorted(set(written) - set(lines))
            doubled = sorted(line for line, count in Counter(lines).items() if count > 1)
            found.append(f"node {node}: {len(lines)} of {LINES} lines; lost {lost}, doubled {doubled}")
    if told.seconds > DEADLINE:
        found.append(f"it took {told.seconds:.0f} s")
    return found


def test_a_job_whose_creation_was_not_answered_is_made_once(
    trainer_cluster: Stage, front: Proxy, home: str, cluster_config: KubernetesBackendConfig
) -> None:
    trainer_cluster.controller.scenarios["once"] = scenario(fails=False)
    client = TrainerClient(cluster_config)
    front.inject(drop_after(), method="POST", path="/trainjobs")

    name = client.train("torch-distributed", name="once", trainer=CustomTrainer(nothing))

    posts = [request for request in front.requests if request.method == "POST" and "/trainjobs" in request.path]
    assert len(posts) == 2  # the lost one was sent again
    assert [job["metadata"]["name"] for job in trainer_cluster.wire.items(f"{API}/namespaces/{home}/trainjobs")] == [
        name
    ]
    client.delete_job(name)


def test_a_wait_and_a_log_survive_an_expired_version_and_an_expired_token(
    trainer_cluster: Stage, front: Proxy, home: str, tmp_path: Path
) -> None:
    administrator = trainer_cluster.wire.token
    front.tokens = {"first": administrator}
    file = front.kubeconfig(tmp_path / "kubeconfig", token="first", namespace=home)
    trainer_cluster.controller.scenarios["expires"] = scenario(fails=False)
    client = TrainerClient(KubernetesBackendConfig(config_file=str(file)))
    client.train("torch-distributed", name="expires", trainer=CustomTrainer(nothing, num_nodes=2))
    lines = client.get_job_logs("expires", follow=True)
    first = next(lines)

    front.kubeconfig(file, token="second", namespace=home)  # what a plugin or a login does
    front.tokens = {"second": administrator}
    front.inject(expire(after=1), path="watch=", times=3)

    assert client.wait_for_job_status("expires", timeout=DEADLINE).status == "Complete"
    assert [first, *lines] == [f"0: line {number:03}" for number in range(LINES)]
    client.delete_job("expires")


@pytest.mark.parametrize("size", [1000, 9], ids=["at once", "in pieces"])
def test_the_lines_of_all_lives_of_a_container_come_once_and_in_order_whatever_breaks(
    trainer_cluster: Stage, front: Proxy, cluster_config: KubernetesBackendConfig, size: int
) -> None:
    def life(pod: Pod) -> Script:
        lines = [f"life {pod.attempt}: line {number}" for number in range(LINES)]
        return Script(lines, pause=0.02, together=3, exit_code=int(pod.attempt == 0))

    names = [f"again-{size}-{number}" for number in range(TOGETHER // 2)]
    client = TrainerClient(cluster_config)
    for name in names:
        trainer_cluster.controller.scenarios[name] = Scenario(run=life)
        client.train("torch-restarting", name=name, trainer=CustomTrainer(nothing))
    front.chance = RandomFaults(SEED, RATE)

    with ThreadPoolExecutor(TOGETHER) as pool:
        read = list(pool.map(lambda name: list(in_pieces(client, name, size)), names))

    expected = [f"[node-0] life {attempt}: line {number}" for attempt in (0, 1) for number in range(LINES)]
    for lines in read:
        assert lines == expected
    for name in names:
        assert patiently(partial(client.wait_for_job_status, name, timeout=DEADLINE)).status == "Complete"
        patiently(partial(client.delete_job, name))


def test_a_follower_whose_job_is_deleted_is_let_go_though_everything_breaks(
    trainer_cluster: Stage, front: Proxy, cluster_config: KubernetesBackendConfig
) -> None:
    trainer_cluster.controller.scenarios["deleted"] = Scenario(run=lambda _: Script(["up"], stays=None))
    client = TrainerClient(cluster_config)
    client.train("torch-distributed", name="deleted", trainer=CustomTrainer(nothing))
    lines = client.get_job_logs("deleted", follow=True)
    assert next(lines) == "up"
    front.chance = RandomFaults(SEED, RATE)
    patiently(lambda: TrainerClient(cluster_config).delete_job("deleted"))
    started = time.monotonic()
    assert list(lines) == []
    assert time.monotonic() - started < DEADLINE
    front.chance = None
    with pytest.raises(JobNotFound):
        client.get_job("deleted")

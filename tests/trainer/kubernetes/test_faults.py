"""Jobs under fire: requests and answers are lost, refused, late and cut off, by chance, from creation to deletion.

`KUBEFLOW_FAULT_ROUNDS` says how many jobs, 12 by default; `KUBEFLOW_FAULT_SEED` where chance begins.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest

from kubeflow.cluster import ClusterError, ServerFault, TooManyRequests
from kubeflow.trainer import CustomTrainer, JobNotFound, KubernetesBackendConfig, TrainerClient
from tests.cluster.faults import RandomFaults, answer, drop_after, expire
from tests.cluster.forward_proxy import forward_proxy
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Pod, Scenario, Script
from tests.cluster.stage import Stage, namespace
from tests.cluster.trainjobs import API, TYPE
from tests.trainer.kubernetes.fault_rounds import LINES, Round, Told, draw, judge

T = TypeVar("T")

ROUNDS = int(os.environ.get("KUBEFLOW_FAULT_ROUNDS", "12"))
SEED = int(os.environ.get("KUBEFLOW_FAULT_SEED", "1"))
RATE = 0.25
TOGETHER = 8
PASSWORD = "p@ss:w/rd 100% ø"  # not a secret
SECRETS = (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""))
DEADLINE = 180  # seconds for a round, which takes about five on a quiet machine


def nothing() -> None:
    pass


def scenario() -> Scenario:
    """Two nodes that write lines, some with the same time."""
    lives = (
        Script([f"{index}: line {number:03}" for number in range(LINES)], pause=0.02, together=3) for index in (0, 1)
    )
    of_nodes = dict(enumerate(lives))
    return Scenario(run=lambda pod: of_nodes[pod.index])


def one_round(cluster: Stage, folder: Path, round_: Round) -> tuple[list[str], Counter[str]]:
    """Return what was wrong in a round, and how often which fault came."""
    home = namespace(cluster.wire, f"fault-{round_.seed}")
    selected = {"labelSelector": "batch.kubernetes.io/job-completion-index=0"}

    def first_succeeded() -> bool:
        pods = cluster.wire.send("GET", f"/api/v1/namespaces/{home}/pods", query=selected)["items"]
        return any(pod["status"].get("phase") == "Succeeded" for pod in pods)

    cluster.controller.scenarios[round_.name] = round_.scenario(first_succeeded)
    front = Proxy(cluster.kubeconfig, logs=cluster.logs)
    with ExitStack() as stack:
        stack.callback(front.stop)
        front.chance = RandomFaults(round_.seed, RATE)
        if round_.kubelet != "well":
            times = None if round_.kubelet == "for good" else 2 + round_.seed % 4
            front.inject(answer(500, message="the kubelet is not well"), path=round_.unread.pattern, times=times)
        file = front.kubeconfig(folder / f"kubeconfig-{round_.seed}", namespace=home)
        passages = None
        if round_.proxied:
            company = stack.enter_context(forward_proxy("user@corp", PASSWORD))
            file = company.kubeconfig(file, folder / f"kubeconfig-{round_.seed}-proxied")
            passages = company.passages
        told = live(cluster, KubernetesBackendConfig(config_file=str(file)), home, round_)
        problems = judge(round_, told, cluster.logs / home, DEADLINE)
        came = len(front.requests)  # first: each passage is noted before its request
        if passages is not None and len(passages) < came:
            problems.append("requests went past the proxy")
        if passages is not None and not all(passage.let_through for passage in passages):
            problems.append("requests came to the proxy without the password")
        if any(secret in text for text in (*told.logged, told.error, told.explanation) for secret in SECRETS):
            problems.append("the password of the proxy was told")
        return problems, front.chance.seen


def live(cluster: Stage, config: KubernetesBackendConfig, home: str, round_: Round) -> Told:
    """Train, read, wait, ask and delete, as a user does, and return what that user was told."""
    started, name = time.monotonic(), round_.name
    client = patiently(lambda: TrainerClient(config))
    runtime = "torch-distributed" if round_.replaced == "no" else "torch-replacing"
    patiently(lambda: client.train(runtime, name=name, trainer=CustomTrainer(nothing, num_nodes=2)))
    lines: dict[str, list[str]] = {}
    error = meanwhile = ""
    with listening(name) as logged:
        try:
            for line in in_pieces(client, name, round_.size):
                step, _, text = line.partition("] ")
                lines.setdefault(step.removeprefix("["), []).append(text)
                if text == "1.1: line 001":
                    meanwhile = str(patiently(lambda: client.explain(name))).partition("\n")[0]
        except ClusterError as caught:
            error = str(caught)
        if round_.sidecar != "stays":
            patiently(lambda: client.wait_for_job_status(name, {"Complete", "Failed"}, timeout=DEADLINE))
        job = patiently(lambda: client.get_job(name))
        explanation = str(patiently(lambda: client.explain(name)))
    made = cluster.wire.items(f"{API}/namespaces/{home}/trainjobs")
    patiently(lambda: client.delete_job(name, wait=True, timeout=DEADLINE))
    assert not cluster.wire.items(f"{API}/namespaces/{home}/trainjobs")
    steps = [str(step.status) for step in job.steps]
    return Told(job.status, steps, lines, error, meanwhile, explanation, logged, len(made), time.monotonic() - started)


@contextmanager
def listening(job: str) -> Iterator[list[str]]:
    """Yield a list of what the SDK logs of a job meanwhile."""
    found: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if re.search(rf"\b{job}\b", message):
                found.append(message)

    ear, logger = Ear(logging.INFO), logging.getLogger("kubeflow")
    logger.addHandler(ear)
    try:
        yield found
    finally:
        logger.removeHandler(ear)


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


@pytest.fixture
def replacing(trainer_cluster: Stage) -> None:
    """A runtime that makes a pod anew once."""
    runtime = trainer_cluster.wire.send("GET", f"{API}/clustertrainingruntimes/torch-distributed")
    for job in runtime["spec"]["template"]["spec"]["replicatedJobs"]:
        job["template"]["spec"]["backoffLimit"] = 1
    own = {"apiVersion": TYPE["apiVersion"], "kind": "ClusterTrainingRuntime", "metadata": {"name": "torch-replacing"}}
    path = f"{API}/clustertrainingruntimes/torch-replacing"
    trainer_cluster.wire.apply(path, {**own, "spec": runtime["spec"]}, manager="tests")


@pytest.mark.usefixtures("replacing")
def test_jobs_survive_what_clusters_do(trainer_cluster: Stage, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    rounds = [draw(seed) for seed in range(SEED, SEED + ROUNDS)]
    with ThreadPoolExecutor(TOGETHER) as pool:
        futures = [pool.submit(one_round, trainer_cluster, tmp_path, round_) for round_ in rounds]
        for round_, future in zip(rounds, futures, strict=True):
            try:
                problems, faults = future.result(timeout=DEADLINE * (ROUNDS // TOGETHER + 2))
            except Exception as error:  # noqa: BLE001  (all rounds are judged before the test fails)
                wrong.append(f"{round_}: {type(error).__name__}: {error}")
                continue
            seen += faults
            wrong += [f"{round_}: {problem}" for problem in problems]
    print(f"{ROUNDS} rounds, {sum(seen.values())} faults: {dict(sorted(seen.items()))}")
    assert not wrong, "\n".join(wrong)
    assert sum(seen.values()) >= ROUNDS  # or nothing was proven


def test_a_job_whose_creation_was_not_answered_is_made_once(
    trainer_cluster: Stage, front: Proxy, home: str, cluster_config: KubernetesBackendConfig
) -> None:
    trainer_cluster.controller.scenarios["once"] = scenario()
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
    trainer_cluster.controller.scenarios["expires"] = scenario()
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

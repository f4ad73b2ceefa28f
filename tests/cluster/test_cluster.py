"""The test cluster itself: what proves the backend must tell the truth about Trainer, and make the faults that it says."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.apiserver import Refused
from tests.cluster.faults import RandomFaults, answer, cut, delay, drop_after, drop_before, expire
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Pod, Scenario, Script, scripted
from tests.cluster.stage import MISSING, REASON, Stage, stage
from tests.cluster.trainjobs import API
from tests.cluster.until import DEADLINE, until

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

JOBS = f"{API}/namespaces/default/trainjobs"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("oldest"), "2.0") as running:
        yield running


@pytest.fixture
def proxy(cluster: Stage) -> Iterator[Proxy]:
    running = Proxy(cluster.kubeconfig, logs=cluster.logs)
    yield running
    running.stop()


def submit(cluster: Stage, name: str, scenario: Scenario, *, labels: dict[str, str] | None = None, **spec: Any) -> str:
    cluster.controller.scenarios[name] = scenario
    body = {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"runtimeRef": {"name": "torch-distributed"}, "trainer": {"numNodes": 2}, **spec},
    }
    kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob"}
    cluster.wire.send("POST", JOBS, {**kind, **body}, query={"fieldValidation": "Strict"})
    return f"{JOBS}/{name}"


def conditions(cluster: Stage, path: str) -> dict[str, tuple[str, str]]:
    status = cluster.wire.send("GET", path).get("status") or {}
    return {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or []}


def pods(cluster: Stage, name: str) -> list[dict[str, Any]]:
    found = cluster.wire.send("GET", PODS, query={"labelSelector": f"jobset.sigs.k8s.io/jobset-name={name}"})["items"]
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


def reasons(cluster: Stage, name: str) -> dict[str, dict[str, Any]]:
    events = cluster.wire.items("/api/v1/namespaces/default/events")
    return {event["reason"]: event for event in events if event["involvedObject"]["name"].startswith(name)}


@pytest.mark.parametrize("minor", ["2.3", "2.0"])
def test_a_job_is_told_of_as_trainer_of_its_minor_does(minor: str, request: pytest.FixtureRequest) -> None:
    cluster: Stage = request.getfixturevalue("cluster" if minor == "2.3" else "oldest")
    path = submit(cluster, "told", scripted(Script(["a", "b"], message="bye")))

    until(lambda: "Complete" in conditions(cluster, path))

    assert conditions(cluster, path) == {"Complete": ("True", "AllJobsCompleted")}
    counts = cluster.wire.send("GET", path)["status"].get("jobsStatus")
    assert (counts is None) == (minor == "2.0")
    first, second = pods(cluster, "told")
    labels = second["metadata"]["labels"]
    assert labels["jobset.sigs.k8s.io/replicatedjob-name"] == "node"
    assert labels["batch.kubernetes.io/job-completion-index"] == "1"
    assert first["status"]["containerStatuses"][0]["state"]["terminated"]["message"] == "bye"
    environment = {item["name"]: item.get("value") for item in first["spec"]["containers"][0]["env"]}
    assert environment["PET_NNODES"] == "2"
    assert environment["PET_MASTER_ADDR"] == "told-node-0-0.told"
    assert "firstTimestamp" in reasons(cluster, "told")["Created"]
    assert reasons(cluster, "told")["Scheduled"].get("firstTimestamp") is None
    cluster.wire.remove(path)
    until(lambda: not pods(cluster, "told"))


def test_a_job_is_suspended_resumed_queued_and_out_of_time(cluster: Stage) -> None:
    stays = scripted(Script(["up"], stays=None))
    path = submit(cluster, "pauses", stays)
    until(lambda: len([pod for pod in pods(cluster, "pauses") if pod["status"]["phase"] == "Running"]) == 2)
    cluster.wire.patch(path, {"spec": {"suspend": True}})
    until(lambda: not pods(cluster, "pauses"))
    assert conditions(cluster, path) == {"Suspended": ("True", "Suspended")}
    cluster.wire.patch(path, {"spec": {"suspend": False}})
    until(lambda: len(pods(cluster, "pauses")) == 2)
    assert conditions(cluster, path) == {"Suspended": ("False", "Resumed")}

    queued = submit(cluster, "queued", stays, labels={"kueue.x-k8s.io/queue-name": "team"})
    until(lambda: conditions(cluster, queued) == {"Suspended": ("True", "Suspended")})
    assert pods(cluster, "queued") == []
    cluster.controller.admit("queued")
    until(lambda: len(pods(cluster, "queued")) == 2)

    late = submit(cluster, "late", stays, activeDeadlineSeconds=1)
    until(lambda: conditions(cluster, late) == {"Failed": ("True", "DeadlineExceeded")})
    until(lambda: not pods(cluster, "late"))
    for name in (path, queued, late):
        cluster.wire.remove(name)


def test_what_goes_wrong_shows_where_it_does_on_a_cluster(cluster: Stage) -> None:
    paths = [
        submit(cluster, "nowhere", Scenario(schedule=None)),
        submit(cluster, "noimage", Scenario(pull_error="not found")),
        submit(cluster, "refused", Scenario(refused="quota exceeded")),
        submit(cluster, "x" * 50, Scenario()),
        submit(cluster, "greedy", scripted(Script(exit_code=137, reason="OOMKilled"))),
    ]

    until(lambda: "FailedScheduling" in reasons(cluster, "nowhere"))
    until(lambda: "TrainJobResourcesCreationFailed" in reasons(cluster, "refused"))
    assert reasons(cluster, "nowhere")["FailedScheduling"].get("firstTimestamp") is None
    until(lambda: "TrainJobResourcesCreationFailed" in reasons(cluster, "x" * 50))
    until(lambda: "ImagePullBackOff" in json.dumps(pods(cluster, "noimage")))
    until(lambda: conditions(cluster, f"{JOBS}/greedy") == {"Failed": ("True", "FailedJobs")})
    assert "OOMKilled" in json.dumps(pods(cluster, "greedy"))
    assert conditions(cluster, f"{JOBS}/refused") == {}
    for path in paths:
        cluster.wire.remove(path)


def test_a_container_that_fails_is_started_again_where_the_runtime_says_so(oldest: Stage) -> None:
    def lives(pod: Pod) -> Script:
        fails = pod.index == 1 and pod.attempt < 2
        return Script([f"life {pod.attempt}"], exit_code=int(fails), stays=0)

    path = submit(oldest, "again", Scenario(run=lives), runtimeRef={"name": "torch-restarting"})
    until(lambda: "Complete" in conditions(oldest, path))

    _, second = pods(oldest, "again")
    assert second["status"]["containerStatuses"][0]["restartCount"] == 2
    folder = oldest.logs / "default" / second["metadata"]["name"]
    assert (folder / "node.log").read_text("utf-8").endswith("Z life 2\n")
    assert (folder / "node.previous.log").read_text("utf-8").endswith("Z life 1\n")
    oldest.wire.remove(path)


def get(proxy: Proxy, target: str, method: str = "GET", body: object = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=DEADLINE)
    try:
        text = json.dumps(body) if body is not None else None
        headers = {"Authorization": f"Bearer {proxy.wire.token}", "Content-Type": "application/json"}
        connection.request(method, target, text, headers)
        answered = connection.getresponse()
        return answered.status, answered.read()
    finally:
        connection.close()


def test_a_log_is_served_as_a_kubelet_serves_it(cluster: Stage, proxy: Proxy) -> None:
    path = submit(cluster, "speaks", scripted(Script(["one", "two", "three"], pause=0.6)), trainer={"numNodes": 1})
    until(lambda: [pod["status"].get("phase") for pod in pods(cluster, "speaks")] == ["Running"])
    log = f"{PODS}/{pods(cluster, 'speaks')[0]['metadata']['name']}/log"

    assert get(proxy, f"{log}?follow=true") == (200, b"one\ntwo\nthree\n")
    stamped = get(proxy, f"{log}?timestamps=true")[1].splitlines()
    assert [line.partition(b" ")[2] for line in stamped] == [b"one", b"two", b"three"]
    second = stamped[1][:19].decode() + "Z"
    expected = [line for line in stamped if line[:19] >= stamped[1][:19]]
    assert get(proxy, f"{log}?timestamps=true&sinceTime={second}")[1].splitlines() == expected
    assert get(proxy, f"{log}?tailLines=1") == (200, b"three\n")
    assert get(proxy, f"{log}?previous=true")[0] == 400
    proxy.inject(cut(5), path="/log")
    with pytest.raises(http.client.IncompleteRead) as broken:
        get(proxy, f"{log}?follow=true")
    assert broken.value.partial == b"" or b"one\ntwo\nthree\n".startswith(broken.value.partial)
    cluster.wire.remove(path)


def test_each_fault_happens_as_it_is_called(cluster: Stage, proxy: Proxy) -> None:
    maps = "/api/v1/namespaces/default/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lost"}}

    proxy.inject(drop_before(), method="POST")
    with pytest.raises(http.client.RemoteDisconnected):
        get(proxy, maps, "POST", body)
    assert not cluster.wire.exists(f"{maps}/lost")
    proxy.inject(drop_after(), method="POST")
    with pytest.raises(http.client.RemoteDisconnected):
        get(proxy, maps, "POST", body)
    assert cluster.wire.exists(f"{maps}/lost")

    proxy.inject(answer(429, retry_after=7), path="configmaps")
    code, content = get(proxy, maps)
    assert (code, json.loads(content)["details"]) == (429, {"retryAfterSeconds": 7})
    proxy.inject(delay(0.3))
    started = time.monotonic()
    assert get(proxy, maps)[0] == 200
    assert time.monotonic() - started >= 0.3
    proxy.inject(cut(10))
    with pytest.raises(http.client.IncompleteRead):
        get(proxy, maps)
    proxy.inject(expire(), path="watch=1")
    assert json.loads(get(proxy, f"{maps}?watch=1")[1])["object"]["code"] == 410
    assert [str(request) for request in proxy.requests][:2] == [f"POST {maps}"] * 2
    cluster.wire.remove(f"{maps}/lost")


def test_chance_is_the_same_for_the_same_seed_and_spares_the_third_try() -> None:
    first, again = (RandomFaults(3, 0.5) for _ in range(2))
    drawn = [first.draw("GET", "/a?x=1") for _ in range(200)]
    assert drawn == [again.draw("GET", "/a?x=1") for _ in range(200)]
    kinds = [fault is not None for fault in drawn]
    assert any(kinds)
    assert (True, True, True) not in set(zip(kinds, kinds[1:], kinds[2:], strict=False))


def test_the_server_keeps_who_may_not_read_from_the_logs(proxy: Proxy) -> None:
    with pytest.raises(Refused, match="404"):
        proxy.wire.send("GET", f"{PODS}/nobody/log")
    assert get(proxy, f"{PODS}/nobody/log")[0] == 404

"""The test cluster does with TrainJobs what Trainer 2.3.0 and JobSet 0.12.0 did: the measured cases, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver import UPSTREAM, Refused
from tests.cluster.jobsets import jobset_path
from tests.cluster.measured.facts import Case, cases, difference, distilled
from tests.cluster.measured.runtimes_of_cases import runtimes_of_cases
from tests.cluster.scenarios import Scenario, Script, scripted
from tests.cluster.stage import MISSING, REASON, Stage, namespace, stage
from tests.cluster.trainjobs import API, TYPE
from tests.cluster.until import until

Object = dict[str, Any]

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

HOME = "wrong"  # the namespace of the measurements, which stands in their words
RAW = Path(UPSTREAM or ".") / "trainer" / "measured-2.3.0"
CASES = cases()
_AT_ONCE = (
    "accepted; JobSet made",
    "accepted; JobSet refused",
    "accepted; Jobs refused",
    "refused at admission",
)
OVER_TIME = {case.name: case for case in CASES if case.verdict not in _AT_ONCE}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("measured"), as_shipped=True) as running:
        namespace(running.wire, HOME)
        for name, runtime in runtimes_of_cases().items():
            if runtime["kind"] == "TrainingRuntime":
                running.wire.send("POST", f"{API}/namespaces/{HOME}/trainingruntimes", runtime)
                assert name in ("nopolicy", "ttl")
        running.controller.default = Scenario(schedule=None)
        running.controller.requeue = 0.3
        yield running


@pytest.mark.parametrize("case", [case for case in CASES if case.verdict in _AT_ONCE], ids=lambda case: case.name)
def test_a_job_meets_the_same_verdict_and_becomes_the_same_jobset(cluster: Stage, case: Case) -> None:
    verdict, words, jobset = played(cluster, case)

    assert verdict == case.verdict
    assert plain(words) == plain(case.words)
    assert jobset == (None if case.jobset is None else (case.jobset, case.left_out))


def played(cluster: Stage, case: Case) -> tuple[str, str, tuple[dict[str, Any], tuple[str, ...]] | None]:
    """Return what becomes of the job of a case here: the verdict, its words, and its JobSet beside its runtime."""
    try:
        submit(cluster, case)
    except Refused as refused:
        return "refused at admission", refused.message, None
    name = case.job["metadata"]["name"]
    until(lambda: stored(cluster, name) or told(cluster, name))
    made = stored(cluster, name)
    if made is None:
        return "accepted; JobSet refused", told(cluster, name)[0], None
    jobset = difference(made, runtimes_of_cases()[case.runtime])
    if "Jobs refused" in case.verdict:
        return "accepted; Jobs refused", until(lambda: told(cluster, name, "JobCreationFailed"))[0], jobset
    first = made["spec"]["replicatedJobs"][0]["name"]
    until(lambda: cluster.wire.exists(f"/apis/batch/v1/namespaces/{HOME}/jobs/{name}-{first}-0"))
    return "accepted; JobSet made", "", jobset


def submit(cluster: Stage, case: Case) -> Object:
    body = {**TYPE, **case.job}
    path = f"{API}/namespaces/{HOME}/trainjobs"
    return cluster.wire.send("POST", path, body, query={"fieldValidation": "Strict"})


def told(cluster: Stage, name: str, reason: str = "TrainJobResourcesCreationFailed") -> list[str]:
    """Return the messages of events of a job and of what was made for it."""
    events = cluster.wire.items(f"/api/v1/namespaces/{HOME}/events")
    return [e["message"] for e in events if e["reason"] == reason and e["involvedObject"]["name"] == name]


def sources(cluster: Stage, name: str, reason: str) -> set[str]:
    """Return who wrote the events of a job."""
    events = cluster.wire.items(f"/api/v1/namespaces/{HOME}/events")
    return {e["reportingComponent"] for e in events if e["reason"] == reason and e["involvedObject"]["name"] == name}


def plain(words: str) -> str:
    """Return words without the time that stands in them."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", words)


def test_a_suspended_torchtune_job_never_resumes(cluster: Stage) -> None:
    case = OVER_TIME["suspended torchtune never resumes"]
    name, path = "t1", f"{API}/namespaces/{HOME}/trainjobs/t1"
    submit(cluster, case)
    jobset = until(lambda: stored(cluster, name))
    assert jobset["spec"]["suspend"] is True

    cluster.wire.patch(path, {"spec": {"suspend": False}})

    reason, _, message = case.words.removeprefix("event ").partition(": ")
    until(lambda: len([each for each in told(cluster, name, reason) if each == message]) > 2)
    assert sources(cluster, name, reason) == {"trainer-trainjob-controller"}
    assert condition(cluster, path, "Suspended") == ("False", "Resumed")
    assert until(lambda: stored(cluster, name))["spec"]["suspend"] is True
    cluster.wire.remove(path)
    until(lambda: not stored(cluster, name))


def test_a_running_torchtune_job_cannot_be_suspended(cluster: Stage) -> None:
    body = {
        **TYPE,
        "metadata": {"name": "t2"},
        "spec": {"runtimeRef": {"name": "torchtune-llama3.2-1b"}, "trainer": {}},
    }
    cluster.controller.scenarios["t2"] = scripted(Script(["up"], stays=None))
    path = f"{API}/namespaces/{HOME}/trainjobs/t2"
    cluster.wire.send("POST", f"{API}/namespaces/{HOME}/trainjobs", body)
    until(lambda: len(pods(cluster, "t2")) == 2)  # of both initializers
    running = pods(cluster, "t2")
    refused = len(told(cluster, "t2"))  # a healthy job has one such event: Trainer did not see its own JobSet yet

    cluster.wire.patch(path, {"spec": {"suspend": True}})

    until(lambda: len(told(cluster, "t2")) > refused + 1)
    assert condition(cluster, path, "Suspended") == ("True", "Suspended")
    assert until(lambda: stored(cluster, "t2"))["spec"]["suspend"] is False
    assert pods(cluster, "t2") == running
    cluster.wire.remove(path)


def test_a_torchtune_job_whose_runtime_writes_the_retention_out_is_suspended_and_resumed(cluster: Stage) -> None:
    runtime = runtimes_of_cases()["torchtune-llama3.2-1b"]
    for policy in runtime["spec"]["template"]["spec"]["volumeClaimPolicies"]:
        policy["retentionPolicy"] = {"whenDeleted": "Delete"}
    metadata = {"name": "torchtune-llama3.2-3b", "namespace": HOME}
    namespaced = {**runtime, "kind": "TrainingRuntime", "metadata": metadata}
    cluster.wire.send("POST", f"{API}/namespaces/{HOME}/trainingruntimes", namespaced)
    reference = {"name": metadata["name"], "kind": "TrainingRuntime"}
    body = {**TYPE, "metadata": {"name": "t3"}, "spec": {"runtimeRef": reference, "trainer": {}, "suspend": True}}
    path = f"{API}/namespaces/{HOME}/trainjobs/t3"
    cluster.wire.send("POST", f"{API}/namespaces/{HOME}/trainjobs", body)
    until(lambda: stored(cluster, "t3"))

    cluster.wire.patch(path, {"spec": {"suspend": False}})
    until(lambda: pods(cluster, "t3"))
    assert told(cluster, "t3") == []

    cluster.wire.patch(path, {"spec": {"suspend": True}})
    until(lambda: not pods(cluster, "t3"))
    cluster.wire.remove(path)


def test_a_failed_job_with_a_ttl_runs_again(cluster: Stage) -> None:
    case = OVER_TIME["failed job with ttl runs again"]
    name = case.job["metadata"]["name"]
    path = f"{API}/namespaces/{HOME}/trainjobs/{name}"
    cluster.controller.scenarios[name] = scripted(Script(exit_code=1))
    submit(cluster, case)

    until(lambda: condition(cluster, path, "Failed") == ("True", "FailedJobs"))
    first = until(lambda: stored(cluster, name))["metadata"]["uid"]
    again = until(lambda: (found := stored(cluster, name)) and found["metadata"]["uid"] != first and found)
    assert again["metadata"]["name"] == name
    until(lambda: condition(cluster, path, "Failed") is None)
    cluster.wire.remove(path)


def test_every_measured_case_is_played() -> None:
    named = {
        "suspended torchtune never resumes",
        "running torchtune cannot be suspended",
        "failed job with ttl runs again",
    }
    assert set(OVER_TIME) == named  # each has a test here


def stored(cluster: Stage, name: str) -> Object | None:
    return cluster.wire.find(jobset_path(HOME, name))


def condition(cluster: Stage, path: str, kind: str) -> tuple[str, str] | None:
    conditions = (cluster.wire.send("GET", path).get("status") or {}).get("conditions") or []
    return next(((each["status"], each["reason"]) for each in conditions if each["type"] == kind), None)


def pods(cluster: Stage, name: str) -> list[str]:
    """Return the names of the pods of a job."""
    query = {"labelSelector": f"jobset.sigs.k8s.io/jobset-name={name}"}
    found = cluster.wire.send("GET", f"/api/v1/namespaces/{HOME}/pods", query=query)["items"]
    return sorted(pod["metadata"]["name"] for pod in found)


@pytest.mark.skipif(not RAW.is_dir(), reason=f"no measured files in {RAW}")
def test_the_committed_facts_are_those_of_the_measured_files() -> None:
    assert [asdict(case) for case in distilled(RAW, runtimes_of_cases())] == [asdict(case) for case in CASES]

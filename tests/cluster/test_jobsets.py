"""JobSets of the test cluster over time, as JobSet 0.12.0 has them: labels, events, restarts, their end, and MPI."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_public_key

from tests.apiserver import Refused
from tests.cluster.jobsets import jobset_path
from tests.cluster.scenarios import Pod, Scenario, Script, scripted
from tests.cluster.stage import MISSING, REASON, Stage, stage
from tests.cluster.trainjobs import API, TYPE
from tests.cluster.until import until

Object = dict[str, Any]

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

JOBS = f"{API}/namespaces/default/trainjobs"
CORE = "/api/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default/jobs"
STAYS = Script(["up"], stays=None)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("jobsets"), as_shipped=True) as running:
        yield running


def submit(cluster: Stage, name: str, runtime: str, scenario: Scenario, **spec: Any) -> str:
    cluster.controller.scenarios[name] = scenario
    body = {**TYPE, "metadata": {"name": name}, "spec": {"runtimeRef": {"name": runtime}, "trainer": {}, **spec}}
    cluster.wire.send("POST", JOBS, body)
    return f"{JOBS}/{name}"


def changed(cluster: Stage, shipped: str, name: str, change: Callable[[Object], None]) -> None:
    """Make a runtime of another one."""
    runtime = cluster.wire.send("GET", f"{API}/clustertrainingruntimes/{shipped}")
    change(runtime["spec"])
    spec = {"metadata": {"name": name}, "spec": runtime["spec"]}
    kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "ClusterTrainingRuntime"}
    cluster.wire.send("POST", f"{API}/clustertrainingruntimes", {**kind, **spec})


def condition(cluster: Stage, path: str, kind: str) -> tuple[str, str]:
    conditions = (cluster.wire.send("GET", path).get("status") or {}).get("conditions") or []
    return next(((each["reason"], each["message"]) for each in conditions if each["type"] == kind), ("", ""))


def pods(cluster: Stage, name: str, phase: str = "") -> list[Object]:
    query = {"labelSelector": f"jobset.sigs.k8s.io/jobset-name={name}"}
    found: list[Object] = cluster.wire.send("GET", f"{CORE}/pods", query=query)["items"]
    return [pod for pod in found if not phase or pod["status"].get("phase") == phase]


def events(cluster: Stage, name: str, kind: str = "JobSet") -> list[Object]:
    found = cluster.wire.items(f"{CORE}/events")
    return [e for e in found if e["involvedObject"]["kind"] == kind and e["involvedObject"]["name"] == name]


def test_an_mpi_job_has_hosts_keys_and_one_launcher_and_its_workers_end_with_it(cluster: Stage) -> None:
    gpus = {"limits": {"nvidia.com/gpu": 2}}
    seen = threading.Event()
    path = submit(
        cluster,
        "hosts",
        "deepspeed-distributed",
        Scenario(run=lambda pod: Script(["trained"], until=seen.is_set) if pod.job == "launcher" else None),
        trainer={"numNodes": 3, "resourcesPerNode": gpus},
    )

    running = until(lambda: (found := pods(cluster, "hosts", "Running")) and len(found) == 3 and found)
    assert sorted(pod["metadata"]["labels"]["jobset.sigs.k8s.io/replicatedjob-name"] for pod in running) == [
        "launcher",
        "node",
        "node",
    ]
    hostfile = cluster.wire.send("GET", f"{CORE}/configmaps/hosts-mpi-hostfile")["data"]["hostfile"]
    assert hostfile == "hosts-node-0-0.hosts slots=2\nhosts-node-0-1.hosts slots=2\nhosts-launcher-0-0.hosts slots=2\n"
    secret = cluster.wire.send("GET", f"{CORE}/secrets/hosts-mpi-ssh-auth")
    keys = {name: base64.b64decode(key) for name, key in secret["data"].items()}
    private, public = (
        load_pem_private_key(keys["ssh-privatekey"], None).public_key(),
        load_ssh_public_key(keys["ssh-publickey"]),
    )
    assert (secret["type"], secret["immutable"]) == ("kubernetes.io/ssh-auth", True)
    assert private == public
    seen.set()

    until(lambda: condition(cluster, path, "Complete")[0] == "AllJobsCompleted")
    until(lambda: not cluster.wire.exists(f"{BATCH}/hosts-node-0"))
    assert cluster.wire.exists(f"{BATCH}/hosts-launcher-0")
    until(lambda: [pod["status"]["phase"] for pod in pods(cluster, "hosts")] == ["Succeeded"])
    cluster.wire.remove(path)
    until(lambda: not cluster.wire.exists(f"{CORE}/secrets/hosts-mpi-ssh-auth"))


def test_a_job_keeps_the_runtime_that_it_began_with(cluster: Stage) -> None:
    path = submit(cluster, "keeps", "torch-distributed", scripted(STAYS), suspend=True)

    kept = until(lambda: cluster.wire.find(f"{CORE}/configmaps/keeps-runtime-snapshot"))
    assert yaml.safe_load(kept["data"]["runtime"])["metadata"]["name"] == "torch-distributed"
    (owner,) = kept["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("TrainJob", "keeps", True)
    cluster.wire.remove(path)
    until(lambda: not cluster.wire.exists(f"{CORE}/configmaps/keeps-runtime-snapshot"))


def test_jobs_and_pods_say_where_they_stand_in_their_jobset(cluster: Stage) -> None:
    path = submit(cluster, "labelled", "torchtune-llama3.2-1b", scripted(STAYS))
    model = until(lambda: cluster.wire.find(f"{BATCH}/labelled-model-initializer-0"))

    labels = {k.removeprefix("jobset.sigs.k8s.io/"): v for k, v in model["metadata"]["labels"].items() if "jobset" in k}
    assert labels.pop("jobset-uid") and labels.pop("job-key")
    assert labels == {
        "jobset-name": "labelled",
        "replicatedjob-name": "model-initializer",
        "replicatedjob-replicas": "1",
        "global-replicas": "3",
        "job-index": "0",
        "job-global-index": "1",
        "restart-attempt": "0",
        "group-name": "default",
        "group-replicas": "3",
        "job-group-index": "1",
    }
    assert (
        labels.items()
        <= {
            key.removeprefix("jobset.sigs.k8s.io/"): value for key, value in model["metadata"]["annotations"].items()
        }.items()
    )
    status = until(lambda: (cluster.wire.send("GET", path).get("status") or {}).get("jobsStatus"))
    assert [each["name"] for each in status] == ["node", "model-initializer", "dataset-initializer"]
    cluster.wire.remove(path)


def test_a_suspension_and_a_resumption_are_new_style_events(cluster: Stage) -> None:
    path = submit(cluster, "pauses", "torch-distributed", scripted(STAYS))
    until(lambda: pods(cluster, "pauses", "Running"))
    cluster.wire.patch(path, {"spec": {"suspend": True}})
    until(lambda: not pods(cluster, "pauses"))
    cluster.wire.patch(path, {"spec": {"suspend": False}})
    until(lambda: pods(cluster, "pauses"))

    said = {event["reason"]: event for event in events(cluster, "pauses")}
    assert set(said) == {"SuspendedJobs", "ResumeJobs"}
    assert all(event.get("firstTimestamp") is None and event["eventTime"] for event in said.values())
    cluster.wire.remove(path)


def test_the_jobs_of_a_jobset_are_immutable_but_for_what_kueue_writes_while_it_is_suspended(cluster: Stage) -> None:
    """Source: `ValidateUpdate` in `pkg/webhooks/jobset_webhook.go` of kubernetes-sigs/jobset."""
    path = submit(cluster, "fixed", "torch-distributed", scripted(STAYS))
    until(lambda: pods(cluster, "fixed", "Running"))
    jobset = jobset_path("default", "fixed")

    def replace(change: Callable[[Object], object]) -> Object:
        jobs = cluster.wire.send("GET", jobset)["spec"]["replicatedJobs"]
        change(jobs[0]["template"]["spec"]["template"]["spec"])
        return cluster.wire.patch(jobset, {"spec": {"replicatedJobs": jobs}})

    def other_pool(pod: Object) -> None:
        pod["nodeSelector"] = {"pool": "b"}

    def other_image(pod: Object) -> None:
        pod["containers"][0]["image"] = "other"

    with pytest.raises(Refused, match="replicatedJobs: Invalid value: .*: field is immutable") as refused:
        replace(other_pool)
    assert refused.value.code == 422
    cluster.wire.patch(path, {"spec": {"suspend": True}})
    until(lambda: cluster.wire.send("GET", jobset)["spec"]["suspend"])
    with pytest.raises(Refused, match="field is immutable"):
        replace(other_image)
    replace(other_pool)
    cluster.wire.patch(path, {"spec": {"suspend": False}})
    until(lambda: pods(cluster, "fixed", "Running"))
    cluster.wire.remove(path)


def test_a_jobset_is_started_again_as_often_as_it_may_be_and_says_which_job_failed_first(cluster: Stage) -> None:
    def twice(spec: Object) -> None:
        jobset = spec["template"]["spec"]
        jobset["failurePolicy"] = {"maxRestarts": 1}
        jobset["replicatedJobs"][0]["template"]["spec"]["backoffLimit"] = 0

    changed(cluster, "torch-distributed", "torch-twice", twice)
    path = submit(cluster, "twice", "torch-twice", scripted(Script(exit_code=1)), trainer={"numNodes": 2})

    until(lambda: condition(cluster, path, "Failed")[0])
    first = "(first failed job: twice-node-0)"
    message = f"jobset failed due to reaching max number of restarts {first}"
    assert condition(cluster, path, "Failed") == ("ReachedMaxRestarts", message)
    said = {event["reason"]: event["message"] for event in events(cluster, "twice")}
    assert set(said) == {
        "DefaultFailurePolicy",
        "RestartJobSetFailurePolicyAction",
        "ReachedMaxRestarts",
        "JobSetFailed",
    }
    assert first in said["RestartJobSetFailurePolicyAction"]
    until(lambda: not pods(cluster, "twice"))
    time.sleep(1)  # whatever a former attempt still meant to start would be there by then
    assert not pods(cluster, "twice")
    cluster.wire.remove(path)


def test_a_deadline_ends_the_jobset_and_leaves_the_counts_as_they_were(cluster: Stage) -> None:
    path = submit(cluster, "overdue", "torch-distributed", scripted(STAYS), activeDeadlineSeconds=2)

    until(lambda: condition(cluster, path, "Failed")[0])
    assert condition(cluster, path, "Failed") == ("DeadlineExceeded", "TrainJob exceeded its active deadline")
    assert not cluster.wire.exists(jobset_path("default", "overdue"))
    assert cluster.wire.send("GET", path)["status"]["jobsStatus"][0]["active"] == 1
    cluster.wire.remove(path)


def test_a_replicated_job_becomes_as_many_jobs_as_it_has_replicas(cluster: Stage) -> None:
    def workers(spec: Object) -> None:
        jobs = spec["template"]["spec"]["replicatedJobs"]
        own = {"spec": {"parallelism": 2, "completions": 2, "template": jobs[0]["template"]["spec"]["template"]}}
        jobs.append({"name": "workers", "replicas": 2, "template": own})

    changed(cluster, "torch-distributed", "torch-workers", workers)
    seen: set[tuple[str, int, int]] = set()

    def life(pod: Pod) -> Script:
        seen.add((pod.job, pod.replica, pod.index))
        return Script(["trained"])

    path = submit(cluster, "many", "torch-workers", Scenario(run=life))

    until(lambda: condition(cluster, path, "Complete")[0])
    assert seen == {("node", 0, 0), *(("workers", replica, index) for replica in (0, 1) for index in (0, 1))}
    status = {each["name"]: each["succeeded"] for each in cluster.wire.send("GET", path)["status"]["jobsStatus"]}
    assert status == {"node": 1, "workers": 2}
    cluster.wire.remove(path)


def test_a_runtime_patch_gets_the_time_of_its_last_change(cluster: Stage) -> None:
    def patch(**pod: Any) -> Object:
        jobs = [{"name": "node", "template": {"spec": {"template": {"spec": pod}}}}]
        return {"manager": "a.io/b", "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": jobs}}}}

    path = submit(
        cluster,
        "timed",
        "torch-distributed",
        scripted(STAYS),
        runtimePatches=[patch(nodeSelector={"a": "b"})],
        suspend=True,
    )
    first = cluster.wire.send("GET", path)["spec"]["runtimePatches"][0]["time"]
    time.sleep(1.1)  # times are whole seconds
    same = cluster.wire.patch(path, {"metadata": {"labels": {"x": "y"}}})
    assert same["spec"]["runtimePatches"][0]["time"] == first
    other = cluster.wire.patch(path, {"spec": {"runtimePatches": [patch(nodeSelector={"a": "c"})]}})
    assert other["spec"]["runtimePatches"][0]["time"] > first
    cluster.wire.remove(path)


def test_a_job_whose_runtime_is_gone_can_be_deleted_and_not_changed(cluster: Stage) -> None:
    changed(cluster, "torch-distributed", "torch-passing", lambda spec: None)
    path = submit(cluster, "orphan", "torch-passing", scripted(STAYS))
    until(lambda: pods(cluster, "orphan", "Running"))
    cluster.wire.remove(f"{API}/clustertrainingruntimes/torch-passing")

    with pytest.raises(Refused, match="must be created before the TrainJob is created") as refused:
        cluster.wire.patch(path, {"spec": {"suspend": True}})
    assert refused.value.code == 403

    cluster.wire.remove(path)
    until(lambda: not pods(cluster, "orphan"))

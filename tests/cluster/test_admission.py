"""The played webhooks beyond the measured cases: their rules are those of Trainer 2.3.0's sources. No cluster is needed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.admission import (
    default_jobset,
    default_trainjob,
    refuse_jobset,
    refuse_jobset_change,
    refuse_trainjob,
)

Object = dict[str, Any]

REFERENCE = {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": "some"}


def runtime(policy: Object, *names: str, name: str = "some") -> Object:
    """Return a runtime whose jobs have a container each, called as the job or `node`."""
    jobs = [
        {"name": each, "template": {"spec": {"template": {"spec": {"containers": [{"name": own_name(each)}]}}}}}
        for each in names or ("node",)
    ]
    return {"metadata": {"name": name}, "spec": {"mlPolicy": policy, "template": {"spec": {"replicatedJobs": jobs}}}}


def own_name(job: str) -> str:
    return job if job.endswith("-initializer") else "node"


def job(trainer: Object | None = None, **spec: Any) -> Object:
    given = {} if trainer is None else {"trainer": trainer}
    return {"metadata": {"name": "mine"}, "spec": {"runtimeRef": REFERENCE, **given, **spec}}


def patch(container: Object, replicated: str = "node") -> Object:
    pod = {"spec": {"template": {"spec": {"containers": [container]}}}}
    jobs = [{"name": replicated, "template": pod}]
    return {"manager": "a.io/b", "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": jobs}}}}


TUNE = {"command": ["tune", "run"]}
LLAMA = runtime({"torch": {}}, name="torchtune-llama3.2-1b")
QUANTIZED = {**TUNE, "args": ["model.quantize_base=True"]}


@pytest.mark.parametrize(
    ("given", "of", "words"),
    [
        (job({"env": [{"name": "OMPI_MCA_plm_rsh_args"}]}), runtime({"mpi": {}}), "must not have reserved envs"),
        (job({"env": [{"name": "A"}, {"name": "DMLC_TASK_ID"}]}), runtime({"xgboost": {}}), "env[1]: Forbidden"),
        (job({"numNodes": 2}), runtime({"mpi": {"runLauncherAsNode": True}}), "does not have either launcher and node"),
        (job({"numProcPerNode": 0}), runtime({"flux": {}}), "greater than or equal to 1"),
        (job(runtimePatches=[patch({"name": "other"})]), runtime({}), "must not have container that doesn't exist"),
        (job(initializer={"model": {}}), runtime({}), "must have model-initializer job"),
        (job(initializer={"model": {}}), runtime({}, "model-initializer"), "must have volumeMount with name"),
        (job(TUNE), runtime({"torch": {}}, name="torchtune-phi-3"), "must have a supported pretrained model"),
        (job({**TUNE, "numNodes": 2}), LLAMA, "must be 1 for llama3_2/1B model"),
        (job(QUANTIZED), LLAMA, "must have gpu resource with value 1"),
        (job({**TUNE, "args": ["output_dir=/x"]}), LLAMA, "args[0]: Invalid value"),
        (job({}), None, "specified trainingRuntime must be created before the TrainJob is created"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_trainer_refuses_at_admission(given: Object, of: Object | None, words: str) -> None:
    assert words in refuse_trainjob(given, lambda _: of)


@pytest.mark.parametrize(
    ("given", "of"),
    [
        (job(), runtime({"torch": {}})),
        (job({"numNodes": 2}), runtime({"mpi": {"runLauncherAsNode": True}}, "launcher", "node")),
        (job(runtimePatches=[patch({"name": "node"})]), runtime({})),
        (job(runtimePatches=[patch({"name": "any", "env": [{"name": "A"}]}, "unknown")]), runtime({})),
        (job({**QUANTIZED, "numProcPerNode": 1}), LLAMA),
        (job({"command": ["tune", "run", "more"], "numNodes": 2}), LLAMA),
    ],
)
def test_what_trainer_accepts_at_admission(given: Object, of: Object) -> None:
    assert refuse_trainjob(given, lambda _: of) == ""


def test_several_refusals_come_in_brackets() -> None:
    given = job({**TUNE, "numNodes": 2, "args": ["output_dir=/x"]})
    refused = refuse_trainjob(given, lambda _: LLAMA)
    assert refused.startswith("[spec.trainer.numNodes: ")
    assert ", spec.trainer.args[0]: " in refused
    assert refused.endswith("]")


def test_a_patch_that_did_not_change_keeps_its_time() -> None:
    before = default_trainjob(job(runtimePatches=[{**patch({"name": "node"}), "time": "2026-01-01T00:00:00Z"}]), None)
    again = default_trainjob(job(runtimePatches=[patch({"name": "node"})]), before)
    assert again == before
    other = default_trainjob(job(runtimePatches=[patch({"name": "node", "image": "x"})]), before)
    assert other["spec"]["runtimePatches"][0]["time"] > "2026-01-01T00:00:00Z"


def test_a_jobset_says_what_becomes_of_its_claims_only_where_its_webhook_does() -> None:
    template: Object = {"spec": {"template": {"spec": {}}}}
    jobs = [{"name": "node", "template": template}]
    jobset = {"metadata": {"name": "a" * 60}, "spec": {"replicatedJobs": jobs, "volumeClaimPolicies": [{}]}}
    assert default_jobset(jobset, retention=True)["spec"]["volumeClaimPolicies"] == [
        {"retentionPolicy": {"whenDeleted": "Delete"}}
    ]
    assert default_jobset(jobset, retention=False)["spec"]["volumeClaimPolicies"] == [{}]
    assert "job names generated for this JobSet will exceed 63 characters" in refuse_jobset(jobset)


def two_jobs() -> Object:
    """Return a JobSet that runs, with a pod template of each of its two jobs."""

    def template(image: str) -> Object:
        pod = {"containers": [{"name": "node", "image": image}], "nodeSelector": {"pool": "a"}}
        return {"spec": {"parallelism": 1, "template": {"metadata": {"labels": {"team": "a"}}, "spec": pod}}}

    jobs = [{"name": name, "replicas": 1, "template": template(name)} for name in ("model-initializer", "node")]
    return {"metadata": {"name": "mine"}, "spec": {"suspend": False, "replicatedJobs": jobs}}


def pod_of(jobset: Object) -> Object:
    template: Object = jobset["spec"]["replicatedJobs"][1]["template"]["spec"]["template"]
    return template


CHANGES_OF_KUEUE: dict[str, Callable[[Object], object]] = {
    "node selector": lambda jobset: pod_of(jobset)["spec"].update(nodeSelector={"pool": "b"}),
    "node selector removed": lambda jobset: pod_of(jobset)["spec"].pop("nodeSelector"),
    "tolerations": lambda jobset: pod_of(jobset)["spec"].update(tolerations=[{"key": "gpu"}]),
    "scheduling gates": lambda jobset: pod_of(jobset)["spec"].update(schedulingGates=[{"name": "a.io/b"}]),
    "labels": lambda jobset: pod_of(jobset)["metadata"]["labels"].update(team="b"),
    "annotations": lambda jobset: pod_of(jobset)["metadata"].update(annotations={"a": "b"}),
    "no metadata": lambda jobset: pod_of(jobset).pop("metadata"),
}
OTHER_CHANGES: dict[str, Callable[[Object], object]] = {
    "image": lambda jobset: pod_of(jobset)["spec"]["containers"][0].update(image="other"),
    "resources": lambda jobset: pod_of(jobset)["spec"]["containers"][0].update(resources={"limits": {"cpu": "1"}}),
    "affinity": lambda jobset: pod_of(jobset)["spec"].update(affinity={}),
    "parallelism": lambda jobset: jobset["spec"]["replicatedJobs"][1]["template"]["spec"].update(parallelism=2),
    "replicas": lambda jobset: jobset["spec"]["replicatedJobs"][1].update(replicas=2),
    "a job more": lambda jobset: jobset["spec"]["replicatedJobs"].append(two_jobs()["spec"]["replicatedJobs"][0]),
    "a job less": lambda jobset: jobset["spec"]["replicatedJobs"].pop(),
    "manager": lambda jobset: jobset["spec"].update(managedBy="kueue.x-k8s.io/multikueue"),
}


@pytest.mark.parametrize("change", [*CHANGES_OF_KUEUE, *OTHER_CHANGES])
def test_a_jobset_keeps_its_jobs_but_for_what_kueue_writes_while_it_is_suspended(change: str) -> None:
    """Source: `ValidateUpdate` in `pkg/webhooks/jobset_webhook.go` of kubernetes-sigs/jobset."""
    may = change in CHANGES_OF_KUEUE
    for before, after in ((False, False), (True, True), (True, False), (False, True)):
        old = two_jobs()
        old["spec"]["suspend"] = before
        new = copy.deepcopy(old)
        new["spec"]["suspend"] = after
        (CHANGES_OF_KUEUE | OTHER_CHANGES)[change](new)
        refused = refuse_jobset_change(old, new)
        assert (refused == "") is (may and (before or after)), (before, after, refused)
        assert refused == "" or refused.endswith("field is immutable")


def test_a_jobset_may_be_suspended_and_resumed() -> None:
    old, new = two_jobs(), two_jobs()
    new["spec"]["suspend"] = True
    assert refuse_jobset_change(old, new) == refuse_jobset_change(new, old) == ""

"""What the SDK predicts of a TrainJob is what Trainer 2.3.0 did with it: the verdict, the pods of each job, TorchTune's command.

The facts are measured (`tests/cluster/measured`). The test cluster has no part here.
"""

from __future__ import annotations

import pytest
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainingRuntime, TrainJob

from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.rendering.job_in_runtime import JobInRuntime
from kubeflow.trainer.rendering.preflight import findings, notes
from tests.apiserver import UPSTREAM
from tests.cluster.measured.facts import Case, cases
from tests.cluster.measured.runtimes_of_cases import runtimes_of_cases

pytestmark = pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with upstream's releases")

CASES = {case.name: case for case in cases()}
# What the control plane takes and the SDK refuses, with words of the reason: the job would not do what it says.
DELIBERATE = {
    "torch mig slice and cpu": "one process for each CPU",
    "torchtune amd keeps nvidia": "nvidia.com/gpu",
    "runtime without mlPolicy drops resources": "mlPolicy",
    "suspended torchtune never resumes": "would wait for ever",
}
# What it takes and the SDK sends, and tells the user of.
TOLD = {"failed job with ttl runs again": "again and again"}


def placed(case: Case) -> JobInRuntime:
    manifest = runtimes_of_cases()[case.runtime]
    kind = ClusterTrainingRuntime if manifest["kind"] == "ClusterTrainingRuntime" else TrainingRuntime
    return JobInRuntime(TrainJob.from_server(case.job), kind.from_server(manifest))


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_what_the_control_plane_refuses_is_refused_before_it_is_sent_and_nothing_else_but_for_a_reason(
    case: Case,
) -> None:
    manifest = runtimes_of_cases()[case.runtime]
    kind = ClusterTrainingRuntime if manifest["kind"] == "ClusterTrainingRuntime" else TrainingRuntime
    found = findings(TrainJob.from_server(case.job), kind.from_server(manifest), "2.3")

    if case.name in DELIBERATE:
        assert DELIBERATE[case.name] in " ".join(found)
    else:
        assert bool(found) == ("refused" in case.verdict), found
    told = " ".join(notes(TrainJob.from_server(case.job), kind.from_server(manifest), "2.3"))
    assert TOLD.get(case.name, "") in told


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.jobset], ids=lambda case: case.name)
def test_each_job_has_as_many_pods_as_predicted(case: Case) -> None:
    assert case.jobset is not None
    for job in placed(case).replicated_pods():
        assert case.jobset[f"{job.name}/replicas"] == str(job.replicas)
        assert case.jobset[f"{job.name}/job.completions"] == str(job.pods)
        assert case.jobset[f"{job.name}/job.parallelism"] == str(job.pods)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.jobset and name.startswith("torchtune")])
def test_torchtune_is_started_with_the_predicted_command(name: str) -> None:
    case = CASES[name]
    assert case.jobset is not None
    container = "node/pod.containers[node]"
    devices = sum(
        int(amount)
        for path, amount in case.jobset.items()
        if path.startswith(f"{container}.resources.requests") and "gpu" in path
    )
    job = case.job["metadata"]["name"]
    predicted = torchtune.command(
        case.runtime,
        case.job["spec"]["trainer"]["args"],
        devices=devices or 2,  # of the runtime
        rendezvous=f"{job}-node-0-0.{job}:29500",
    )
    assert case.jobset[f"{container}.command"] + case.jobset[f"{container}.args"] == predicted

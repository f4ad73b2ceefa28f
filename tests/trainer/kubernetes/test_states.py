"""What is said of jobs that a control plane suspends, starts again or runs elsewhere, on the played Trainer 2.3.0."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    KubernetesBackendConfig,
    RuntimeGone,
    TorchTuneConfig,
    TrainerClient,
    Unsupported,
    options,
)
from tests.cluster.scenarios import Disruption, Pod, Scenario, Script, scripted
from tests.cluster.stage import Stage
from tests.cluster.trainjobs import API
from tests.cluster.until import until

STAYS = scripted(Script(["up"], stays=None))


def nothing() -> None:
    pass


@contextmanager
def like_torch(cluster: Stage, name: str, **job_set: object) -> Iterator[str]:
    """Make a runtime like `torch-distributed` whose JobSet has more fields, and return its path."""
    runtime = cluster.wire.send("GET", f"{API}/clustertrainingruntimes/torch-distributed")
    runtime["metadata"] = {"name": name, "labels": runtime["metadata"].get("labels")}
    runtime["spec"]["template"]["spec"].update(job_set)
    cluster.wire.send("POST", f"{API}/clustertrainingruntimes", runtime)
    try:
        yield f"{API}/clustertrainingruntimes/{name}"
    finally:
        cluster.wire.remove(f"{API}/clustertrainingruntimes/{name}")


def events(cluster: Stage, home: str, reason: str) -> list[dict[str, Any]]:
    return [each for each in cluster.wire.items(f"/api/v1/namespaces/{home}/events") if each["reason"] == reason]


def test_a_torchtune_job_that_cannot_be_suspended_goes_on_and_says_so(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, home: str
) -> None:
    trainer_cluster.controller.scenarios["tune"] = STAYS
    client = TrainerClient(cluster_config)
    client.train("torchtune-llama3.2-1b", name="tune", trainer=BuiltinTrainer(TorchTuneConfig()))
    client.wait_for_job_status("tune", {"Running"}, timeout=60)
    until(lambda: events(trainer_cluster, home, "TrainJobResourcesCreationFailed"))
    assert "cannot" not in client.explain("tune"), "a race of a healthy job is not told"

    with pytest.raises(Unsupported, match=r"cannot be suspended, and goes on.*volumeClaimPolicies"):
        client.suspend_job("tune")

    assert client.get_job("tune").status == "Running"
    until(lambda: "is to be suspended" not in client.explain("tune"))
    assert "cannot change what the job has" not in client.explain("tune")

    # Somebody suspends it all the same.
    trainer_cluster.wire.patch(f"{API}/namespaces/{home}/trainjobs/tune", {"spec": {"suspend": True}})
    until(lambda: "the control plane cannot change what the job has" in client.explain("tune"))
    told = client.explain("tune")
    assert "retentionPolicy: {whenDeleted: Delete}" in told
    assert client.get_job("tune").status == "Running"
    client.delete_job("tune")


def test_a_torchtune_job_that_was_made_suspended_stays_so_and_says_so(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, home: str
) -> None:
    client = TrainerClient(cluster_config)
    body = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "waits"},
        "spec": {"suspend": True, "runtimeRef": {"name": "torchtune-llama3.2-1b"}, "trainer": {}},
    }
    trainer_cluster.wire.send("POST", f"{API}/namespaces/{home}/trainjobs", body)
    until(lambda: events(trainer_cluster, home, "TrainJobResourcesCreationFailed"))
    path = f"{API}/namespaces/{home}/trainjobs/waits"
    until(lambda: (trainer_cluster.wire.send("GET", path).get("status") or {}).get("jobsStatus"))  # its JobSet is there
    assert client.explain("waits").splitlines()[0] == "TrainJob 'waits' is Suspended: it is suspended."
    with pytest.raises(Unsupported, match=r"cannot be resumed, and stays suspended.*volumeClaimPolicies"):
        client.resume_job("waits")
    assert client.get_job("waits").status == "Suspended"
    client.delete_job("waits")


def test_a_job_of_a_runtime_with_a_ttl_may_be_sent_and_tells_that_it_starts_again(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, caplog: pytest.LogCaptureFixture
) -> None:
    trainer_cluster.controller.scenarios["again"] = scripted(Script(["boom"], exit_code=3))
    client = TrainerClient(cluster_config)
    with like_torch(trainer_cluster, "with-ttl", ttlSecondsAfterFinished=3):
        with caplog.at_level(logging.WARNING):
            client.train("with-ttl", name="again", trainer=CustomTrainer(nothing))
        assert "ttlSecondsAfterFinished: 3" in caplog.text
        assert "client.delete_job('again')" in caplog.text
        client.wait_for_job_status("again", {"Failed"}, timeout=60)
        trainer_cluster.controller.scenarios["again"] = STAYS
        first = client.explain("again")
        assert "ttlSecondsAfterFinished: 3" in first
        until(lambda: client.get_job("again").status == "Running")
        told = client.explain("again")
        assert told.splitlines()[0] == "TrainJob 'again' is Running: 1 of 1 pods run."
        assert "it had failed (" in told
        assert "Trainer 2.3.0 has started it again: the runtime has ttlSecondsAfterFinished: 3" in told
        client.delete_job("again", wait=True, timeout=60)


@pytest.mark.parametrize("suspended", [False, True], ids=["suspend", "resume"])
def test_without_its_runtime_a_job_cannot_be_changed(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, home: str, suspended: bool
) -> None:
    name = f"orphan-{suspended}".lower()
    trainer_cluster.controller.scenarios[name] = STAYS
    client = TrainerClient(cluster_config)
    with like_torch(trainer_cluster, f"gone-{suspended}".lower()) as path:
        runtime = path.rpartition("/")[2]
        given = [options.Suspend()] if suspended else []
        client.train(runtime, name=name, trainer=CustomTrainer(nothing), options=given)
        client.wait_for_job_status(name, {"Suspended" if suspended else "Running"}, timeout=60)
    with pytest.raises(RuntimeGone, match=f"its runtime '{runtime}' does not exist any more"):
        (client.resume_job if suspended else client.suspend_job)(name)
    assert f"its runtime '{runtime}' does not exist any more" in client.explain(name)
    assert TrainerClient(cluster_config).get_job(name).notes[0].startswith(f"its runtime '{runtime}' does not exist")
    client.delete_job(name)


@pytest.mark.parametrize(
    ("deleted", "words"),
    [
        (False, "the pod of node-1 was replaced once: it was ended by the cluster (Terminated): Pod was terminated in"),
        (True, "which is gone, was ended by the cluster (Preempted): Preempted by a pod on node"),
    ],
    ids=["node shutdown", "preemption"],
)
def test_a_pod_that_the_cluster_ended_and_that_runs_again_is_history(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, deleted: bool, words: str
) -> None:
    name = f"moved-{deleted}".lower()
    started: list[tuple[int, int]] = []

    def disruption(pod: Pod) -> Disruption | None:
        """Asked once the status says that a pod runs."""
        started.append((pod.index, pod.attempt))
        return Disruption(1, deleted=deleted) if started[-1] == (1, 0) else None

    stays = Script(["up"], stays=None)
    trainer_cluster.controller.scenarios[name] = Scenario(run=lambda pod: stays, disrupted=disruption)
    client = TrainerClient(cluster_config)
    client.train("torch-restarting", name=name, trainer=CustomTrainer(nothing, num_nodes=2))

    until(lambda: (1, 1) in started)
    until(lambda: [step.status for step in client.get_job(name).steps] == ["Running"] * 2)

    told = client.explain(name)

    assert told.splitlines()[0] == f"TrainJob '{name}' is Running: 2 of 2 pods run."
    assert words in told
    assert "What to try" not in told
    client.delete_job(name)


def test_a_job_of_multikueue_is_said_to_run_elsewhere(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig
) -> None:
    client = TrainerClient(cluster_config)

    def multikueue(job: Any) -> None:
        job.spec.managed_by = "kueue.x-k8s.io/multikueue"

    edit = options.EditTrainJob(multikueue, "MultiKueue")
    client.train("torch-distributed", name="there", trainer=CustomTrainer(nothing), options=[edit])
    assert "MultiKueue runs it on another cluster" in client.explain("there")
    assert client.get_job("there").steps[0].note == "on another cluster, by MultiKueue"
    with pytest.raises(Unsupported, match="on another cluster, and its logs are there"):
        client.get_job_logs("there")
    client.delete_job("there")

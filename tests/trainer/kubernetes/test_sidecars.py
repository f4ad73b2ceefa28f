"""Jobs whose pods have a sidecar that does not end with the training, on the test cluster."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient
from tests.cluster.scenarios import Scenario, Script
from tests.cluster.stage import Stage


def nothing() -> None:
    pass


@pytest.mark.parametrize("exit_code", [0, 1], ids=["succeeds", "fails"])
def test_a_sidecar_that_stays_holds_up_the_job_and_neither_its_readers_nor_its_steps(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig, exit_code: int
) -> None:
    name = f"sidecar-{exit_code}"
    trainer_cluster.controller.scenarios[name] = Scenario(
        run=lambda pod: Script([f"line {number}" for number in range(3)], exit_code=exit_code),
        sidecar=Script(["listening"], stays=None),
    )
    client = TrainerClient(cluster_config)
    client.train("torch-distributed", name=name, trainer=CustomTrainer(nothing, num_nodes=2))

    started = time.monotonic()
    lines = sorted(client.get_job_logs(name, step=None, follow=True))
    assert lines == [f"[node-{node}] line {number}" for node in (0, 1) for number in range(3)]
    assert time.monotonic() - started < 60

    job = client.get_job(name)
    assert job.status == "Running"
    assert [step.status for step in job.steps] == ["Failed" if exit_code else "Succeeded"] * 2
    explained = str(client.explain(name))
    assert "the sidecar 'proxy' runs on, so that the job cannot end" in explained
    assert "native sidecar" in explained
    assert list(client.get_job_logs(name, "node-1", container="proxy", since=timedelta(hours=1))) == ["listening"]
    assert next(client.get_job_logs(name, "node-1", True, container="proxy", tail_lines=1)) == "listening"
    client.delete_job(name, wait=True, timeout=60)


def test_a_job_whose_sidecars_end_later_ends_with_them(
    trainer_cluster: Stage, cluster_config: KubernetesBackendConfig
) -> None:
    trainer_cluster.controller.scenarios["patient"] = Scenario(
        run=lambda pod: Script(["trained"]), sidecar=Script(["listening"], stays=1)
    )
    client = TrainerClient(cluster_config)
    client.train("torch-distributed", name="patient", trainer=CustomTrainer(nothing))
    assert list(client.get_job_logs("patient", follow=True)) == ["trained"]
    assert client.wait_for_job_status("patient", timeout=60).status == "Complete"
    client.delete_job("patient")

"""The client drives a search whose trials are TrainJobs of a cluster, which plays Trainer and runs them for real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.optimizer import GridSearch, OptimizationJob, OptimizerClient, Search, TrialConfig
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient, options
from tests.cluster.stage import MISSING, REASON, Stage, namespace, stage
from tests.cluster.trainjobs import API
from tests.optimizer.client import trial_functions

WAIT = 240


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Stage]:
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path / "cluster") as running:
        yield running


def test_trials_are_trainjobs_with_their_options(
    cluster: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "state"))
    config = KubernetesBackendConfig(
        config_file=str(cluster.kubeconfig), namespace=namespace(cluster.wire, "client-driven")
    )
    client = OptimizerClient(config)
    trainer = CustomTrainer.call(
        trial_functions.bowl, lr=0.5, batch=Search.int(1, 3), flag=Search.choice([True]), layer=None
    )

    name = client.optimize(
        trainer,
        name="bowl",
        algorithm=GridSearch(),
        trial_config=TrialConfig(num_trials=3, parallel_trials=2),
        options=[options.Labels({"kueue.x-k8s.io/queue-name": "research"})],
    )

    def admit(_: OptimizationJob) -> None:
        """Start what waits in the queue, as Kueue does."""
        for trainjob in cluster.wire.items(f"{API}/namespaces/{config.namespace}/trainjobs"):
            if trainjob["spec"].get("suspend"):
                cluster.controller.admit(trainjob["metadata"]["name"], str(config.namespace))

    job = client.wait_for_job_status(name, timeout=WAIT, polling_interval=0.5, callbacks=[admit])

    assert (job.engine, [trial.status for trial in job.trials]) == ("client", ["Complete"] * 3)
    assert [trial.parameters["batch"] for trial in job.trials] == [1, 2, 3]
    best = job.best_trial
    assert best is not None
    assert best.metrics[0].latest == pytest.approx(0.16)
    assert "batch 1" in list(client.get_job_logs(name))
    queued = TrainerClient(config).list_jobs(label_selector="kueue.x-k8s.io/queue-name=research")
    assert {found.name for found in queued} == {"bowl-0", "bowl-1", "bowl-2"}
    client.delete_job(name)
    assert client.list_jobs() == []
    assert TrainerClient(config).list_jobs() == []

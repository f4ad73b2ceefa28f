"""A search whose trials are containers: the same call, and nothing of them is left on the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeflow.optimizer import GridSearch, OptimizerClient, Search, TrialConfig
from kubeflow.trainer import ContainerBackendConfig, CustomTrainer, TrainerClient
from tests.container_engines import IMAGE, EngineUnderTest, container_engine
from tests.optimizer.client import trial_functions

__all__ = ["container_engine"]
WAIT = 300


@pytest.mark.parametrize("container_engine", ["podman"], indirect=True)
def test_trials_are_containers_that_report_and_whose_prints_are_read(
    container_engine: EngineUnderTest, tmp_path: Path
) -> None:
    before = set(container_engine.left())
    config = ContainerBackendConfig(
        container_host=container_engine.host, pull_policy="Never", state_dir=tmp_path / "state", grace=1
    )
    client = OptimizerClient(config)

    name = client.optimize(
        CustomTrainer(trial_functions.untyped, image=IMAGE),
        search_space={"lr": Search.choice([0.25, 0.5]), "n": Search.choice([3])},
        name="boxes",
        algorithm=GridSearch(),
        trial_config=TrialConfig(2, 2),
    )
    job = client.wait_for_job_status(name, timeout=WAIT)

    assert [trial.status for trial in job.trials] == ["Complete"] * 2, client.explain(name)
    assert {trial.parameters["lr"]: trial.metrics[0].latest for trial in job.trials} == {0.25: 3.5, 0.5: 4.0}
    assert job.best_trial is not None
    assert list(client.get_job_logs(name)) == ["loss=3.5"]
    events = TrainerClient(config).get_job_events("boxes-0")
    assert "Container" in {event.involved_object_kind for event in events}
    client.delete_job(name)
    assert TrainerClient(config).list_jobs() == []
    assert [each for each in set(container_engine.left()) - before if tmp_path.name in each] == []

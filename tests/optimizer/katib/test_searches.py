"""Searches that the played Katib runs: trials are real processes, and what they print is what their metrics are."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from kubeflow_api.katib.v1beta1 import Experiment

from kubeflow.optimizer import OptimizationJob, OptimizerClient, Search, TrainJobTemplate, TrialConfig
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient
from tests.cluster.katib.katibcontroller import API
from tests.cluster.stage import Stage
from tests.optimizer.katib.searches import search


def over(engine: KatibEngine, name: str, seconds: float = 240) -> OptimizationJob:
    deadline = time.monotonic() + seconds
    job = engine.get_job(name)
    while job.status not in ("Complete", "Failed", "Stopped"):
        assert time.monotonic() < deadline, engine.explain(name)
        job = engine.next_change(name, job, 5)
    return job


def test_a_search_runs_to_its_best_trial_with_values_of_the_types_of_its_space(engine: KatibEngine) -> None:
    engine.optimize(search(trials=3, parallel=3))

    job = over(engine, "tune")

    assert job.status == "Complete", engine.explain("tune")
    assert len(job.trials) == 3
    assert {trial.status for trial in job.trials} == {"Complete"}
    for trial in job.trials:
        assert type(trial.parameters["lr"]) is float
        assert trial.parameters["batch_size"] in (16, 32, 64)
        expected = abs(trial.parameters["lr"] - 0.01) + trial.parameters["batch_size"] / 1000
        assert trial.metrics[0].min == expected
        assert trial.trainjob is not None
        assert trial.trainjob.status == "Complete"
    values = {trial.name: trial.metrics[0].min for trial in job.trials}
    assert job.best_trial is not None
    assert job.best_trial.name == min(values, key=lambda name: values[name] or 0)
    assert any("loss=" in line for line in engine.get_job_logs("tune"))


def train_func(learning_rate: float, batch_size: int) -> None:
    """Training function with hyperparameters, as the introduction to the SDK has it, without its ten seconds."""
    for i in range(10):
        time.sleep(0.01)
        print(f"Training {i}, lr: {learning_rate}, batch_size: {batch_size}")

    print(f"loss={round(random.uniform(0.77, 0.99), 2)}")


def introduction(config: KubernetesBackendConfig, num_trials: int) -> Any:
    """The arguments of `optimize`, as the introduction has them."""
    template = TrainJobTemplate(
        trainer=CustomTrainer(
            func=train_func,
            func_args={"learning_rate": "0.01", "batch_size": "16"},
            num_nodes=2,
            resources_per_node={"gpu": 1},
        ),
        runtime=TrainerClient(config).get_runtime("torch-distributed"),
    )
    return {
        "trial_template": template,
        "search_space": {
            "learning_rate": Search.loguniform(0.001, 0.1),
            "batch_size": Search.choice([16, 32, 64, 128]),
        },
        "trial_config": TrialConfig(num_trials=num_trials, parallel_trials=2, max_failed_trials=1),
    }


def test_the_introduction_runs_as_it_is(cluster: Stage, namespace: str, tmp_path: Path) -> None:
    config = KubernetesBackendConfig(config_file=str(cluster.kubeconfig), namespace=namespace)
    optimizer = OptimizerClient(config)

    job_name = optimizer.optimize(**introduction(config, 2))
    optimizer.get_job(job_name)
    optimizer.wait_for_job_status(job_name, timeout=240)
    best_results = optimizer.get_best_results(job_name)
    job = optimizer.get_job(job_name)

    assert job.engine == "katib"
    assert [trial.status for trial in job.trials] == ["Complete"] * 2, optimizer.explain(job_name)
    assert best_results is not None
    assert 0.77 <= (best_results.metrics[0].min or 0) <= 0.99
    assert [type(value) for value in best_results.parameters.values()] == [float, int]
    assert any(line.startswith("Training 9, lr: 0.") for line in optimizer.get_job_logs(job_name))
    report = optimizer.report(job_name, tmp_path).read_text("utf-8")
    assert all(trial.name in report for trial in job.trials)
    assert "Not known" not in report
    optimizer.delete_job(job_name)


def test_the_introduction_as_a_whole_is_taken_by_the_api_server(cluster: Stage, namespace: str) -> None:
    config = KubernetesBackendConfig(config_file=str(cluster.kubeconfig), namespace=namespace)
    experiment = OptimizerClient(config, engine="katib").optimize(**introduction(config, 20), dry_run=True)

    assert isinstance(experiment, Experiment)
    query = {"fieldValidation": "Strict", "dryRun": "All"}
    stored = cluster.wire.send("POST", f"{API}/namespaces/{namespace}/experiments", experiment.to_dict(), query=query)

    assert stored["spec"]["maxTrialCount"] == 20
    assert stored["spec"]["trialTemplate"]["successCondition"]  # as Katib has it for a TrainJob

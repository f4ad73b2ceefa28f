"""The life of a search that Katib runs: what goes wrong in trials, what is said of it, and what its user can do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    GridSearch,
    MedianStop,
    Objective,
    OptimizationJob,
    OptimizationNotFound,
    OptimizationSpec,
    RandomSearch,
    Search,
)
from kubeflow.optimizer.engines.katib.experiment_objects import INJECTION_LABEL, get_experiment, list_trials
from kubeflow.optimizer.engines.katib.experiment_view import optimization_view
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.optimizer.errors import EngineRefuses, OptimizationExists
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.optimizer.types.optimization_types import TrialConfig
from kubeflow.trainer import CustomTrainerContainer
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.options import TrainerCommand
from kubeflow.trainer.runtimes.shipped import shipped_runtime
from tests.cluster.scenarios import REAL, Scenario
from tests.cluster.stage import Stage
from tests.cluster.stage import namespace as plain_namespace
from tests.optimizer.katib.conftest import engine_of
from tests.optimizer.katib.searches import search


@pytest.fixture(autouse=True)
def real(cluster: Stage) -> Iterator[None]:
    cluster.controller.default = REAL
    yield
    cluster.controller.default = REAL


def shell(name: str, script: str, *, trials: int = 3, parallel: int = 1, **more: object) -> OptimizationSpec:
    """A search whose trials are a line of a shell, which is over in no time."""
    objectives = more.pop("objectives", None)
    config = more.pop("config", {})
    x = more.pop("x", Search.uniform(0.1, 0.9))
    assert isinstance(config, dict)
    return optimization_spec(
        name=name,
        runtime=shipped_runtime("torch-distributed"),
        trainer=CustomTrainerContainer("example.com/team/train:1"),
        search_space={"x": x},
        options=[TrainerCommand(["bash", "-c", script])],
        trial_config=TrialConfig(trials, parallel, **config),
        objectives=objectives,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


X = "${trialParameters.x}"


def until(engine: KatibEngine, name: str, *statuses: str, seconds: float = 120) -> OptimizationJob:
    deadline = time.monotonic() + seconds
    job = engine.get_job(name)
    while job.status not in statuses:
        assert time.monotonic() < deadline, engine.explain(name)
        job = engine.next_change(name, job, 2)
    return job


def test_a_trial_whose_loss_is_not_a_number_has_failed_and_is_never_the_best(engine: KatibEngine) -> None:
    engine.optimize(
        shell(
            "nan",
            f"python3 -c 'x={X}; print(f\"loss={{x if x > 0.4 else float(chr(110)+chr(97)+chr(110))}}\")'",
            trials=6,
        )
    )

    job = until(engine, "nan", "Complete")

    failed = [trial for trial in job.trials if trial.status == "Failed"]
    assert {trial.reason for trial in failed} <= {"loss was never reported as a finite number"}
    assert all(trial.parameters["x"] <= 0.4 for trial in failed)  # type: ignore[operator]
    assert job.best_trial is None or job.best_trial.parameters["x"] > 0.4  # type: ignore[operator]


def test_the_goal_ends_the_search(engine: KatibEngine) -> None:
    engine.optimize(shell("goal", f"echo loss={X}", trials=20, objectives=[Objective("loss", goal=0.95)]))

    job = until(engine, "goal", "Complete")

    assert len(job.trials) < 20
    assert "goal" in job.reason


def fails(lr, batch_size):  # type: ignore[no-untyped-def]
    raise ValueError("the data is gone")


def test_a_failed_trial_says_why_in_the_explanation(engine: KatibEngine) -> None:
    engine.optimize(search("fails", fails, trials=2, parallel=1, config={"max_failed_trials": 0}))

    job = until(engine, "fails", "Failed")

    assert job.trials[0].status == "Failed"
    assert "max failed" in job.reason
    said = engine.explain("fails")
    assert "ValueError: the data is gone" in said, said


def test_a_metric_of_another_name_is_named_with_those_that_were_printed(engine: KatibEngine) -> None:
    engine.optimize(shell("misnamed", f"echo epoch=1 accurracy={X}", objectives=[Objective("accuracy", "maximize")]))

    job = until(engine, "misnamed", "Complete", "Failed")

    assert {trial.status for trial in job.trials} == {"Failed"}
    early = optimization_view_of_first(engine, "misnamed")
    assert early.reason == "no trial has reported 'accuracy' so far: see explain() for what they print"
    said = engine.explain("misnamed")
    assert "it printed epoch, accurracy" in said, said
    assert "accurracy" in said.split("What to try:")[1]


def optimization_view_of_first(engine: KatibEngine, name: str) -> OptimizationJob:
    """A search as it was when its first trial had ended."""
    connection = engine._backend.online("test")  # pyright: ignore[reportPrivateUsage]
    experiment = {**get_experiment(connection, name), "status": {"conditions": [{"type": "Running", "status": "True"}]}}
    return optimization_view(experiment, list_trials(connection, name)[:1], {})


def test_what_a_service_refuses_is_the_reason_of_the_search(engine: KatibEngine) -> None:
    experiment = engine.render(shell("settings", f"echo loss={X}"))
    assert experiment.spec.algorithm.algorithm_name == "random"
    document = experiment.to_yaml().replace("algorithmName: random", "algorithmName: grid")
    with pytest.raises(EngineRefuses, match="takes floats with a step only"):
        engine.create_job(document)
    # As another client sends it.
    body = experiment.to_dict()
    body["spec"]["algorithm"] = {"algorithmName": "grid"}  # type: ignore[index]
    namespace = engine.render(shell("x", f"echo loss={X}")).metadata
    assert namespace is not None
    connection = engine._backend.online("test")  # pyright: ignore[reportPrivateUsage]
    from kubeflow.core.resource import Request

    path = f"/apis/kubeflow.org/v1beta1/namespaces/{namespace.namespace}/experiments"
    connection.transport.send(Request("POST", path, body=body))

    job = until(engine, "settings", "Failed")

    assert "all parameters must include step" in job.reason
    assert "suggestion service refuses the search" in engine.explain("settings")


def test_pods_without_a_collector_are_told_of(cluster: Stage, engine: KatibEngine, namespace: str) -> None:
    cluster.controller.default = Scenario(refused="wait")  # so that no pod is made before the label is gone
    engine.optimize(shell("bare", f"echo loss={X}; sleep 30", trials=1))
    cluster.wire.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {INJECTION_LABEL: None}}})
    cluster.controller.default = Scenario(schedule=0.5)

    deadline = time.monotonic() + 30
    while "no metrics collector" not in (said := engine.explain("bare")):
        assert time.monotonic() < deadline, said
        time.sleep(0.3)

    assert f"kubectl label namespace {namespace} {INJECTION_LABEL}=enabled" in said
    engine.delete_job("bare")


def test_logs_of_a_trial_that_is_pending_are_waited_for(cluster: Stage, engine: KatibEngine) -> None:
    cluster.controller.default = Scenario(schedule=1.5)
    engine.optimize(shell("slow", f"echo before; echo loss={X}; echo after", trials=1))

    lines = list(engine.get_job_logs("slow", follow=True))

    assert lines[0] == "before"
    assert lines[1].startswith("loss=0.")
    assert lines[2] == "after"
    assert list(engine.get_job_logs("slow")) == lines


def jobs_of(engine: KatibEngine, name: str) -> list[str]:
    return [trial.trainjob.status for trial in engine.get_job(name).trials if trial.trainjob is not None]


def test_a_search_is_suspended_resumed_and_stopped(engine: KatibEngine) -> None:
    engine.optimize(shell("pausing", f"echo loss={X}; sleep 40", trials=4, parallel=2))
    deadline = time.monotonic() + 30
    while [t.status for t in engine.get_job("pausing").trials].count("Running") < 2:
        assert time.monotonic() < deadline, engine.explain("pausing")
        time.sleep(0.2)

    engine.suspend_job("pausing")
    assert engine.get_job("pausing").status == "Suspended"
    deadline = time.monotonic() + 30
    while jobs_of(engine, "pausing") != ["Suspended", "Suspended"]:
        assert time.monotonic() < deadline, engine.explain("pausing")
        time.sleep(0.2)

    engine.resume_job("pausing")
    assert engine.get_job("pausing").status == "Running"

    engine.stop_job("pausing")
    engine.stop_job("pausing")
    assert engine.get_job("pausing").status == "Stopped"
    with pytest.raises(InvalidInput, match="was stopped"):
        engine.resume_job("pausing")
    engine.delete_job("pausing")


def test_more_trials_while_it_runs_and_none_once_its_service_is_gone(engine: KatibEngine, tmp_path: Path) -> None:
    go = tmp_path / "go"
    engine.optimize(shell("more", f"while [ ! -e {go} ]; do sleep 0.05; done; echo loss={X}", trials=2))
    engine.extend("more", 4)
    go.touch()

    job = until(engine, "more", "Complete")

    assert (len(job.trials), job.trial_config.num_trials) == (4, 4)
    with pytest.raises(InvalidInput, match="has 4 trials already"):
        engine.extend("more", 3)
    with pytest.raises(Unsupported, match="LongRunning"):
        engine.extend("more", 6)


def test_a_search_with_a_resume_policy_goes_on(engine: KatibEngine) -> None:
    experiment = engine.render(shell("again", f"echo loss={X}", trials=1))
    experiment.spec.resume_policy = "LongRunning"
    engine.create_job(experiment)
    until(engine, "again", "Complete")

    engine.extend("again", 3)

    deadline = time.monotonic() + 40
    while len((job := engine.get_job("again")).trials) < 3 or job.status != "Complete":
        assert time.monotonic() < deadline, engine.explain("again")
        time.sleep(0.2)


def test_jobs_that_are_not_kept_take_their_logs_with_them(engine: KatibEngine) -> None:
    engine.optimize(shell("tidy", f"echo loss={X}", trials=1, config={"retain": False}))
    job = until(engine, "tidy", "Complete")
    deadline = time.monotonic() + 20
    while engine.get_job("tidy").trials[0].trainjob is not None:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert job.best_trial is not None
    assert job.best_trial.metrics[0].latest == pytest.approx(job.best_trial.parameters["x"])
    with pytest.raises(InvalidInput, match="retain=True"):
        engine.get_job_logs("tidy")


def test_trials_that_fall_behind_are_stopped(engine: KatibEngine) -> None:
    # All but the best one end only when they are stopped.
    script = f"{{ for i in 1 2 3; do echo loss={X}; done; [ {X} = 1 ] || sleep 600; }}"
    rule = MedianStop(min_trials=1, start_step=2)
    engine.optimize(shell("median", script, x=Search.int(1, 4), trials=4, algorithm=GridSearch(), early_stopping=rule))

    job = until(engine, "median", "Complete")

    by_value = {trial.parameters["x"]: trial for trial in job.trials}
    assert {x: trial.status for x, trial in by_value.items()} == {
        1: "Complete", 2: "Stopped", 3: "Stopped", 4: "Stopped",
    }  # fmt: skip
    assert all("median" in by_value[x].reason for x in (2, 3, 4))
    assert job.best_trial == by_value[1]


def test_events_are_those_of_the_search_and_of_its_trials(engine: KatibEngine) -> None:
    engine.optimize(shell("told", f"echo loss={X}", trials=1))
    until(engine, "told", "Complete")

    kinds = {event.involved_object_kind for event in engine.get_job_events("told")}

    assert {"Trial", "Pod"} <= kinds


def test_names_that_are_taken_missing_or_misspelt(engine: KatibEngine) -> None:
    engine.optimize(shell("taken", f"echo loss={X}", trials=1))

    with pytest.raises(OptimizationExists):
        engine.optimize(shell("taken", f"echo loss={X}", trials=1))
    engine.optimize(shell("taken", f"echo loss={X}", trials=1), resume=True)
    with pytest.raises(InvalidInput, match=r"'taken' exists with other objectives.*or another name="):
        engine.optimize(shell("taken", f"echo loss={X}", trials=1, objectives=[Objective("acc")]), resume=True)
    with pytest.raises(InvalidInput, match="'taken' exists with other settings of its algorithm"):
        engine.optimize(shell("taken", f"echo loss={X}", trials=1, algorithm=RandomSearch(3)), resume=True)
    with pytest.raises(OptimizationNotFound, match="'taken'"):
        engine.get_job("take")
    with pytest.raises(InvalidInput, match="has no trial 'other'"):
        engine.get_job_logs("taken", "other")
    engine.delete_job("taken")
    with pytest.raises(OptimizationNotFound):
        engine.delete_job("nowhere")


def test_a_namespace_without_the_label_is_refused_with_the_command(cluster: Stage) -> None:
    plain_namespace(cluster.wire, "unlabelled")
    engine = engine_of(cluster, "unlabelled")
    spec = shell("x", f"echo loss={X}")

    with pytest.raises(EngineRefuses, match="kubectl label namespace unlabelled"):
        engine.optimize(spec)

    assert [finding.what for finding in engine.findings(spec)] == ["namespace 'unlabelled'"]


def test_a_runtime_that_fetches_a_dataset_is_refused_by_what_the_cluster_says(engine: KatibEngine) -> None:
    spec = search("cached", runtime="torch-distributed-with-cache")

    with pytest.raises(EngineRefuses, match="pods without a container 'node'"):
        engine.optimize(spec)

"""Searches as OptimizationJobs: what the kind cannot say, what a server with the CRD of Trainer's main takes, and a run."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from kubeflow_api.trainer.v1alpha1 import OptimizationJob as Model
from kubeflow_api.trainer.v1alpha1 import validate_rules

from kubeflow.cluster.errors import ControlPlaneMissing
from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    TPE,
    EngineRefuses,
    GridSearch,
    MedianStop,
    Objective,
    OptimizationNotFound,
    OptimizationSpec,
    RandomSearch,
    Search,
)
from kubeflow.optimizer.engines.optimizationjob.optimizationjob_engine import OptimizationJobEngine
from kubeflow.optimizer.engines.optimizationjob.optimizationjob_rendering import rendered_job, variable
from kubeflow.optimizer.engines.optimizationjob.optimizationjob_view import NO_CONTROLLER, optimizationjob_view
from kubeflow.optimizer.errors import OptimizationExists
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import CustomTrainerContainer, KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.options import TrainerArgs, TrainerCommand
from kubeflow.trainer.runtimes.shipped import shipped_runtime
from tests.apiserver import Refused
from tests.cluster.optimizationjobs import API, OptimizationJobs, drawn_text
from tests.cluster.stage import MISSING, REASON, Stage, namespace, stage
from tests.optimizer.drawn_spaces import spaces
from tests.optimizer.katib.searches import fit, search
from tests.optimizer.katib.test_experiments import EXAMPLES, coerced, is_inside, searches
from tests.optimizer.katib.test_searches import train_func
from tests.trainer.kubernetes.backend.home import home


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("optimizationjobs")) as running, OptimizationJobs(running):
        yield running


@pytest.fixture(scope="module")
def engine(cluster: Stage) -> OptimizationJobEngine:
    space = namespace(cluster.wire, "jobs")
    config = KubernetesBackendConfig(config_file=str(cluster.kubeconfig), namespace=space)
    return OptimizationJobEngine(KubernetesBackend(config))


@given(searches())
@settings(max_examples=EXAMPLES)
def test_a_job_parses_back_equal_and_its_values_arrive(spec: OptimizationSpec) -> None:
    spec = replace(spec, algorithm=spec.algorithm if isinstance(spec.algorithm, GridSearch) else RandomSearch())
    spec = replace(spec, config=replace(spec.config, max_failed_trials=None))
    try:
        job = rendered_job(spec)
    except EngineRefuses as error:
        assert all(finding.why and finding.remedy for finding in error.findings)
        return

    assert Model.from_yaml(job.to_yaml()) == job
    assert not validate_rules(job)
    generator = random.Random(1)
    listed = {each["name"]: each["searchSpace"] for each in job.to_dict()["spec"]["parameters"]}  # type: ignore[index]
    for name, values in spec.space.items():
        for _ in range(3):
            text = drawn_text(listed[name], generator)
            assert is_inside(values, coerced(name, text, values)), (name, text)


def test_the_api_server_takes_what_is_rendered(cluster: Stage) -> None:
    path = f"{API}/namespaces/default/optimizationjobs"

    @given(searches(), spaces())
    @settings(max_examples=int(os.environ.get("KUBEFLOW_TEST_SERVED", "15")))
    def check(spec: OptimizationSpec, space: dict[str, object]) -> None:
        algorithm = spec.algorithm if isinstance(spec.algorithm, GridSearch) else RandomSearch(3)
        try:
            job = rendered_job(replace(spec, algorithm=algorithm, config=replace(spec.config, max_failed_trials=None)))
        except EngineRefuses:
            return
        query = {"fieldValidation": "Strict", "dryRun": "All"}
        stored = Model.from_server(cluster.wire.send("POST", path, job.to_dict(), query=query))
        assert stored.spec.parameters == job.spec.parameters

    check()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (lambda: search(algorithm=TPE()), r"Take RandomSearch\(\)"),
        (lambda: search(early_stopping=MedianStop()), "early_stopping"),
        (lambda: search(trials=101), "100 are at most"),
        (lambda: search(config={"max_failed_trials": 2}), "does not count failures"),
        (lambda: search(config={"retain": False}), "keeps the jobs of its trials"),
        (lambda: search(objectives=[Objective("loss", goal=0.1)]), "has none"),
        (lambda: search(objectives=[Objective("loss", strategy="min")]), "Report the best so far"),
        (lambda: search(objectives=[Objective("a"), Objective("b")]), "an OptimizationJob has one"),
        (lambda: search(func=takes, space={"lr": Search.normal(0, 1)}), "no normal distribution"),
        (lambda: search(func=takes, space={"lr": Search.uniform(0, 1), "LR": Search.uniform(0, 1)}), "more than case"),
        (lambda: search(func=takes, space={"lr": Search.uniform(0, 1)}, algorithm=GridSearch(3)), "not shuffled"),
    ],
)
def test_what_it_cannot_say_is_refused_with_the_nearest(spec: Callable[[], OptimizationSpec], words: str) -> None:
    given = (
        spec()
        if "shuffled" not in words
        else search(func=takes, space={"a": Search.int(1, 20)}, algorithm=GridSearch(3))
    )

    with pytest.raises(EngineRefuses, match=words) as error:
        rendered_job(given)

    assert all(finding.remedy for finding in error.value.findings)


def takes(**values: object) -> dict[str, float]:
    return {"loss": 1.0}


def test_an_image_reads_values_by_references_to_variables() -> None:
    spec = optimization_spec(
        name="image",
        runtime=shipped_runtime("torch-distributed"),
        trainer=CustomTrainerContainer("example.com/team/train:1"),
        search_space={"lr": Search.uniform(0.1, 1)},
        options=[TrainerCommand(["train"]), TrainerArgs(["--lr=${trialParameters.lr}"])],
    )

    trainer = rendered_job(spec).spec.train_job_template.spec.trainer

    assert trainer is not None
    assert trainer.args == [f"--lr=$({variable('lr')})"]


def until(engine: OptimizationJobEngine, name: str) -> None:
    deadline = time.monotonic() + 120
    while engine.get_job(name).status not in ("Complete", "Failed"):
        assert time.monotonic() < deadline, engine.explain(name)
        time.sleep(0.3)


def test_a_search_runs_with_the_function_unchanged(engine: OptimizationJobEngine) -> None:
    engine.optimize(search("run", fit, trials=3, parallel=3))
    until(engine, "run")

    job = engine.get_job("run")

    assert [trial.status for trial in job.trials] == ["Complete"] * 3, engine.explain("run")
    for trial in job.trials:
        lr, size = trial.parameters["lr"], trial.parameters["batch_size"]
        assert type(lr) is float
        assert size in (16, 32, 64)
        assert trial.metrics[0].latest == pytest.approx(abs(lr - 0.01) + size / 1000)
    assert job.best_trial is not None
    assert any(line.startswith("lr is") for line in engine.get_job_logs("run"))
    assert {event.involved_object_kind for event in engine.get_job_events("run")} >= {"Pod"}
    assert "Complete" in engine.explain("run")
    with pytest.raises(OptimizationExists):
        engine.optimize(search("run", fit))
    with pytest.raises(InvalidInput, match="'run' exists with another numTrials, and an OptimizationJob cannot be"):
        engine.optimize(search("run", fit, trials=7), resume=True)
    with pytest.raises(Unsupported, match="cannot be extended"):
        engine.extend("run", 9)
    with pytest.raises(OptimizationNotFound, match="'run'"):
        engine.get_job("runn")
    assert [each.name for each in engine.list_jobs()] == ["run"]
    engine.delete_job("run")


def test_the_introduction_is_taken_and_its_yaml_is_created(cluster: Stage, engine: OptimizationJobEngine) -> None:
    space = {"learning_rate": Search.loguniform(0.001, 0.1), "batch_size": Search.choice([16, 32, 64, 128])}
    spec = search("intro", train_func, space, trials=20, parallel=4)
    job = engine.render(spec)
    query = {"fieldValidation": "Strict", "dryRun": "All"}

    stored = cluster.wire.send("POST", f"{API}/namespaces/jobs/optimizationjobs", job.to_dict(), query=query)

    assert stored["spec"]["numTrials"] == 20
    broken = job.to_yaml().replace("parallelTrials: 4", "parallelTrials: 40")
    with pytest.raises(InvalidInput):
        engine.create_job(broken)
    with pytest.raises(Refused, match="parallelTrials"):
        body = {**job.to_dict(), "spec": {**job.to_dict()["spec"], "parallelTrials": 40}}  # type: ignore[dict-item]
        cluster.wire.send("POST", f"{API}/namespaces/jobs/optimizationjobs", body)


def test_a_job_that_no_controller_acts_on_is_told_from_a_running_one() -> None:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    item = rendered_job(search()).to_dict()
    item["metadata"] = {"name": "tune", "creationTimestamp": "2026-01-01T00:00:00Z"}

    early = optimizationjob_view(item, [], made + timedelta(seconds=30))
    late = optimizationjob_view(item, [], made + timedelta(seconds=90))

    assert (early.status, early.reason) == ("Created", "")
    assert (late.status, late.reason) == ("Created", NO_CONTROLLER)
    item["status"] = {"conditions": [{"type": "Created", "status": "True"}]}
    assert optimizationjob_view(item, [], made + timedelta(seconds=90)).status == "Running"


def test_a_cluster_without_the_kind_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    if MISSING:
        pytest.skip(REASON)
    with home(tmp_path_factory.mktemp("without"), "2.3") as made:
        engine = OptimizationJobEngine(KubernetesBackend(made.config("default")))

        with pytest.raises(EngineRefuses, match=r"comes after Kubeflow Trainer 2\.3"):
            engine.optimize(search())
        with pytest.raises(ControlPlaneMissing):
            engine.list_jobs()

"""Clusters that are not as they should be: no Katib, one that is too old, one whose controller is away; and foreign objects."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ControlPlaneMissing, Forbidden
from kubeflow.core.resource import Request, Transport
from kubeflow.optimizer import CategoricalSearchSpace, EngineRefuses, OptimizationJob, RandomSearch
from kubeflow.optimizer.engines.katib.experiment_rendering import Surroundings, rendered_experiment
from kubeflow.optimizer.engines.katib.experiment_view import WANTED_ANNOTATION
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.trainer import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from tests.cluster.katib.experimentrules import INJECTION, default_experiment
from tests.cluster.katib.katibcontroller import API, Katib, katib_crds, labelled_namespace
from tests.cluster.stage import MISSING, REASON, install, stage
from tests.optimizer.katib.searches import search
from tests.optimizer.katib.stock import TRAINJOBS, stock_search
from tests.trainer.kubernetes.backend.home import Counted, Home, home

Object = dict[str, Any]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A cluster with Trainer's and Katib's kinds, and nobody who acts on them."""
    if MISSING:
        pytest.skip(REASON)
    with home(tmp_path_factory.mktemp("bare"), "2.3") as made:
        install(made.wire, katib_crds())
        yield made


def counted(bare: Home, namespace: str) -> tuple[KatibEngine, Counted]:
    counts: list[Counted] = []

    def wrap(transport: Transport) -> Transport:
        counts.append(Counted(transport))
        return counts[0]

    return KatibEngine(KubernetesBackend(bare.config(namespace), wrap)), counts[0]


def make_namespace(bare: Home, name: str, **labels: str) -> str:
    bare.wire.send("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    return name


def test_a_cluster_without_katib_is_told_from_one_without_searches(tmp_path_factory: pytest.TempPathFactory) -> None:
    if MISSING:
        pytest.skip(REASON)
    with home(tmp_path_factory.mktemp("without"), "2.3") as made:
        engine = KatibEngine(KubernetesBackend(made.config("default")))

        assert [finding.what for finding in engine.findings(search())] == ["Katib"]
        with pytest.raises(EngineRefuses, match="this cluster does not have it"):
            engine.optimize(search())
        with pytest.raises(ControlPlaneMissing):
            engine.list_jobs()


def test_katib_that_nobody_runs_is_told_before_anything_is_made(bare: Home) -> None:
    namespace = make_namespace(bare, "silent", **{INJECTION: "enabled"})
    engine = KatibEngine(KubernetesBackend(bare.config(namespace)))

    with pytest.raises(EngineRefuses, match="its webhook did not look at the search"):
        engine.optimize(search())

    assert bare.wire.items(f"{API}/namespaces/{namespace}/experiments") == []


def test_katib_0_18_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("old")) as running, Katib(running, minor="0.18"):
        namespace = labelled_namespace(running, "old")
        config = KubernetesBackendConfig(config_file=str(running.kubeconfig), namespace=namespace)
        engine = KatibEngine(KubernetesBackend(config))

        with pytest.raises(EngineRefuses, match=r"older than 0\.19, and does not know TrainJobs"):
            engine.optimize(search())


@pytest.mark.parametrize("trials", [3, 40])
def test_a_search_costs_four_requests_whatever_its_number_of_trials(bare: Home, trials: int) -> None:
    namespace = make_namespace(bare, f"many-{trials}")
    stock_search(bare.wire, namespace, "many", trials)
    engine, requests = counted(bare, namespace)
    requests.sent()

    job = engine.get_job("many")

    assert len(requests.sent()) == 3
    assert len(job.trials) == trials
    assert job.best_trial is not None
    assert job.best_trial.metrics[0].min == 0.0
    assert all(trial.trainjob is not None and trial.trainjob.status == "Complete" for trial in job.trials)
    assert len(engine.list_jobs()) == 1
    assert len(requests.sent()) == 2
    bare.wire.patch(f"{API}/namespaces/{namespace}/experiments/many/status", {"status": {"conditions": [
        {"type": "Failed", "status": "True", "reason": "ExperimentFailed", "message": "Suggestion has failed"}
    ]}})  # fmt: skip
    assert engine.get_job("many").status == "Failed"
    assert len(requests.sent()) == 4


@dataclass
class Restricted:
    """A transport for credentials that may not read namespaces, Suggestions, events and TrainJobs."""

    transport: Transport

    def send(self, request: Request) -> Mapping[str, object]:
        last = request.path.split("/")[1:]
        if (
            (last[:3] == ["api", "v1", "namespaces"] and (len(last) == 4 or last[-1] == "events"))
            or "suggestions" in last
            or last[-1] == "trainjobs"
        ):
            raise Forbidden("no right to that", code=403, server_message="no right to that")
        return self.transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self.transport.lines(request)


def test_whoever_may_not_see_all_is_told_what_is_unseen(bare: Home) -> None:
    namespace = make_namespace(bare, "restricted")
    stock_search(bare.wire, namespace, "shy", 2)
    bare.wire.patch(f"{API}/namespaces/{namespace}/experiments/shy/status", {"status": {"conditions": []}})
    engine = KatibEngine(KubernetesBackend(bare.config(namespace), Restricted))

    assert not engine.findings(search())  # Katib itself will say whether the label is there
    assert [trial.trainjob for trial in engine.get_job("shy").trials] == [None, None]
    said = engine.explain("shy")

    assert "no right to see the Suggestion: no right to that" in said
    assert "no right to see the events of the namespace" in said


@dataclass
class Vanishing:
    """A transport to a cluster whose first TrainJob is deleted as soon as all have been listed."""

    transport: Transport
    home: Home

    def send(self, request: Request) -> Mapping[str, object]:
        answer = self.transport.send(request)
        if request.method == "GET" and request.path.endswith("/trainjobs"):
            listed = wire.objects(answer, "items")
            if len(listed) == 2:
                self.home.wire.remove(f"{request.path}/{wire.text(listed[0], 'metadata', 'name')}")
        return answer

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self.transport.lines(request)


def test_a_trial_that_is_gone_meanwhile_keeps_no_other_from_being_resumed(bare: Home) -> None:
    namespace = make_namespace(bare, "vanishing")
    stock_search(bare.wire, namespace, "resting", 2)
    experiment = f"{API}/namespaces/{namespace}/experiments/resting"
    bare.wire.patch(f"{experiment}/status", {"status": {"conditions": []}})
    bare.wire.patch(experiment, {"metadata": {"annotations": {WANTED_ANNOTATION: "Suspended"}}})
    for job in bare.jobs(namespace):
        path = f"{TRAINJOBS.format(namespace)}/{job['metadata']['name']}"
        bare.wire.patch(f"{path}/status", {"status": {"conditions": []}})
        bare.wire.patch(path, {"spec": {"suspend": True}})
    engine = KatibEngine(KubernetesBackend(bare.config(namespace), lambda transport: Vanishing(transport, bare)))

    engine.resume_job("resting")

    assert [job["spec"]["suspend"] for job in bare.jobs(namespace)] == [False]


def changed(**spec: Any) -> Object:
    body = default_experiment(rendered_experiment(search("x"), Surroundings()).to_dict())
    body["metadata"] = {"name": "x"}
    merged = {**body["spec"], **spec}
    return {**body, "spec": {key: value for key, value in merged.items() if value is not None}}


def parameter(kind: Any, space: Any, name: Any = "p") -> Object:
    return changed(parameters=[{"name": name, "parameterType": kind, "feasibleSpace": space}])


FOREIGN: dict[str, Object] = {
    "no-spec": {**changed(), "spec": None},
    "empty-spec": {**changed(), "spec": {}},
    "text-spec": {**changed(), "spec": "nothing"},
    "no-objective": changed(objective=None),
    "odd-objective": changed(objective={"type": "explore", "objectiveMetricName": "loss"}),
    "several": changed(
        objective={"type": "maximize", "objectiveMetricName": "acc", "additionalMetricNames": ["latency"]}
    ),
    "tpe": changed(algorithm={"algorithmName": "tpe", "algorithmSettings": [{"name": "gamma", "value": "0.3"}]}),
    "hyperband": changed(
        algorithm={"algorithmName": "hyperband", "algorithmSettings": [{"name": "r_l", "value": "9"}]}
    ),
    "enas": changed(algorithm={"algorithmName": "enas"}, parameters=None, nasConfig={"graphConfig": {"numLayers": 8}}),
    "unknown-algorithm": changed(algorithm={"algorithmName": "of-another-cluster"}),
    "no-algorithm": changed(algorithm=None),
    "bad-setting": changed(
        algorithm={"algorithmName": "random", "algorithmSettings": [{"name": "random_state", "value": "many"}]}
    ),
    "normal": parameter("double", {"min": "0", "max": "1", "distribution": "normal"}),
    "empty-list": parameter("categorical", {"list": []}),
    "numbers-as-numbers": parameter("int", {"min": 1, "max": 9}),
    "no-bounds": parameter("double", {"step": "0.1"}),
    "exchanged": parameter("int", {"min": "9", "max": "1"}),
    "unknown-type": parameter("complex", {"min": "0", "max": "1"}),
    "no-name": parameter("int", {"min": "0", "max": "1"}, name=None),
    "odd-distribution": parameter("double", {"min": "0", "max": "1", "distribution": "cauchy"}),
    "infinite": parameter("double", {"min": "0", "max": "inf"}),
    "endless": changed(maxTrialCount=None, parallelTrialCount=None),
    "text-counts": changed(maxTrialCount="many", parallelTrialCount="2"),
    "no-template": changed(trialTemplate=None),
    "config-map": changed(trialTemplate={"configMap": {"configMapName": "t"}, "trialParameters": []}),
    "odd-annotation": {**changed(), "metadata": {"name": "x", "annotations": {"kubeflow.org/search-space": "{"}}},
    "odd-status": {**changed(), "status": {"conditions": "none", "trials": "3"}},
    "odd-conditions": {**changed(), "status": {"conditions": [None, {"type": 1}, {"type": "Novel", "status": "True"}]}},
}


def test_experiments_of_others_are_listed_as_they_are_however_broken(bare: Home) -> None:
    namespace = make_namespace(bare, "foreign")
    path = f"{API}/namespaces/{namespace}/experiments"
    for name, body in FOREIGN.items():
        stored = {**body, "metadata": {**body["metadata"], "name": name}}
        bare.wire.send("POST", path, stored)
        if "status" in body:
            bare.wire.patch(f"{path}/{name}/status", {"status": body["status"]})
    trial = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial"}
    for number, spec in enumerate(
        (None, {}, {"parameterAssignments": "x"}, {"parameterAssignments": [{"name": "p", "value": "q"}]})
    ):
        labels = {"katib.kubeflow.org/experiment": "normal"}
        bare.wire.send("POST", f"{API}/namespaces/{namespace}/trials",
                       {**trial, "metadata": {"name": f"normal-{number}", "labels": labels}, "spec": spec})  # fmt: skip
    engine = KatibEngine(KubernetesBackend(bare.config(namespace)))

    jobs = {job.name: job for job in engine.list_jobs()}

    assert set(jobs) == set(FOREIGN)
    for name in FOREIGN:
        assert engine.get_job(name).name == name
        assert str(engine.explain(name)).startswith(f"Search {name!r} is ")
    check_what_is_read(jobs)


def check_what_is_read(jobs: dict[str, OptimizationJob]) -> None:
    assert jobs["no-spec"].objectives == ()
    assert jobs["several"].objectives[0].maximizes
    assert "latency" in jobs["several"].notes[0]
    assert jobs["unknown-algorithm"].algorithm is None
    assert any("of-another-cluster" in note for note in jobs["unknown-algorithm"].notes)
    assert jobs["bad-setting"].algorithm == RandomSearch()
    assert jobs["normal"].search_space["p"].distribution.value == "normal"  # type: ignore[union-attr]
    assert len(jobs["normal"].trials) == 4
    assert jobs["normal"].trials[3].parameters == {"p": "q"}
    assert "p" not in jobs["exchanged"].search_space
    assert any("p" in note for note in jobs["exchanged"].notes)
    assert jobs["odd-conditions"].status == "Unknown"
    assert jobs["numbers-as-numbers"].search_space["p"].min == 1  # type: ignore[union-attr]
    assert not isinstance(jobs["numbers-as-numbers"].search_space["p"], CategoricalSearchSpace)

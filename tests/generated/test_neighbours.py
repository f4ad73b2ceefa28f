"""The kinds of Trainer's neighbours, and of its preview: a real API server with their CRDs decides as the models do."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen import config
from codegen.pins.crd_manifests import pinned_crds
from kubeflow.cluster.errors import ApiError
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request
from tests.apiserver import COMMAND, KUBECONFIG, REASON, Recorded, apiserver
from tests.codegen.conftest import released
from tests.generated.drawing import ROOT, kinds

SPARK: dict[str, Any] = {
    "type": "Python",
    "sparkVersion": "4.0.1",
    "mainApplicationFile": "local:///opt/spark/pi.py",
    "driver": {},
    "executor": {},
}
CONNECT: dict[str, Any] = {"sparkVersion": "4.0.1", "server": {}, "executor": {}}
TUNE: dict[str, Any] = {
    "objectives": [{"metric": "loss"}],
    "parameters": [{"name": "lr", "searchSpace": {"uniform": {"min": "0.01", "max": "0.1"}}}],
    "trainJobTemplate": {"spec": {"runtimeRef": {"name": "torch-distributed"}}},
}
JOBS: dict[str, Any] = {
    "replicatedJobs": [
        {
            "name": "node",
            "template": {
                "spec": {
                    "template": {
                        "spec": {"restartPolicy": "Never", "containers": [{"name": "node", "image": "busybox:1.37"}]}
                    }
                }
            },
        }
    ]
}
APPLICATION, SCHEDULE = "spark.v1beta2.SparkApplication", "spark.v1beta2.ScheduledSparkApplication"
SERVER, JOB_SET, SEARCH = "spark.v1alpha1.SparkConnect", "jobset.v1alpha2.JobSet", "trainer.v1alpha1.OptimizationJob"
SPECS = {APPLICATION: SPARK, SCHEDULE: {"schedule": "@every 1h", "template": SPARK}, SERVER: CONNECT, JOB_SET: JOBS,
         SEARCH: TUNE}  # fmt: skip


def without(spec: dict[str, Any], field: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != field}


def space(**searched: Any) -> dict[str, Any]:
    return {**TUNE, "parameters": [{"name": "lr", "searchSpace": searched}]}


CATEGORICAL = {"categorical": {"choices": ["adam", "sgd"]}}
# Kind, spec, and whether the API server takes it.
CASES: list[tuple[str, dict[str, Any], bool]] = [
    *((kind, spec, True) for kind, spec in SPECS.items()),
    *((kind, without(spec, field), False) for kind, spec in SPECS.items() if kind != JOB_SET for field in spec),
    (APPLICATION, {**SPARK, "driver": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}, "cores": 1}}, True),
    (APPLICATION, {**SPARK, "executor": {"template": {"made": {"up": [1, None]}}, "instances": 1}}, True),
    (APPLICATION, {**SPARK, "sparkUIOptions": {"serviceType": "Anything"}}, True),
    (APPLICATION, {**SPARK, "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]}, True),
    (APPLICATION, {**SPARK, "batchSchedulerOptions": {"resources": {"cpu": 2, "memory": "1Gi"}}}, True),
    (APPLICATION, {**SPARK, "monitoring": {"exposeDriverMetrics": True, "exposeExecutorMetrics": False}}, True),
    (APPLICATION, {**SPARK, "driver": {"template": "text"}}, False),
    (APPLICATION, {**SPARK, "driver": {"cores": 0}}, False),
    (APPLICATION, {**SPARK, "executor": {"instances": 0}}, False),
    (APPLICATION, {**SPARK, "type": "Perl"}, False),
    (APPLICATION, {**SPARK, "mode": "local"}, False),
    (APPLICATION, {**SPARK, "pythonVersion": 3}, False),
    (APPLICATION, {**SPARK, "restartPolicy": {"type": "Sometimes"}}, False),
    (APPLICATION, {**SPARK, "restartPolicy": {"onFailureRetryInterval": 0}}, False),
    (APPLICATION, {**SPARK, "monitoring": {"exposeDriverMetrics": True}}, False),
    (APPLICATION, {**SPARK, "arguments": [1]}, False),
    (APPLICATION, {**SPARK, "driver": {"gpu": {"name": "nvidia.com/gpu"}}}, False),
    (APPLICATION, {**SPARK, "unknown": 1}, False),
    (SCHEDULE, {"schedule": "@every 1h", "template": {**SPARK, "driver": {"cores": 0}}}, False),
    (SCHEDULE, {"schedule": "@every 1h", "template": SPARK, "concurrencyPolicy": "Forbid", "suspend": True}, True),
    (SERVER, {**CONNECT, "executor": {"instances": 0}}, True),
    (SERVER, {**CONNECT, "server": {"template": {"spec": {"serviceAccountName": "spark"}}}}, True),
    (SERVER, {**CONNECT, "server": {"service": {"spec": {"ports": [{"port": 15002, "targetPort": "grpc"}]}}}}, True),
    (SERVER, {**CONNECT, "server": {"service": {"spec": {"ports": [{"name": "grpc"}]}}}}, False),
    (SERVER, {**CONNECT, "executor": {"instances": -1}}, False),
    (SERVER, {**CONNECT, "server": {"cores": 0}}, False),
    (SERVER, {**CONNECT, "sparkConf": {"spark.sql.shuffle.partitions": 8}}, False),
    (JOB_SET, {}, True),
    (JOB_SET, {**JOBS, "failurePolicy": {"maxRestarts": 2, "restartStrategy": "Recreate"}}, True),
    (JOB_SET, {**JOBS, "failurePolicy": {"restartStrategy": "Sometimes"}}, False),
    (JOB_SET, {**JOBS, "ttlSecondsAfterFinished": -1}, False),
    (JOB_SET, {**JOBS, "successPolicy": {}}, False),
    (JOB_SET, {"replicatedJobs": JOBS["replicatedJobs"] * 2}, False),
    (JOB_SET, {"replicatedJobs": [{**JOBS["replicatedJobs"][0], "dependsOn": [{"name": "a", "status": "Never"}]}]}, False),
    (SEARCH, {**TUNE, "numTrials": 12, "parallelTrials": 3}, True),
    (SEARCH, {**TUNE, "numTrials": 2, "parallelTrials": 3}, False),
    (SEARCH, {**TUNE, "numTrials": 101}, False),
    (SEARCH, {**TUNE, "objectives": [{"metric": "a"}, {"metric": "b"}]}, False),
    (SEARCH, {**TUNE, "objectives": [{"metric": "a", "direction": "minimize"}]}, False),
    (SEARCH, {**TUNE, "searchAlgorithm": {}}, False),
    (SEARCH, {**TUNE, "searchAlgorithm": {"random": {"seed": 1}, "grid": {}}}, False),
    (SEARCH, {**TUNE, "searchAlgorithm": {"grid": {}}}, False),
    (SEARCH, {**space(**CATEGORICAL), "searchAlgorithm": {"grid": {}}}, True),
    (SEARCH, space(), False),
    (SEARCH, space(categorical={"choices": ["a", "a"]}), False),
    (SEARCH, space(categorical={"choices": [""]}), True),
    (SEARCH, space(uniform={"min": "1", "max": "1"}), False),
    (SEARCH, space(uniform={"min": ".5", "max": "1"}), False),
    (SEARCH, space(uniform={"min": "1e-05", "max": "1", "type": "Int"}), True),
    (SEARCH, space(logUniform={"min": "0", "max": "1"}), False),
    (SEARCH, space(**CATEGORICAL, uniform={"min": "0", "max": "1"}), False),
    (SEARCH, {**TUNE, "trainJobTemplate": {"metadata": {"labels": {"a": "b"}}, **TUNE["trainJobTemplate"]}}, True),
    (SEARCH, {**TUNE, "trainJobTemplate": {"metadata": {"name": "a"}, **TUNE["trainJobTemplate"]}}, False),
]  # fmt: skip
IDS = [f"{kind.rpartition('.')[2]}-{index}-{'taken' if taken else 'refused'}" for index, (kind, _, taken) in enumerate(CASES)]


def wire(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    facts = kinds()[kind]
    api_version = f"{facts['group']}/{facts['version']}"
    return {"apiVersion": api_version, "kind": facts["kind"], "metadata": {"name": "one"}, "spec": copy.deepcopy(spec)}


@pytest.mark.parametrize(("kind", "spec", "taken"), CASES, ids=IDS)
def test_models_and_rules_decide_as_the_schema_says(kind: str, spec: dict[str, Any], taken: bool) -> None:
    package, _, name = kind.rpartition(".")
    module = import_module(f"kubeflow_api.{package}")
    model = getattr(module, name)
    try:
        made = model.from_dict(wire(kind, spec))
        problems = [str(violation) for violation in module.validate_rules(made)]
    except InvalidInput as refused:
        problems = [str(refused)]
    assert (not problems) == taken, problems
    if taken:
        assert made.to_dict() == model.from_server(wire(kind, spec)).to_dict() == wire(kind, spec)
        assert model.from_yaml(made.to_yaml()) == made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    components = config.load(ROOT).components
    releases = [(components[name], components[name].pinned[-1]) for name in ("trainer", "jobset", "spark-operator")]
    crds = [crd for component, release in releases for crd in pinned_crds(ROOT, component, release).values()]
    with apiserver(tmp_path_factory.mktemp("apiserver"), crds) as transport:
        yield transport


@pytest.mark.skipif(not (COMMAND or KUBECONFIG), reason=REASON)
@pytest.mark.parametrize(("kind", "spec", "taken"), CASES, ids=IDS)
def test_the_api_server_decides_the_same(server: Recorded, kind: str, spec: dict[str, Any], taken: bool) -> None:
    facts = kinds()[kind]
    path = f"/apis/{facts['group']}/{facts['version']}/namespaces/default/{facts['plural']}"
    request = Request("POST", path, {"fieldValidation": "Strict", "dryRun": "All"}, wire(kind, spec))
    try:
        server.send(request)
    except ApiError as refused:
        assert not taken, refused
    else:
        assert taken


@pytest.mark.skipif("KUBEFLOW_TEST_UPSTREAM" not in os.environ, reason="KUBEFLOW_TEST_UPSTREAM names no folder")
def test_the_samples_of_the_spark_operator_survive_a_read_and_a_write() -> None:
    component = config.load(ROOT).component("spark-operator")
    from kubeflow_api.spark.v1beta2 import SparkApplication

    samples = sorted((released(component, component.versions[-1]) / "config/samples").glob("*_sparkapplication*.yaml"))
    assert samples
    for path in samples:
        text = Path(path).read_text("utf-8")
        assert SparkApplication.from_yaml(text).to_dict() == yaml.safe_load(text)

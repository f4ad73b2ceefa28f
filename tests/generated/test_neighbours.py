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
MODEL: dict[str, Any] = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/iris"}
SERVICE: dict[str, Any] = {"predictor": {"model": MODEL}}
RUNTIME: dict[str, Any] = {"containers": [{"name": "kserve-container", "image": "kserve/sklearnserver:v0.20.0"}]}
GRAPH: dict[str, Any] = {"nodes": {"root": {"routerType": "Sequence", "steps": [{"serviceName": "a"}]}}}
LLM: dict[str, Any] = {"model": {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct"}}
ISVC, SERVING = "kserve.v1beta1.InferenceService", "kserve.v1alpha1.ServingRuntime"
CLUSTER_SERVING, PETS = "kserve.v1alpha1.ClusterServingRuntime", "kserve.v1alpha1.InferenceGraph"
LLAMA = "kserve.v1alpha2.LLMInferenceService"
APPLICATION, SCHEDULE = "spark.v1beta2.SparkApplication", "spark.v1beta2.ScheduledSparkApplication"
SERVER, JOB_SET, SEARCH = "spark.v1alpha1.SparkConnect", "jobset.v1alpha2.JobSet", "trainer.v1alpha1.OptimizationJob"
SPECS = {APPLICATION: SPARK, SCHEDULE: {"schedule": "@every 1h", "template": SPARK}, SERVER: CONNECT, JOB_SET: JOBS,
         SEARCH: TUNE, ISVC: SERVICE, SERVING: RUNTIME, CLUSTER_SERVING: RUNTIME, PETS: GRAPH, LLAMA: LLM}  # fmt: skip


def without(spec: dict[str, Any], field: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != field}


def space(**searched: Any) -> dict[str, Any]:
    return {**TUNE, "parameters": [{"name": "lr", "searchSpace": searched}]}


def predictor(**fields: Any) -> dict[str, Any]:
    return {"predictor": fields}


def canary(percent: int, **fields: Any) -> dict[str, Any]:
    return {**SERVICE, "canary": [{"trafficPercent": percent, "predictor": {"name": "next", **fields}}]}


def route(**rule: Any) -> dict[str, Any]:
    return {**LLM, "router": {"route": {"http": {"spec": {"rules": [rule]}}}}}


def scaling(**fields: Any) -> dict[str, Any]:
    return {**LLM, "scaling": {"minReplicas": 1, "maxReplicas": 4, "wva": {"hpa": {}}, **fields}}


def pool(*ports: int) -> dict[str, Any]:
    picker = {"name": "picker", "port": {"number": 9002}}
    spec = {"endpointPickerRef": picker, "selector": {"matchLabels": {"app": "llama"}}}
    return {**LLM, "router": {"scheduler": {"pool": {"spec": {**spec, "targetPorts": [{"number": p} for p in ports]}}}}}


CLAIM = {
    "volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
}
METRIC = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
CATEGORICAL = {"categorical": {"choices": ["adam", "sgd"]}}
# Kind, spec, and whether the API server takes it.
CASES: list[tuple[str, dict[str, Any], bool]] = [
    *((kind, spec, True) for kind, spec in SPECS.items()),
    *((kind, without(spec, field), False) for kind, spec in SPECS.items() if kind not in (JOB_SET, LLAMA) for field in spec),
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
    (ISVC, predictor(sklearn={"storageUri": "s3://models/iris"}), True),
    (ISVC, predictor(model={**MODEL, "storage": {"key": "minio", "parameters": {"bucket": "models"}}}), True),
    (ISVC, predictor(containers=[{"name": "kserve-container", "image": "a", "livenessProbe": {"httpGet": {"path": "/"}}}]), True),
    (ISVC, predictor(model={**MODEL, "livenessProbe": {"tcpSocket": {}}}), True),
    (ISVC, predictor(model=MODEL, minReplicas=0, maxReplicas=3, scaleMetric="concurrency", scaleTarget=4), True),
    (ISVC, predictor(model=MODEL, autoScaling={"metrics": [METRIC]}), True),
    (ISVC, predictor(model=MODEL, volumes=[{"name": "v", "ephemeral": CLAIM}]), True),
    (ISVC, {**SERVICE, "transformer": {"containers": [{"name": "kserve-container", "image": "a"}]}}, True),
    (ISVC, {**SERVICE, "explainer": {"art": {"type": "SquareAttack", "storageUri": "s3://models/iris"}}}, True),
    (ISVC, canary(10, model={**MODEL, "name": ""}), True),
    (ISVC, predictor(), True),
    (ISVC, predictor(model={"storageUri": "s3://models/iris"}), True),
    (ISVC, predictor(model={"modelFormat": {"version": "1"}}), False),
    (ISVC, predictor(model=MODEL, scaleMetric="qps"), False),
    (ISVC, predictor(model=MODEL, minReplicas="1"), False),
    (ISVC, predictor(model={**MODEL, "protocolVersion": 2}), False),
    (ISVC, predictor(model=MODEL, autoScaling={"metrics": [{"type": "Custom"}]}), False),
    (ISVC, predictor(model=MODEL, containers=[{"image": "a"}]), False),
    (ISVC, predictor(model=MODEL, unknown=1), False),
    (ISVC, predictor(model=MODEL, volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {**CLAIM["volumeClaimTemplate"], "metadata": {"labels": {}}}}}]), False),
    (ISVC, canary(101, model={**MODEL, "name": ""}), False),
    (ISVC, canary(10, model=MODEL), False),
    (ISVC, canary(10, model={**MODEL, "name": "", "livenessProbe": {"tcpSocket": {}}}), False),
    (SERVING, {**RUNTIME, "supportedModelFormats": [{"name": "sklearn", "version": "1", "autoSelect": True, "priority": 1}]}, True),
    (SERVING, {**RUNTIME, "protocolVersions": ["v1", "v2"], "multiModel": False, "workerSpec": {**RUNTIME, "pipelineParallelSize": 2}}, True),
    (SERVING, {**RUNTIME, "supportedModelFormats": [{"version": "1"}]}, False),
    (SERVING, {**RUNTIME, "supportedModelFormats": [{"name": "sklearn", "priority": 0}]}, False),
    (SERVING, {"containers": [{"image": "a"}]}, False),
    (SERVING, {**RUNTIME, "workerSpec": {"pipelineParallelSize": 2}}, False),
    (CLUSTER_SERVING, {**RUNTIME, "disabled": "no"}, False),
    (PETS, {"nodes": {"root": {"routerType": "Switch", "steps": [{"serviceName": "a", "condition": "p.#(==0)"}]}}}, True),
    (PETS, {**GRAPH, "resources": {"limits": {"cpu": 1}}, "timeout": 60, "scaleMetric": "rps"}, True),
    (PETS, {"nodes": {"root": {"routerType": "Loop"}}}, False),
    (PETS, {"nodes": {"root": {"steps": []}}}, False),
    (PETS, {"nodes": {"root": {"routerType": "Ensemble", "steps": [{"serviceName": "a", "dependency": "Maybe"}]}}}, False),
    (LLAMA, {}, True),
    (LLAMA, {**LLM, "replicas": 2, "parallelism": {"tensor": 8, "expert": True}, "router": {"gateway": {}, "route": {}, "scheduler": {}}}, True),
    (LLAMA, {**LLM, "template": {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": 8}}}]}}, True),
    (LLAMA, {**LLM, "prefill": {"replicas": 1, "worker": {}}, "kvCacheOffloading": {"cpu": "10Gi"}}, True),
    (LLAMA, {**LLM, "model": {**LLM["model"], "lora": {"adapters": [{"name": "sql", "uri": "hf://acme/sql"}], "maxRank": 64}}}, True),
    (LLAMA, scaling(), True),
    (LLAMA, pool(8000, 8001), True),
    (LLAMA, route(timeouts={"request": "1m", "backendRequest": "30s"}), True),
    (LLAMA, route(timeouts={"request": "0s", "backendRequest": "30s"}), True),
    (LLAMA, route(timeouts={"request": "30s", "backendRequest": "1m"}), False),
    (LLAMA, route(timeouts={"request": "30 s"}), False),
    (LLAMA, {**LLM, "replicas": 2, **scaling()}, False),
    (LLAMA, {**LLM, "model": {"name": "llama"}}, False),
    (LLAMA, scaling(minReplicas=5), False),
    (LLAMA, scaling(wva={}), False),
    (LLAMA, scaling(wva={"hpa": {}, "keda": {}}), False),
    (LLAMA, scaling(wva={"keda": {"idleReplicaCount": 1}}), False),
    (LLAMA, pool(8000, 8000), False),
    (LLAMA, {**LLM, "kvCacheOffloading": {"cpu": "10Gi", "evictionPolicy": "fifo"}}, False),
    (LLAMA, route(filters=[{"type": "URLRewrite"}]), False),
    (LLAMA, {**LLM, "template": {"containers": [{"image": "a"}]}}, False),
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
IDS = [
    f"{kind.rpartition('.')[2]}-{index}-{'taken' if taken else 'refused'}"
    for index, (kind, _, taken) in enumerate(CASES)
]


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
    releases = [
        (components[name], components[name].pinned[-1]) for name in ("trainer", "jobset", "spark-operator", "kserve")
    ]
    crds = [crd for component, release in releases for crd in pinned_crds(ROOT, component, release).values()]
    with apiserver(tmp_path_factory.mktemp("apiserver"), crds) as transport:
        yield transport


@pytest.mark.skipif(not (COMMAND or KUBECONFIG), reason=REASON)
@pytest.mark.parametrize(("kind", "spec", "taken"), CASES, ids=IDS)
def test_the_api_server_decides_the_same(server: Recorded, kind: str, spec: dict[str, Any], taken: bool) -> None:
    facts = kinds()[kind]
    place = "namespaces/default/" if facts["scope"] == "Namespaced" else ""
    path = f"/apis/{facts['group']}/{facts['version']}/{place}{facts['plural']}"
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

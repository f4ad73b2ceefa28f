"""What `serve` makes on a cluster, and what it refuses before anything is made."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubeflow_api.kserve.v1beta1 import InferenceService
from kubeflow_api.kserve.v1beta1.availability import AVAILABILITY

from kubeflow.cluster import ControlPlaneMissing
from kubeflow.cluster.served_schema import likeliest_minor
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request, Transport
from kubeflow.kserve import KServeClient, NoServingRuntime, ServiceExists
from kubeflow.kserve.backends.cluster.backend import ClusterServingBackend
from kubeflow.kserve.options import DeploymentMode, EditService, ServiceAnnotations, ServiceLabels, StorageCredentials
from kubeflow.trainer import KubernetesBackendConfig, Unsupported
from tests.apiserver import MISSING, REASON, apiserver
from tests.kserve.cluster.conftest import MODEL, client_of
from tests.kserve.cluster.functions import double
from tests.kserve.cluster.played_kserve import PlayedKServe, crds, runtime, serves
from tests.trainer.kubernetes.edge import Edge

OFFLINE = KubernetesBackendConfig(offline=True, namespace="ml")


@contextmanager
def nothing_written(edge: Edge) -> Generator[None]:
    yield
    assert [request for request in edge.requests if not request.startswith("GET")] == []


def test_a_model_becomes_an_inference_service_that_the_server_takes(client: KServeClient, kserve: PlayedKServe) -> None:
    name = client.serve(
        "iris",
        model=MODEL,
        model_format="sklearn",
        protocol="v2",
        resources={"cpu": 1, "memory": "2Gi", "gpu": 1},
        min_replicas=1,
        max_replicas=4,
        env={"LEVEL": "$(debug)"},
        options=[
            ServiceLabels({"team": "vision"}),
            ServiceAnnotations({"example.com/note": "a"}),
            DeploymentMode("Standard"),
            StorageCredentials(service_account="reader"),
        ],
    )

    made = kserve.service(name)
    predictor = made["spec"]["predictor"]
    assert made["metadata"]["labels"]["team"] == "vision"
    assert made["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "RawDeployment"
    assert (predictor["minReplicas"], predictor["maxReplicas"], predictor["serviceAccountName"]) == (1, 4, "reader")
    amounts = {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": "1"}
    assert predictor["model"] == {
        "modelFormat": {"name": "sklearn"},
        "protocolVersion": "v2",
        "storageUri": MODEL,
        "env": [{"name": "LEVEL", "value": "$$(debug)"}],
        "resources": {"limits": amounts, "requests": amounts},
    }


def test_a_dry_run_is_the_same_object_on_every_backend_and_sends_nothing(client: KServeClient, edge: Edge) -> None:
    with nothing_written(edge):
        online = client.serve("iris", model=MODEL, model_format="sklearn", dry_run=True)
    offline = KServeClient(OFFLINE).serve("iris", model=MODEL, model_format="sklearn", dry_run=True)

    assert online.spec == offline.spec
    assert InferenceService.from_yaml(offline.to_yaml()) == offline
    assert offline.to_yaml().startswith("apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n")
    again = KServeClient(OFFLINE).serve("iris", model=MODEL, model_format="sklearn", dry_run=True)
    assert again.to_yaml() == offline.to_yaml()


def test_the_server_checks_without_storing(client: KServeClient, kserve: PlayedKServe) -> None:
    stored = client.serve("iris", model=MODEL, model_format="sklearn", server_dry_run=True)
    assert stored.metadata is not None
    assert stored.metadata.uid
    assert client.list_services() == []
    assert (
        kserve.wire.find(f"/apis/serving.kserve.io/v1beta1/namespaces/{kserve.namespace}/inferenceservices/iris")
        is None
    )


def test_what_a_dry_run_returned_can_be_created_as_object_and_as_text(client: KServeClient) -> None:
    made = client.serve("iris", model=MODEL, model_format="sklearn", dry_run=True)
    assert client.create_service(made.to_yaml()) == "iris"
    with pytest.raises(ServiceExists, match="client.update"):
        client.create_service(made)
    with pytest.raises(ServiceExists):
        client.serve("iris", model=MODEL, model_format="sklearn")


def test_a_function_is_packed_into_a_container_of_its_own(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("double", model=double, packages_to_install=["numpy"], env={"A": "b"})
    made = kserve.service("double")
    (container,) = made["spec"]["predictor"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"].startswith("python:3.")
    assert container["command"] == ["python"]
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert container["env"] == [{"name": "A", "value": "b"}]
    view = client.get_service("double")
    assert (view.protocol, view.model, view.status) == ("v2", None, "Creating")


# -- which runtime --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model_format", "protocol", "spoken"),
    [("sklearn", None, "v2"), ("sklearn", "v1", "v1"), ("tensorflow", None, "v1")],
)
def test_the_protocol_is_that_of_a_runtime_which_serves_the_format(
    client: KServeClient, model_format: str, protocol: Any, spoken: str
) -> None:
    made: Any = client.serve("iris", model=MODEL, model_format=model_format, protocol=protocol, dry_run=True)
    assert made.to_dict()["spec"]["predictor"]["model"]["protocolVersion"] == spoken


def test_runtimes_of_the_namespace_are_looked_at_as_well(client: KServeClient, kserve: PlayedKServe) -> None:
    own = runtime("own", serves("catboost"), protocols=["v1"], namespace=kserve.namespace)
    path = f"/apis/serving.kserve.io/v1alpha1/namespaces/{kserve.namespace}/servingruntimes"
    kserve.wire.send("POST", path, own)
    client.serve("cats", model="gs://models/cats", model_format="catboost")
    assert kserve.service("cats")["spec"]["predictor"]["model"]["protocolVersion"] == "v1"


def test_a_format_that_no_runtime_serves_is_refused_with_those_that_there_are(client: KServeClient, edge: Edge) -> None:
    with nothing_written(edge), pytest.raises(NoServingRuntime) as caught:
        client.serve("iris", model="s3://models/iris.cbm", model_format="catbost")
    assert "the runtimes there serve sklearn, tensorflow, xgboost" in str(caught.value)
    assert caught.value.model_format == "catbost"


def test_a_runtime_that_nearly_fits_is_named_with_what_is_in_the_way(
    client: KServeClient, kserve: PlayedKServe
) -> None:
    with pytest.raises(NoServingRuntime) as caught:
        client.serve("iris", model=MODEL, model_format="xgboost", protocol="v1")
    assert "kserve-mlserver: it has protocol v2, not v1. Write protocol='v2'" in str(caught.value)
    path = f"/apis/serving.kserve.io/v1alpha1/namespaces/{kserve.namespace}/servingruntimes"
    for made in (
        runtime("off", serves("pmml"), namespace=kserve.namespace, disabled=True),
        runtime("manual", serves("pmml", auto=False), namespace=kserve.namespace),
    ):
        kserve.wire.send("POST", path, made)
    with pytest.raises(NoServingRuntime) as caught:
        client.serve("iris", model=MODEL, model_format="pmml")
    assert "ServingRuntime off: it is disabled" in str(caught.value)
    assert "Write runtime='manual'" in str(caught.value)
    client.serve("iris", model=MODEL, model_format="pmml", runtime="manual")
    with pytest.raises(NoServingRuntime, match="Did you mean 'manual'"):
        client.serve("iris-2", model=MODEL, model_format="pmml", runtime="manul")


def test_runtimes_that_cannot_be_listed_are_no_reason_to_refuse(
    client: KServeClient, edge: Edge, kserve: PlayedKServe, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.trainer.kubernetes.edge import Fault

    edge.faults.append(Fault("clusterservingruntimes", status=403))
    with caplog.at_level(logging.WARNING):
        client.serve("iris", model=MODEL, model_format="anything")
    assert "which runtime will serve the model is not known" in caplog.text
    assert kserve.service("iris")["spec"]["predictor"]["model"]["protocolVersion"] == "v2"


# -- where the model is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("/tmp/model.joblib", "which pods of a cluster cannot read"),
        ("s3a://models/iris", "write s3://models/iris"),
        ("s3://", "names no bucket"),
        ("hf://bert", "write 'hf://ORGANISATION/NAME'"),
        ("ftp://models/iris", "Nothing on this cluster fetches a model from ftp://"),
        ("pvc://missing/iris", "There is no PersistentVolumeClaim 'missing'"),
        ("s3://me:secret@models/iris", "holds a password"),
    ],
)
def test_a_model_that_pods_cannot_fetch_is_refused(client: KServeClient, edge: Edge, uri: str, words: str) -> None:
    with nothing_written(edge), pytest.raises(InvalidInput) as caught:
        client.serve("iris", model=uri, model_format="sklearn")
    assert words in str(caught.value)
    assert "secret@" not in str(caught.value)


def test_credentials_that_are_not_there_are_refused(client: KServeClient, kserve: PlayedKServe, edge: Edge) -> None:
    with nothing_written(edge):
        with pytest.raises(InvalidInput, match="no service account 'reder'"):
            client.serve(
                "a", model=MODEL, model_format="sklearn", options=[StorageCredentials(service_account="reder")]
            )
        with pytest.raises(InvalidInput, match="There is no Secret 'storage-config'"):
            client.serve("a", model=MODEL, model_format="sklearn", options=[StorageCredentials(key="minio")])
    secret = {"metadata": {"name": "storage-config"}, "stringData": {"minio": "{}"}}
    kserve.wire.send("POST", f"/api/v1/namespaces/{kserve.namespace}/secrets", secret)
    with pytest.raises(InvalidInput, match="Did you mean 'minio'"):
        client.serve("a", model=MODEL, model_format="sklearn", options=[StorageCredentials(key="mino")])
    client.serve("a", model=MODEL, model_format="sklearn", options=[StorageCredentials(key="minio")])
    storage = kserve.service("a")["spec"]["predictor"]["model"]["storage"]
    assert storage == {"key": "minio", "path": "iris/1", "parameters": {"type": "s3", "bucket": "models"}}
    assert client.get_service("a").model == MODEL


# -- versions and modes ---------------------------------------------------------------------------------------------


def test_no_replica_is_refused_in_standard_mode_but_with_keda(client: KServeClient) -> None:
    standard = DeploymentMode("Standard")
    with pytest.raises(Unsupported, match=r"DeploymentMode\('Knative'\)"):
        client.serve("a", model=MODEL, model_format="sklearn", min_replicas=0, options=[standard])
    keda = ServiceAnnotations({"serving.kserve.io/autoscalerClass": "keda"})
    client.serve("a", model=MODEL, model_format="sklearn", min_replicas=0, options=[standard, keda])
    client.serve("b", model=MODEL, model_format="sklearn", min_replicas=0, options=[DeploymentMode("Knative")])


class Older:
    """A transport to a cluster whose schema of InferenceServices is that of another minor."""

    def __init__(self, transport: Transport, minor: str) -> None:
        self._transport = transport
        versions = crds(minor)[0]["spec"]["versions"]
        self._schema = versions[0]["schema"]["openAPIV3Schema"]

    def send(self, request: Request) -> Mapping[str, object]:
        if request.path.startswith("/openapi/v3"):
            return {"components": {"schemas": {"io.kserve.serving.v1beta1.InferenceService": self._schema}}}
        return self._transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self._transport.lines(request)


def older(edge: Edge, kserve: PlayedKServe, folder: Path, minor: str) -> KServeClient:
    client = client_of(edge, kserve, folder)
    config = KubernetesBackendConfig(config_file=folder / "kubeconfig")
    client.backend = ClusterServingBackend(config, lambda transport: Older(transport, minor))
    return client


def test_a_field_that_the_installed_kserve_lacks_is_refused(edge: Edge, kserve: PlayedKServe, tmp_path: Path) -> None:
    def hostname(service: Any) -> None:
        service.spec.predictor.hostname_override = "iris"

    options = [EditService(hostname)]
    with nothing_written(edge), pytest.raises(InvalidInput, match=r"KServe 0.15:\n  spec.predictor.hostnameOverride"):
        older(edge, kserve, tmp_path, "0.15").serve("iris", model=MODEL, model_format="sklearn", options=options)
    older(edge, kserve, tmp_path, "0.17").serve("iris", model=MODEL, model_format="sklearn", options=options)


def test_the_minor_is_told_by_the_schema_that_a_cluster_serves() -> None:
    minors = ("0.15", "0.17", "0.20")
    found = [crds(minor)[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for minor in minors]
    told = [likeliest_minor(AVAILABILITY, "InferenceService", schema) for schema in found]
    assert told == ["0.15", "0.19", "0.20"]  # 0.17 to 0.19 have the same fields


def test_an_api_server_without_kserve_says_so(tmp_path: Path) -> None:
    if MISSING:
        pytest.skip(REASON)
    with apiserver(tmp_path, []) as transport, pytest.raises(ControlPlaneMissing, match="has no KServe"):
        KServeClient(KubernetesBackendConfig(config_file=transport.kubeconfig))


# -- what is wrong anywhere -----------------------------------------------------------------------------------------


def test_mistakes_that_need_no_cluster_are_named() -> None:
    client = KServeClient(OFFLINE)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"name": "Iris_1"}, "Write 'iris-1'"),
        ({"name": "a" * 60}, "at most 53"),
        ({"protocol": "grpc"}, "'v1' (KServe's own) or 'v2'"),
        ({"model_format": "scikit-learn"}, "write model_format='sklearn'"),
        ({"resources": {"cpus": 1}}, "Did you mean 'cpu'?"),
        ({"min_replicas": 3, "max_replicas": 2}, "above max_replicas=2"),
        ({"image": "a"}, "image= is for a function"),
        ({"packages_to_install": ["a"]}, "packages_to_install= are for a function"),
        ({"options": ServiceLabels({})}, "options takes a list"),
        ({"options": [ServiceLabels]}, "options takes objects"),
        ({"model": "s3://models/iris", "model_format": None}, "write model_format="),
        ({"model": 3}, "model= takes a URI"),
        ({"model": double}, "model_format= is for files"),
    ]
    for settings, words in cases:
        arguments: dict[str, Any] = {
            "name": "iris",
            "model": MODEL,
            "model_format": "sklearn",
            "dry_run": True,
            **settings,
        }
        with pytest.raises(InvalidInput) as caught:
            client.serve(**arguments)
        assert words in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("uri", "model_format"),
    [
        ("s3://m/a.joblib", "sklearn"),
        ("s3://m/a.ubj", "xgboost"),
        ("s3://m/a.onnx", "onnx"),
        ("hf://org/bert", "huggingface"),
    ],
)
def test_a_format_that_the_uri_tells_need_not_be_written(uri: str, model_format: str) -> None:
    made: Any = KServeClient(OFFLINE).serve("iris", model=uri, dry_run=True)
    assert made.spec.predictor.model.model_format.name == model_format


def test_an_edit_is_held_against_the_schema_and_may_not_rename() -> None:
    def rename(service: InferenceService) -> None:
        assert service.metadata is not None
        service.metadata.name = "other"

    def spoil(service: Any) -> None:
        service.spec.predictor.containers = ["no container"]

    client = KServeClient(OFFLINE)
    with pytest.raises(InvalidInput, match="An option changes the service's name"):
        client.serve("iris", model=MODEL, model_format="sklearn", options=[EditService(rename)], dry_run=True)
    with pytest.raises(InvalidInput):
        client.serve("iris", model=MODEL, model_format="sklearn", options=[EditService(spoil)], dry_run=True)


def test_a_client_that_is_offline_says_what_it_cannot_do() -> None:
    client = KServeClient(OFFLINE)
    for call in (client.list_services, lambda: client.get_service("a"), lambda: client.serve("a", model="hf://a/b")):
        with pytest.raises(Unsupported, match="offline"):
            call()
    with pytest.raises(Unsupported, match="containers of this machine"):
        from kubeflow.trainer import ContainerBackendConfig

        KServeClient(ContainerBackendConfig())  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="backend_config takes"):
        KServeClient("kubernetes")  # type: ignore[arg-type]

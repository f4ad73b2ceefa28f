"""Why a service is not ready: what its pods, its storage initializer and the scheduler say, and what helps."""

from __future__ import annotations

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve import KServeClient, ServiceFailed
from kubeflow.kserve.options import DeploymentMode
from tests.cluster.until import until
from tests.kserve.cluster.conftest import MODEL
from tests.kserve.cluster.played_kserve import PlayedKServe, crashed
from tests.trainer.kubernetes.edge import Edge

STANDARD = [DeploymentMode("Standard")]


@pytest.fixture
def iris(client: KServeClient, kserve: PlayedKServe) -> str:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    kserve.deploy("iris", ready=False)
    return "iris"


@pytest.mark.parametrize(
    ("container", "line", "meaning", "remedy"),
    [
        ("storage-initializer", "RuntimeError: Failed to fetch model. No model found in s3://models/iris/1.",
         "there is nothing at the model's URI", "client.update(name, model=...)"),
        ("storage-initializer", "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
         "the storage does not let the pod in", "StorageCredentials(service_account=...)"),
        ("kserve-container", "RuntimeError: More than one model file is detected, Only one is allowed within model_dir",
         "the model's folder holds several files of its format", "Keep one file"),
        ("kserve-container", "kserve.errors.ModelMissingError: Missing Model File.",
         "the model's folder holds no file of its format", "MODEL_FORMATS"),
        ("kserve-container", "ModuleNotFoundError: No module named 'catboost'",
         "saved with other packages", "runtime="),
    ],
)  # fmt: skip
def test_what_a_container_says_last_is_explained(
    client: KServeClient,
    kserve: PlayedKServe,
    edge: Edge,
    iris: str,
    container: str,
    line: str,
    meaning: str,
    remedy: str,
) -> None:
    of_init = container == "storage-initializer"
    waiting = {"state": {"waiting": {"reason": "PodInitializing"}}}
    done = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    pod = kserve.pod(iris, ready=False, init=crashed(1) if of_init else done, server=waiting if of_init else crashed(1))
    edge.write(kserve.namespace, pod, "INFO:root:starting", line, container=container)
    edge.restart(kserve.namespace, pod, container=container)

    with pytest.raises(ServiceFailed) as caught:
        client.wait_for_service_status(iris, timeout=10)
    assert meaning in caught.value.reason
    assert remedy in str(caught.value)
    assert caught.value.log[-1] == line
    assert caught.value.exit_code == 1
    text = client.explain(iris)
    assert text.startswith("Service 'iris' is Failed")
    for part in (meaning, remedy, line, f"pod {pod}", "storage initializer" if of_init else "the model server"):
        assert part in text


def test_memory_that_ran_out_is_told_with_the_limit(client: KServeClient, kserve: PlayedKServe, iris: str) -> None:
    kserve.pod(iris, ready=False, server=crashed(137, reason="OOMKilled"), memory="2Gi")
    text = client.explain(iris)
    assert "it used more memory than its limit of 2Gi" in text
    assert "client.update(name, resources={'memory': ...})" in text


def test_an_image_a_secret_and_the_scheduler_are_explained(
    client: KServeClient, kserve: PlayedKServe, iris: str
) -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}}}
    kserve.pod(iris, ready=False, server=waiting)
    assert client.get_service(iris).status == "Creating"
    assert "waits (ImagePullBackOff)" in client.get_service(iris).reason
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}  # fmt: skip
    kserve.pod(iris, ready=False, server={"state": {}}, status={"phase": "Pending", "conditions": [unplaced]})
    text = client.explain(iris)
    assert "cannot get its image (ImagePullBackOff)" in text
    assert "Ask for less nvidia.com/gpu in resources" in text


def test_a_runtime_that_is_missing_is_explained(client: KServeClient, kserve: PlayedKServe, iris: str) -> None:
    failure = {"reason": "NoSupportingRuntime", "message": "No runtime found to support specified framework/version"}
    kserve.deploy(iris, ready=False, failure=failure)
    text = client.explain(iris)
    assert "KServe cannot work with what was asked for: NoSupportingRuntime" in text
    assert "no serving runtime of the cluster serves 'sklearn' with protocol v2" in text


def test_events_are_those_of_the_service_and_what_was_made_for_it(
    client: KServeClient, kserve: PlayedKServe, iris: str
) -> None:
    pod = kserve.pod(iris)
    kserve.event("InferenceService", iris, "InternalError", "fails to reconcile predictor")
    kserve.event("Pod", pod, "Unhealthy", "Readiness probe failed")
    kserve.event("Deployment", "iris-predictor", "ScalingReplicaSet", "Scaled up", warning=False)
    kserve.event("Pod", "iris-two-predictor-1", "Unhealthy", "another service")
    events = client.get_service_events(iris)
    assert {event.reason for event in events} == {"InternalError", "Unhealthy", "ScalingReplicaSet"}
    assert "another service" not in client.explain(iris)
    assert "fails to reconcile predictor" in client.explain(iris)


def test_a_service_that_is_well_is_explained_in_a_few_lines(
    client: KServeClient, kserve: PlayedKServe, iris: str
) -> None:
    kserve.deploy(iris, url="http://iris.ml.example.com")
    text = client.explain(iris)
    assert text.splitlines()[:2] == [
        "Service 'iris' is Ready: it answers",
        f"  model {MODEL} (format sklearn, protocol v2, Standard)",
    ]
    assert "What to try" not in text


def test_log_lines_come_from_all_pods_or_from_one(
    client: KServeClient, kserve: PlayedKServe, edge: Edge, iris: str
) -> None:
    first, second = kserve.pod(iris), kserve.pod(iris, init={"state": {"terminated": {"exitCode": 0}}})
    for pod in (first, second):
        edge.write(kserve.namespace, pod, "one", "two", container="kserve-container")
    edge.write(kserve.namespace, second, "fetched", container="storage-initializer")
    assert list(client.get_service_logs(iris)) == [f"[{p}] {line}" for p in (first, second) for line in ("one", "two")]
    assert list(client.get_service_logs(iris, replica=second, tail_lines=1)) == ["two"]
    assert list(client.get_service_logs(iris, replica=second, container="storage-initializer")) == ["fetched"]
    with pytest.raises(InvalidInput, match="Did you mean"):
        client.get_service_logs(iris, replica=f"{first}x")
    with pytest.raises(InvalidInput, match="They have: .*kserve-container"):
        client.get_service_logs(iris, container="transformer")


def test_logs_are_followed_to_pods_that_come_later(
    client: KServeClient, kserve: PlayedKServe, edge: Edge, iris: str
) -> None:
    first = kserve.pod(iris)
    edge.write(kserve.namespace, first, "one", container="kserve-container")
    lines = client.get_service_logs(iris, follow=True)
    assert next(lines) == f"[{first}] one"
    edge.write(kserve.namespace, first, "two", container="kserve-container")
    assert next(lines) == f"[{first}] two"
    second = kserve.pod(iris)
    edge.write(kserve.namespace, second, "three", container="kserve-container")
    assert next(lines) == f"[{second}] three"
    lines.close()
    until(lambda: edge.open == 0)

"""When a service counts as ready, and what is said of one that is not: KServe's own word is not enough."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve import KServeClient, ServiceFailed, ServiceNotFound, ServiceWaitTimeout
from kubeflow.kserve.options import DeploymentMode
from tests.cluster.until import until
from tests.kserve.cluster.conftest import MODEL
from tests.kserve.cluster.played_kserve import PlayedKServe, crashed
from tests.trainer.kubernetes.edge import Edge, Fault

URL = "http://iris.ml.example.com"
STANDARD = [DeploymentMode("Standard")]


def served(client: KServeClient, **settings: Any) -> str:
    client.serve("iris", model=MODEL, model_format="sklearn", **settings)
    return "iris"


def test_a_service_is_ready_once_what_was_asked_for_is_available(client: KServeClient, kserve: PlayedKServe) -> None:
    name = served(client, options=STANDARD, min_replicas=1, max_replicas=3)
    made = client.get_service(name)
    assert (made.status, made.reason, made.url) == ("Creating", "KServe's controller has not looked at it yet", None)
    kserve.deploy(name, ready=False)
    assert client.get_service(name).status == "Creating"
    kserve.deploy(name, url=URL)
    ready = client.get_service(name)
    assert (ready.status, ready.reason, ready.url, ready.deployment_mode) == ("Ready", "", URL, "Standard")
    assert ready.internal_url == f"http://iris-predictor.{kserve.namespace}.svc.cluster.local"
    assert (ready.model, ready.model_format, ready.model_name, ready.protocol) == (MODEL, "sklearn", "iris", "v2")
    assert (ready.min_replicas, ready.max_replicas) == (1, 3)
    assert [(each.name, each.percent, each.ready) for each in ready.revisions] == [("iris-predictor", 100, True)]
    assert client.list_services() == [ready]
    assert client.wait_for_service_status(ready) == ready


def test_ready_of_kserve_is_not_believed_while_a_newer_revision_is_not_there(
    client: KServeClient, kserve: PlayedKServe
) -> None:
    name = served(client, options=STANDARD)
    kserve.deploy(name, url=URL)
    client.update(name, model="s3://models/iris/2")

    # KServe has not seen the change: its status still says Ready and Loaded.
    assert kserve.service(name)["status"]["conditions"][2] == {"type": "Ready", "status": "True"}
    before = client.get_service(name)
    assert (before.status, before.reason) == ("Updating", "KServe's controller has not worked on the last change yet")

    # The Deployment is there and rolls out: old pods answer, and KServe says Ready.
    kserve.deploy(name, ready=False, old_pods=1, url=URL)
    rolling = client.get_service(name)
    assert rolling.status == "Updating"
    assert rolling.loading is not None
    assert rolling.loading.active == "Loaded"

    # The new pod crashes. KServe still says Ready.
    kserve.pod(name, mark=False)
    kserve.pod(name, ready=False, server=crashed(1))
    assert kserve.service(name)["status"]["conditions"][2] == {"type": "Ready", "status": "True"}
    degraded = client.get_service(name)
    assert degraded.status == "Degraded"
    assert "the model server exited with code 1" in degraded.reason
    with pytest.raises(ServiceFailed, match="The revision before goes on answering"):
        client.wait_for_service_status(name, timeout=5)

    client.update(name, model="s3://models/iris/3")
    kserve.deploy(name, url=URL)
    assert client.get_service(name).status == "Ready"


def test_a_rollout_that_does_not_progress_is_a_failure(client: KServeClient, kserve: PlayedKServe) -> None:
    name = served(client, options=STANDARD)
    kserve.deploy(name, ready=False, stuck="ReplicaSet has timed out progressing.")
    service = client.get_service(name)
    assert (service.status, service.reason) == ("Failed", "ReplicaSet has timed out progressing.")


def test_what_kserve_says_of_the_model_is_told(client: KServeClient, kserve: PlayedKServe) -> None:
    name = served(client, options=STANDARD)
    failure = {"reason": "ModelLoadFailed", "message": "More than one model file is detected", "exitCode": 1}
    kserve.deploy(name, ready=False, failure=failure)
    with pytest.raises(ServiceFailed) as caught:
        client.wait_for_service_status(name, timeout=5)
    assert "the model cannot be loaded (exited with code 1): ModelLoadFailed: More than one model file" in str(
        caught.value
    )
    assert caught.value.exit_code == 1
    assert "Keep one file of the format" in str(caught.value)


def test_a_knative_service_is_ready_with_its_newest_revision(client: KServeClient, kserve: PlayedKServe) -> None:
    name = served(client, options=[DeploymentMode("Knative")])
    kserve.knative(name, latest="iris-1", ready="")
    assert client.get_service(name).status == "Creating"
    kserve.knative(name, latest="iris-1", ready="iris-1", url=URL)
    assert client.get_service(name).status == "Ready"
    client.update(name, model="s3://models/iris/2", canary_percent=10)
    kserve.knative(name, latest="iris-2", ready="iris-1", url=URL)
    updating = client.get_service(name)
    assert updating.status == "Updating"
    assert [(each.name, each.percent, each.latest, each.ready) for each in updating.revisions] == [
        ("iris-2", 0, True, False),
        ("iris-1", 100, False, True),
    ]
    kserve.knative(name, latest="iris-2", ready="iris-1", url=URL, failure='Revision "iris-2" failed: exit code 1')
    degraded = client.get_service(name)
    assert (degraded.status, degraded.reason) == ("Degraded", 'Revision "iris-2" failed: exit code 1')
    assert client.list_services()[0].status == "Degraded"


def test_a_service_of_somebody_else_is_read_as_far_as_it_goes(client: KServeClient, kserve: PlayedKServe) -> None:
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/{kserve.namespace}/inferenceservices"
    old: dict[str, Any] = {
        "metadata": {"name": "old"},
        "spec": {"predictor": {"sklearn": {"storageUri": "gs://models/a"}}},
    }
    own: dict[str, Any] = {
        "metadata": {"name": "own"},
        "spec": {"predictor": {"containers": [{"name": "a", "image": "b"}]}},
    }
    for spec in (old, own):
        kserve.wire.send("POST", path, {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", **spec})
        kserve.deploy(spec["metadata"]["name"])
    services = {service.name: service for service in client.list_services()}
    assert (services["old"].status, services["old"].model_format, services["old"].protocol) == (
        "Ready",
        "sklearn",
        "v1",
    )
    assert (services["own"].status, services["own"].model, services["own"].protocol) == ("Ready", None, "v2")


def test_without_the_right_to_see_deployments_that_is_said(
    client: KServeClient, kserve: PlayedKServe, edge: Edge
) -> None:
    name = served(client, options=STANDARD)
    kserve.deploy(name, url=URL)
    edge.faults.append(Fault("/deployments", status=403))
    service = client.get_service(name)
    assert service.status == "Ready"
    assert "whether this is the newest that was asked for is not known" in service.notes[0]


def test_waiting_is_told_of_the_change_and_asks_little(client: KServeClient, kserve: PlayedKServe, edge: Edge) -> None:
    name = served(client, options=STANDARD)
    kserve.deploy(name, ready=False)
    seen: list[str] = []
    edge.requests.clear()

    def once_it_is_watched() -> None:
        until(lambda: edge.asked("watch=true"))
        kserve.deploy(name, url=URL)

    thread = threading.Thread(target=once_it_is_watched)
    thread.start()
    ready = client.wait_for_service_status(name, timeout=60, callbacks=[lambda service: seen.append(service.status)])
    thread.join()
    assert ready.status == "Ready"
    assert seen[0] == "Creating"
    assert seen[-1] == "Ready"
    assert len(edge.asked("watch=true")) == 1
    assert len(edge.requests) < 40


def test_who_waits_is_not_disturbed_by_others_who_have_waited(
    client: KServeClient, kserve: PlayedKServe, edge: Edge
) -> None:
    name = served(client, options=STANDARD)
    kserve.deploy(name)
    kserve.tell(name, answers=False, mode="Standard", observed=1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.wait_for_service_status, name, timeout=30, polling_interval=60)
        until(lambda: edge.asked("watch=true"))
        client.wait_for_service_status(name, "Creating")
        kserve.tell(name, answers=True, mode="Standard", observed=1)
        assert waiting.result().status == "Ready"


def test_time_that_is_up_says_where_the_service_is(client: KServeClient, kserve: PlayedKServe) -> None:
    name = served(client, options=STANDARD)
    kserve.deploy(name, ready=False)
    waiting = {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: Insufficient cpu."}
    ]}  # fmt: skip
    kserve.pod(name, ready=False, status=waiting)
    with pytest.raises(ServiceWaitTimeout) as caught:
        client.wait_for_service_status(name, timeout=0.5)
    assert "cannot be placed: 0/3 nodes: Insufficient cpu." in caught.value.explanation
    assert "Ask for less cpu in resources" in caught.value.explanation
    with pytest.raises(InvalidInput, match="Known: Creating, Ready"):
        client.wait_for_service_status(name, "Running")  # type: ignore[arg-type]


def test_a_name_that_is_not_there_is_told_with_those_that_are(client: KServeClient) -> None:
    served(client)
    for call in (client.get_service, client.explain, client.promote, client.delete_service, client.stop_service):
        with pytest.raises(ServiceNotFound, match="Did you mean 'iris'"):
            call("irs")
    with pytest.raises(ServiceNotFound):
        client.get_service("No such name")

"""Changes of a service on a cluster: another model, a canary, and back; stop, start, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve import KServeClient, ServiceNotFound, ServiceWaitTimeout
from kubeflow.kserve.options import DeploymentMode
from kubeflow.trainer import Unsupported
from tests.kserve.cluster.conftest import MODEL
from tests.kserve.cluster.functions import double, triple
from tests.kserve.cluster.played_kserve import PlayedKServe
from tests.kserve.cluster.test_serve import older
from tests.trainer.kubernetes.edge import Edge

NEXT = "s3://models/iris/2"
STANDARD, KNATIVE = [DeploymentMode("Standard")], [DeploymentMode("Knative")]
MARK = "sdk.kubeflow.org/service-revision"


def predictor(kserve: PlayedKServe, name: str = "iris") -> dict[str, Any]:
    found: dict[str, Any] = kserve.service(name)["spec"]["predictor"]
    return found


def test_a_change_touches_what_it_names_and_nothing_else(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve(
        "iris", model=MODEL, model_format="sklearn", env={"A": "1", "B": "2"}, resources={"cpu": 1}, min_replicas=1
    )
    before = predictor(kserve)
    client.update("iris", model=NEXT, env={"B": "3"}, max_replicas=2)
    after = predictor(kserve)
    assert after["model"]["storageUri"] == NEXT
    assert after["model"]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]
    assert after["model"]["resources"] == before["model"]["resources"]
    assert (after["minReplicas"], after["maxReplicas"]) == (1, 2)
    assert after["annotations"][MARK] != before["annotations"][MARK]
    with pytest.raises(InvalidInput, match="nothing to change"):
        client.update("iris")
    with pytest.raises(InvalidInput, match="at most 100"):
        client.update("iris", canary_percent=101)


def test_scaling_alone_makes_no_new_revision(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    before = predictor(kserve)["annotations"]
    client.update("iris", max_replicas=5)
    assert predictor(kserve)["annotations"] == before
    assert "sdk.kubeflow.org/previous-predictor" not in kserve.service("iris")["metadata"]["annotations"]
    with pytest.raises(Unsupported, match="which a service of Standard mode cannot"):
        client.update("iris", min_replicas=0)


def test_a_change_that_collides_with_another_one_is_made_anew(
    client: KServeClient, kserve: PlayedKServe, edge: Edge
) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn")
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/{kserve.namespace}/inferenceservices/iris"

    def meanwhile() -> None:
        kserve.wire.patch(path, {"spec": {"predictor": {"timeout": 30}}})

    edge.before["PATCH"] = meanwhile
    client.update("iris", model=NEXT)
    assert (predictor(kserve)["timeout"], predictor(kserve)["model"]["storageUri"]) == (30, NEXT)


def test_a_knative_canary_is_promoted_or_taken_back(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=KNATIVE)
    kserve.knative("iris", latest="iris-1", ready="iris-1")
    client.update("iris", model=NEXT, canary_percent=10)
    assert predictor(kserve)["canaryTrafficPercent"] == 10
    kserve.knative("iris", latest="iris-2", ready="iris-1")
    with pytest.raises(InvalidInput, match="The newest revision of service 'iris' is not ready"):
        client.promote("iris")
    kserve.knative("iris", latest="iris-2", ready="iris-2", percent=10)
    assert [(each.name, each.percent) for each in client.get_service("iris").revisions] == [
        ("iris-2", 10),
        ("before", 90),
    ]
    client.update("iris", canary_percent=50)
    assert predictor(kserve)["canaryTrafficPercent"] == 50
    client.promote("iris")
    assert "canaryTrafficPercent" not in predictor(kserve)
    client.promote("iris")

    client.update("iris", model="s3://models/iris/3", canary_percent=10)
    client.rollback("iris")
    assert predictor(kserve)["canaryTrafficPercent"] == 0  # all requests go to the revision that had them


def test_a_change_without_a_canary_is_taken_back_to_what_was_before(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    with pytest.raises(InvalidInput, match="Nothing is known of what service 'iris' was before"):
        client.rollback("iris")
    before = predictor(kserve)
    client.update("iris", model=NEXT, resources={"cpu": 2})
    client.rollback("iris")
    assert predictor(kserve) == before
    with pytest.raises(InvalidInput, match="is taken back already"):
        client.rollback("iris")


def test_a_standard_canary_is_a_second_predictor_from_0_20_on(
    client: KServeClient, kserve: PlayedKServe, edge: Edge, tmp_path: Path
) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD, min_replicas=1, max_replicas=3)
    kserve.deploy("iris")
    with pytest.raises(Unsupported, match=r"canaries need canary\[\] of KServe 0.20, and this is KServe 0.19"):
        older(edge, kserve, tmp_path, "0.18").update("iris", model=NEXT, canary_percent=10)
    client = older(edge, kserve, tmp_path, "0.20")  # the server's own schema is a lean one
    client.update("iris", model=NEXT, canary_percent=10)
    (canary,) = kserve.service("iris")["spec"]["canary"]
    assert (canary["trafficPercent"], canary["predictor"]["model"]["storageUri"]) == (10, NEXT)
    assert "maxReplicas" not in canary["predictor"]
    assert predictor(kserve)["model"]["storageUri"] == MODEL
    name = canary["predictor"]["name"]
    revisions = client.get_service("iris").revisions
    assert [(each.name, each.percent, each.model) for each in revisions] == [
        (name, 10, NEXT),
        ("iris-predictor", 90, MODEL),
    ]
    client.update("iris", canary_percent=40)
    assert kserve.service("iris")["spec"]["canary"][0]["trafficPercent"] == 40

    with pytest.raises(InvalidInput, match="The canary of service 'iris' is not ready"):
        client.promote("iris")
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/{kserve.namespace}/inferenceservices/iris/status"
    kserve.wire.patch(path, {"status": {"canaryStatuses": [{"name": name, "ready": True, "trafficPercent": 40}]}})
    client.promote("iris")
    promoted = kserve.service("iris")["spec"]
    assert "canary" not in promoted
    assert (promoted["predictor"]["name"], promoted["predictor"]["model"]["storageUri"]) == (name, NEXT)
    assert promoted["predictor"]["maxReplicas"] == 3

    client.update("iris", model=MODEL, canary_percent=10)
    client.rollback("iris")
    assert "canary" not in kserve.service("iris")["spec"]


def test_a_canary_needs_a_service_whose_mode_is_known(client: KServeClient) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn")
    with pytest.raises(Unsupported, match=r"DeploymentMode\(...\)"):
        client.update("iris", model=NEXT, canary_percent=10)


def test_functions_and_models_do_not_take_each_others_place_silently(
    client: KServeClient, kserve: PlayedKServe
) -> None:
    client.serve("double", model=double)
    before = predictor(kserve, "double")["containers"][0]
    client.update("double", model=triple)
    after = predictor(kserve, "double")["containers"][0]
    assert after["args"] != before["args"]
    assert {**after, "args": None} == {**before, "args": None}
    with pytest.raises(InvalidInput, match="model_format="):
        client.update("double", model=MODEL)
    client.update("double", model=MODEL, model_format="sklearn")
    assert predictor(kserve, "double")["model"]["storageUri"] == MODEL
    with pytest.raises(Unsupported, match="serve it under another name"):
        client.update("double", model=double)


def test_a_service_stops_and_starts(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn", options=STANDARD)
    kserve.deploy("iris")
    client.stop_service("iris")
    client.stop_service("iris")
    stopped = client.get_service("iris")
    assert (stopped.status, stopped.notes) == ("Stopped", ["it is being stopped"])
    assert kserve.service("iris")["metadata"]["annotations"]["serving.kserve.io/stop"] == "true"
    client.start_service("iris")
    assert client.get_service("iris").status == "Ready"


def test_a_deleted_service_is_gone_and_can_be_waited_for(client: KServeClient, kserve: PlayedKServe) -> None:
    client.serve("iris", model=MODEL, model_format="sklearn")
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/{kserve.namespace}/inferenceservices/iris"
    kserve.wire.patch(path, {"metadata": {"finalizers": ["example.com/held"]}})
    with pytest.raises(ServiceWaitTimeout, match="awaited: gone"):
        client.delete_service("iris", wait=True, timeout=0.2)
    kserve.wire.patch(path, {"metadata": {"finalizers": None}})
    with pytest.raises(ServiceNotFound):
        client.get_service("iris")
    client.serve("iris", model=MODEL, model_format="sklearn")
    client.delete_service("iris", wait=True, timeout=30)
    assert client.list_services() == []

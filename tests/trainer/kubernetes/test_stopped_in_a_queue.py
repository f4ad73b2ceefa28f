"""A job in a queue of Kueue that is stopped for good: Kueue would start it again, unless its workload is switched off."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.cluster.stage import MISSING, REASON, install
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.restricted import HOME, KUEUE, WORKLOADS, Restricted, restricted

JOBS = f"{API}/namespaces/{HOME}/trainjobs"
WORKLOADS_HERE = f"/apis/{KUEUE}/v1beta2/namespaces/{HOME}/workloads"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restricted]:
    if MISSING:
        pytest.skip(REASON)
    with restricted(tmp_path_factory.mktemp("restricted")) as cluster:
        install(cluster.wire, [WORKLOADS])
        yield cluster


def queued(there: Restricted, name: str) -> None:
    """Make a job in a queue, and its workload as Kueue does."""
    there.made.trainjob(name, suspend=True)
    labels = {"kueue.x-k8s.io/queue-name": "team"}
    made = there.wire.patch(f"{JOBS}/{name}", {"metadata": {"labels": labels}})
    label = {"kueue.x-k8s.io/job-uid": made["metadata"]["uid"]}
    workload = {
        "apiVersion": f"{KUEUE}/v1beta2",
        "kind": "Workload",
        "metadata": {"name": f"trainjob-{name}", "labels": label},
        "spec": {"active": True, "queueName": "team"},
    }
    there.wire.send("POST", WORKLOADS_HERE, workload)


def test_its_workload_is_switched_off_and_on_again_when_it_is_resumed(there: Restricted) -> None:
    queued(there, "one")
    queued(there, "other")
    client, _ = there.backend("all")

    client.stop_job("one")

    assert there.wire.send("GET", f"{WORKLOADS_HERE}/trainjob-one")["spec"]["active"] is False
    assert there.wire.send("GET", f"{WORKLOADS_HERE}/trainjob-other")["spec"]["active"] is True
    assert there.wire.send("GET", f"{JOBS}/one")["spec"]["suspend"] is True
    client.resume_job("one")
    assert there.wire.send("GET", f"{WORKLOADS_HERE}/trainjob-one")["spec"]["active"] is True


def test_what_is_in_the_way_is_said(there: Restricted, caplog: pytest.LogCaptureFixture) -> None:
    queued(there, "hidden")
    client, _ = there.backend("no-workloads")

    with caplog.at_level(logging.WARNING, "kubeflow"):
        client.stop_job("hidden")

    (line,) = [record.getMessage() for record in caplog.records if "start it again" in record.getMessage()]
    assert "may not see workloads.kueue.x-k8s.io" in line
    assert "client.delete_job('hidden')" in line


def test_a_job_without_a_queue_costs_no_request_more(there: Restricted) -> None:
    there.made.trainjob("plain", suspend=True)
    client, counted = there.backend("all")

    client.stop_job("plain")

    assert not [request for request in counted.requests if KUEUE in request.path]

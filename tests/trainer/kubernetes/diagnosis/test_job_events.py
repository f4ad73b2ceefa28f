"""The events of a job among those of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubeflow.cluster import Cluster, Forbidden
from kubeflow.cluster.pods.events import read_event
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import Family, happenings, job_events, user_event
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge, Fault
from tests.trainer.kubernetes.objects import Made


@pytest.fixture
def made(server: Recorded, namespace: str) -> Made:
    return Made(server, namespace)


def test_events_of_all_that_belongs_to_a_job_come_oldest_first(cluster: Cluster, made: Made) -> None:
    pod = made.pod("a")
    base = datetime(2026, 1, 1, tzinfo=UTC)
    objects = [
        ("Pod", pod, "Started"),
        ("Pod", "a-node-0-3-zzzzz", "Killing"),
        ("Job", "a-node-0", "SuccessfulCreate"),
        ("JobSet", "a", "Created"),
        ("PodGroup", "a", "Unschedulable"),
        ("Workload", "trainjob-a-0f3c1", "QuotaReserved"),
        ("TrainJob", "a", "Applied"),
    ]
    for age, (kind, name, reason) in enumerate(objects):
        when = (base - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
        made.event(kind, name, reason, f"about {name}", firstTimestamp=when, lastTimestamp=when)
    found = job_events(cluster, made.namespace, Family("a", pods=list_pods(cluster, made.namespace, "a")))
    assert [(e.involved_object_kind, e.involved_object_name, e.reason) for e in found] == objects[::-1]
    assert found[0].message == "about a"
    assert [event.event_time for event in found] == sorted(event.event_time for event in found)


def test_events_cost_one_request(cluster: Cluster, made: Made, edge: Edge) -> None:
    for index in range(5):
        made.event("Pod", f"a-node-0-{index}-abcde", "Started", "started")
    assert len(job_events(cluster, made.namespace, Family("a"))) == 5
    assert len(edge.requests) == 1


def test_objects_of_jobs_with_similar_names_are_others(cluster: Cluster, made: Made) -> None:
    for kind, name in (
        ("TrainJob", "a-node"),
        ("JobSet", "a-node-0"),
        ("Job", "a-node-node-0"),
        ("Pod", "a-node-node-0-0-abcde"),
        ("Pod", "a-node-0-node-0-0-abcde"),
        ("Pod", "a-other"),
        ("Workload", "trainjob-a-node-0f3c1"),
        ("Workload", "job-a-0f3c1"),
        ("Deployment", "a"),
        ("PersistentVolumeClaim", "a"),
    ):
        made.event(kind, name, "Foreign", "not ours")
    made.event("Pod", "a-node-0-0-abcde", "Ours", "ours")
    assert [event.reason for event in job_events(cluster, made.namespace, Family("a"))] == ["Ours"]


def test_an_earlier_job_of_that_name_is_another(cluster: Cluster, made: Made) -> None:
    pod = made.pod("a")
    pods = list_pods(cluster, made.namespace, "a")
    made.event("TrainJob", "a", "Old", "of the job before", uid="before")
    made.event("TrainJob", "a", "New", "of this one", uid="now")
    made.event("JobSet", "a", "Old", "of the job before", uid="before")
    made.event("JobSet", "a", "New", "of this one", uid="uid-of-a")
    made.event("Pod", pod, "New", "of this one", uid=pods[0].uid)
    long_ago = "2020-01-01T00:00:00Z"
    made.event("Pod", "a-node-0-0-fghij", "Old", "before", firstTimestamp=long_ago, lastTimestamp=long_ago)
    family = Family("a", "now", datetime(2025, 1, 1, tzinfo=UTC), pods)
    assert {event.reason for event in job_events(cluster, made.namespace, family)} == {"New"}


def test_claims_that_pods_mount_belong_to_their_job(cluster: Cluster, made: Made) -> None:
    made.pod("a", spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "datasets"}}]})
    made.event("PersistentVolumeClaim", "datasets", "ProvisioningFailed", "no such storage class", type="Warning")
    family = Family("a", pods=list_pods(cluster, made.namespace, "a"))
    (found,) = happenings(cluster, made.namespace, family)
    assert (found.reason, found.warning) == ("ProvisioningFailed", True)


def test_an_event_of_the_scheduler_has_its_time_elsewhere(cluster: Cluster, made: Made) -> None:
    made.event(
        "Pod",
        "a-node-0-0-abcde",
        "FailedScheduling",
        "0/1 nodes are available",
        eventTime="2026-01-01T00:00:00.123456Z",
        series={"count": 7, "lastObservedTime": "2026-01-01T00:05:00.000000Z"},
        reportingComponent="default-scheduler",
        reportingInstance="s",
        action="Scheduling",
    )
    (found,) = happenings(cluster, made.namespace, Family("a"))
    assert found.first == datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)
    assert found.last == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    assert user_event(found).message == "0/1 nodes are available (7 times)"


def test_events_of_the_newer_group_are_read_too() -> None:
    found = read_event(
        {
            "regarding": {"kind": "TrainJob", "name": "a", "uid": "u"},
            "note": "a webhook refused it",
            "reason": "TrainJobResourcesCreationFailed",
            "type": "Warning",
            "deprecatedFirstTimestamp": None,
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "deprecatedCount": 2,
        }
    )
    assert (found.kind, found.name, found.uid, found.count) == ("TrainJob", "a", "u", 2)
    assert found.message == "a webhook refused it"
    assert found.first == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("item", [{}, {"involvedObject": 3, "count": "x", "firstTimestamp": "yesterday"}])
def test_no_event_is_too_odd_to_be_read(item: dict[str, object]) -> None:
    assert read_event(item).count == 1


def test_a_missing_right_is_named(cluster: Cluster, made: Made, edge: Edge) -> None:
    edge.faults.append(Fault("/events", status=403))
    with pytest.raises(Forbidden, match="events"):
        job_events(cluster, made.namespace, Family("a"))

"""Pods that are of no TrainJob, such as a Spark driver or a predictor: how they are, and why they wait or ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubeflow.cluster.pods.causes import Advice, ended_by_cluster, images_missing, not_configured, unplaced
from kubeflow.cluster.pods.events import read_event
from kubeflow.cluster.pods.exits import how_it_ended
from kubeflow.cluster.pods.pod import Pod, read_pod

ADVICE = Advice(
    "application", "driver.cores and driver.memory", "run it again", "delete and run it again", "Run again."
)


def driver(**status: Any) -> Pod:
    """A Spark driver with this status."""
    return read_pod(
        {
            "metadata": {"name": "pi-driver", "uid": "1", "ownerReferences": [{"uid": "application"}]},
            "spec": {"containers": [{"name": "spark", "resources": {"limits": {"memory": "1Gi"}}}, {"name": "side"}]},
            "status": status,
        }
    )


def waiting(reason: str, message: str) -> dict[str, Any]:
    return {"name": "spark", "state": {"waiting": {"reason": reason, "message": message}}}


def test_a_pod_is_known_by_its_name_and_its_first_container() -> None:
    pod = driver(phase="Running", containerStatuses=[{"name": "spark", "state": {"running": {}}}])
    assert (pod.display_name, pod.container.name, pod.container.state) == ("pi-driver", "spark", "Running")
    assert (pod.owner_uid, pod.resources) == ("application", {"memory": "1Gi"})
    assert not pod.ended


def test_a_container_that_matters_can_be_named() -> None:
    pod = read_pod({"spec": {"containers": [{"name": "side"}, {"name": "spark"}]}}, {"name": "spark"})
    assert pod.container.name == "spark"


@pytest.mark.parametrize("odd", [None, "pod", {"spec": 3, "status": []}, {"metadata": {"ownerReferences": "none"}}])
def test_an_odd_pod_raises_nothing(odd: object) -> None:
    assert read_pod(odd).phase == "Unknown"


def test_an_end_is_told_in_words() -> None:
    state = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    pod = driver(phase="Failed", containerStatuses=[{"name": "spark", "state": state}])
    assert [how_it_ended(end) for end in pod.container.exits] == ["ran out of memory (OOMKilled, exit code 137)"]


def test_an_image_that_cannot_be_pulled_is_a_finding() -> None:
    (found,) = images_missing([driver(containerStatuses=[waiting("ImagePullBackOff", "no such tag")])])
    assert found.text == "pi-driver cannot get its image (ImagePullBackOff): no such tag"


def test_remedies_speak_of_the_owner_of_the_pod() -> None:
    missing = driver(containerStatuses=[waiting("CreateContainerConfigError", 'secret "s3" not found')])
    broken = driver(containerStatuses=[waiting("RunContainerError", "bad mount")])
    evicted = driver(phase="Failed", reason="Evicted", message="low on memory")
    remedies = [
        *(remedy for finding in not_configured([missing, broken], ADVICE) for remedy in finding.remedies),
        *(remedy for finding in ended_by_cluster([evicted], ADVICE) for remedy in finding.remedies),
    ]
    assert remedies == [
        "Make the Secret 's3' in the application's namespace: the pod then starts.",
        "Correct it, delete and run it again.",
        "Ask for as much as it uses in driver.cores and driver.memory (memory, ephemeral-storage), and run it again.",
    ]


def test_what_the_scheduler_says_of_a_pod_may_be_in_an_event_only() -> None:
    event = read_event(
        {
            "involvedObject": {"kind": "Pod", "name": "pi-driver"},
            "reason": "FailedScheduling",
            "message": "0/2 nodes are available: 2 Insufficient cpu.",
        }
    )
    (found,) = unplaced([driver(phase="Pending")], [event], ADVICE, datetime.now(UTC))
    assert found.text == "pi-driver cannot be placed: 0/2 nodes are available: 2 Insufficient cpu."
    assert "Ask for less cpu in driver.cores and driver.memory" in found.remedies[0]

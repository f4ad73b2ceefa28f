"""What users see of a TrainJob, whatever its controller has written into it so far."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainJob

from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.backends.kubernetes.jobs.status import job_view
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime, known_runtime
from tests.cluster.stage import MINORS, MISSING, REASON, runtimes
from tests.trainer.kubernetes.objects import condition

Json = dict[str, Any]
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def job(spec: Json | None = None, **status: object) -> TrainJob:
    metadata = {"name": "job", "creationTimestamp": "2026-01-01T00:00:00Z"}
    runtime = {"runtimeRef": {"name": "torch-distributed"}, "suspend": False}
    body: Json = {"metadata": metadata, "spec": {**runtime, **(spec or {})}}
    return TrainJob.from_server(body | ({"status": status} if status else {}))


def counts(name: str = "node", **values: int) -> Json:
    return {"name": name, **dict.fromkeys(("active", "failed", "ready", "succeeded", "suspended"), 0), **values}


def node(phase: str, index: int = 0, **fields: Any) -> JobPod:
    name = f"job-node-0-{index}"
    at = {"replicated_job": "node", "step": f"node-{index}", "completion_index": index}
    return JobPod(**{"name": name, "job": "job", "phase": phase, "created": MADE, **at, **fields})


def conditions(*entries: tuple[str, str, str]) -> list[Json]:
    return [condition(kind, reason, "words", status) for kind, reason, status in entries]


RESUMED = conditions(("Suspended", "Resumed", "False"))
STATUSES: list[tuple[str, TrainJob, list[JobPod] | None, str]] = [
    ("fresh, and the controller has not seen it", job(), [], "Created"),
    ("its pods wait for machines", job(jobsStatus=[counts(active=1)]), [node("Pending")], "Created"),
    ("it waits in Kueue's queue", job({"suspend": True}), [], "Suspended"),
    ("suspended, and the controller says so", job({"suspend": True}, conditions=conditions(("Suspended", "Suspended", "True"))), [], "Suspended"),
    ("resumed: the last condition is Suspended, and False", job(conditions=RESUMED), [], "Created"),
    ("resumed, and the controller has not seen that", job(conditions=conditions(("Suspended", "Suspended", "True"))), [], "Created"),
    ("resumed and running", job(conditions=RESUMED), [node("Running")], "Running"),
    ("running on Trainer 2.0, which counts no jobs", job(), [node("Running"), node("Pending", 1)], "Running"),
    ("pods may not be seen", job(jobsStatus=[counts(ready=1, active=1)]), None, "Running"),
    ("pods are in another cluster", job(jobsStatus=[counts(active=1)]), [], "Running"),
    ("an initializer fetches", job(jobsStatus=[counts("model-initializer", active=1), counts()]), [JobPod("job-model-initializer-0-0", job="job", phase="Running", step="model-initializer", created=MADE)], "Running"),
    ("restarted: the old pod has failed, the new one runs", job(), [node("Failed", name="old"), node("Running", name="new", attempt=1)], "Running"),
    ("restarted: the new pod waits", job(), [node("Failed", name="old"), node("Pending", name="new", attempt=1)], "Created"),
    ("complete", job(conditions=conditions(("Complete", "AllJobsCompleted", "True"))), [node("Succeeded")], "Complete"),
    ("complete, and suspended before", job(conditions=[*conditions(("Complete", "AllJobsCompleted", "True")), *RESUMED]), [], "Complete"),
    ("failed", job(conditions=conditions(("Failed", "FailedJobs", "True"))), [node("Failed")], "Failed"),
    ("over its deadline, pods deleted", job(conditions=conditions(("Failed", "DeadlineExceeded", "True"))), [], "Failed"),
    ("a failure that was taken back", job(conditions=conditions(("Failed", "FailedJobs", "False"))), [node("Running")], "Running"),
    ("failed while suspended", job({"suspend": True}, conditions=conditions(("Failed", "FailedJobs", "True"))), [], "Failed"),
    ("a pod of an earlier job of that name", job(), [node("Running", created=datetime(2025, 1, 1, tzinfo=UTC))], "Created"),
    ("conditions of a future Trainer", job(conditions=conditions(("Exploded", "Boom", "True"))), [], "Created"),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "pods", "status"), [case[1:] for case in STATUSES], ids=[c[0] for c in STATUSES])
def test_the_status_is_true(given_: TrainJob, pods: list[JobPod] | None, status: str) -> None:
    assert job_view(given_, pods, None).status == status


def shipped(minor: str, name: str) -> KnownRuntime:
    if MISSING:
        pytest.skip(REASON)
    manifest = next(each for each in runtimes(minor) if each["metadata"]["name"] == name)
    return known_runtime(ClusterTrainingRuntime.from_server(manifest))


@pytest.mark.parametrize("minor", MINORS)
def test_steps_are_there_before_pods_are_in_the_order_in_which_they_run(minor: str) -> None:
    tuning = job_view(job(), [], shipped(minor, "torchtune-llama3.2-1b"))

    assert [step.name for step in tuning.steps] == ["dataset-initializer", "model-initializer", "node-0"]
    assert {step.status for step in tuning.steps} == {"Pending"}
    assert [(step.device, step.device_count) for step in tuning.steps][-1] == ("gpu", "2")

    training = job_view(job({"trainer": {"numNodes": 12}}), [node("Running", 11)], shipped(minor, "torch-distributed"))

    assert [step.name for step in training.steps] == [f"node-{index}" for index in range(12)]
    assert (training.steps[11].status, training.steps[11].pod_name) == ("Running", "job-node-0-11")
    assert (training.num_nodes, training.runtime.name) == (12, "torch-distributed")


@pytest.mark.parametrize("minor", MINORS)
def test_the_launcher_of_mpi_is_a_node_and_has_one_beside_it_at_least(minor: str) -> None:
    runtime = shipped(minor, "deepspeed-distributed")

    assert [step.name for step in job_view(job(), [], runtime).steps] == ["node-0", "node-1"]
    three = job_view(job({"trainer": {"numNodes": 3}}), [], runtime)
    assert [step.name for step in three.steps] == ["node-0", "node-1", "node-2"]


def test_devices_come_from_the_job_and_from_its_pods() -> None:
    asked = job({"trainer": {"numNodes": 2, "resourcesPerNode": {"limits": {"amd.com/gpu": "4"}}}})

    steps = job_view(asked, [node("Running", 1, resources={"cpu": "2", "amd.com/gpu": "3"})], None).steps

    assert [(step.device, step.device_count) for step in steps] == [("gpu", "4"), ("gpu", "3")]


def test_after_the_end_only_what_is_certain_is_said_of_pods_that_are_gone() -> None:
    complete = job(conditions=conditions(("Complete", "AllJobsCompleted", "True")))
    failed = job(conditions=conditions(("Failed", "DeadlineExceeded", "True")))

    assert [step.status for step in job_view(complete, [], None).steps] == ["Succeeded"]
    assert [step.status for step in job_view(failed, [], None).steps] == [None]
    assert [step.status for step in job_view(job(), None, None).steps] == [None]


def test_progress_is_what_the_function_last_reported() -> None:
    metrics = [{"name": "loss", "value": "0.25"}, {"name": "stage", "value": "warm"}, {"name": "bad", "value": "NaN"}]
    reported = job(trainerStatus={"progressPercentage": 40, "estimatedRemainingSeconds": 90, "metrics": metrics})

    view = job_view(reported, [], None)

    assert (view.progress, view.estimated_remaining_seconds) == (40, 90)
    assert (view.metrics["loss"], view.metrics["stage"]) == (0.25, "warm")
    assert math.isnan(float(view.metrics["bad"]))
    assert view == job_view(reported, [], None)  # a NaN is no change


SCALARS = st.one_of(st.none(), st.integers(), st.booleans(), st.text(max_size=3))
NAMED = st.dictionaries(
    st.sampled_from(["name", "type", "status", "ready", "succeeded", "numNodes", "metrics"]), SCALARS
)
PARTS = st.one_of(SCALARS, NAMED, st.lists(st.one_of(SCALARS, NAMED), max_size=3))


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), PARTS), st.data())
def test_no_job_is_so_broken_that_it_cannot_be_shown(top: Json, data: st.DataObject) -> None:
    keys = {
        "metadata": ["name", "creationTimestamp", "labels"],
        "spec": ["runtimeRef", "trainer", "suspend", "initializer"],
        "status": ["conditions", "jobsStatus", "trainerStatus"],
    }
    below = {
        part: data.draw(st.dictionaries(st.sampled_from(names), PARTS))
        for part, names in keys.items()
        if part not in top
    }

    broken = TrainJob.from_server({**below, **top})
    view = job_view(broken, [], None)

    if view.status == "Running":  # a count of ready pods is believed, where it is one
        counts: Any = below["status"]["jobsStatus"]
        ready = [count["ready"] for count in counts if isinstance(count, dict) and "ready" in count]
        assert any(type(count) is int and count > 0 for count in ready)
    else:
        assert view.status in ("Created", "Suspended")
    assert all(step.name for step in view.steps)
    assert view.name

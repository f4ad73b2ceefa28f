"""What is over is told as history, with count, reason and time; the headline is how the job is now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from kubeflow.cluster import Cluster
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.cluster.readings import Absent, Found
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.findings import findings
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import Family, JobEvents, of_family
from kubeflow.trainer.backends.kubernetes.jobs.pods import read_pods
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge
from tests.trainer.kubernetes.objects import Made, condition, ended, running, terminated, waiting
from tests.trainer.kubernetes.subject import Subject, raised

Json = dict[str, object]
MADE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def subject(server: Recorded, namespace: str, edge: Edge, cluster: Cluster) -> Subject:
    subject = Subject(Made(server, namespace), edge, cluster)
    subject.job()
    return subject


SHUTDOWN = {
    "phase": "Failed",
    "reason": "Terminated",
    "message": "Pod was terminated in response to imminent node shutdown.",
    "containerStatuses": ended(137)["containerStatuses"],
}
EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
PREEMPTED = {
    **ended(143),
    "conditions": [condition("DisruptionTarget", "PreemptionByScheduler", "preempting for a pod of priority 9")],
}
REPLACED: list[tuple[str, Mapping[str, object], str]] = [
    ("node shutdown", SHUTDOWN, "it was ended by the cluster (Terminated): Pod was terminated in response to imminent"),
    ("eviction", EVICTED, "it was ended by the cluster (Evicted): The node was low on resource: memory"),
    ("preemption", PREEMPTED, "it was ended by the cluster (PreemptionByScheduler): preempting for a pod"),
    ("out of memory", ended(137, reason="OOMKilled"), "it ran out of memory"),
    ("exception", ended(1, message=raised(0)), "it raised ValueError: boom"),
    ("refused by a kubelet", {"phase": "Failed", "reason": "OutOfcpu", "message": "no cpu"}, "(OutOfcpu): no cpu"),
]
BLAMING = ("Train again", "Raise 'memory'", "Ask for as much", "Read its log")


@pytest.mark.parametrize(("status", "words"), [case[1:] for case in REPLACED], ids=[case[0] for case in REPLACED])
@pytest.mark.parametrize("now", ["runs", "waits", "succeeded"])
def test_a_pod_that_was_replaced_is_history_while_its_job_goes_on(
    subject: Subject, status: Mapping[str, object], words: str, now: str
) -> None:
    subject.made.pod("a", suffix="aaaaa", status=status)
    present = {"runs": running(), "waits": {"phase": "Pending"}, "succeeded": ended(0)}[now]
    subject.made.pod("a", suffix="bbbbb", status=present)
    told = subject.explain("Running")
    assert (
        told.summary
        == {
            "runs": "1 of 1 pods run.",
            "waits": "its pods are being started.",
            "succeeded": "its pods have ended.",
        }[now]
    )
    (history,) = [finding for finding in told.findings if "was replaced" in finding]
    assert history.startswith("the pod of node-0 was replaced once: ")
    assert words in history
    assert not any(remedy.startswith(BLAMING) for remedy in told.remedies), told.remedies
    assert list(told.log) == []


def test_several_replacements_are_counted_and_the_last_is_told(subject: Subject) -> None:
    for suffix, code, second in (("aaaaa", 3, 1), ("bbbbb", 4, 2), ("ccccc", 5, 3)):
        status = ended(code, finished=f"2026-01-01T00:00:0{second}Z")
        subject.made.pod("a", suffix=suffix, status=status)
    subject.made.pod("a", suffix="ddddd", status=running())
    told = subject.explain("Running")
    assert told.summary == "1 of 1 pods run."
    (history,) = told.findings
    when = datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC).astimezone().isoformat(sep=" ")
    assert history == f"the pod of node-0 was replaced 3 times: the last one exited with code 5, at {when}"


def test_the_pods_of_a_failed_job_that_were_replaced_are_not_why_it_failed(subject: Subject) -> None:
    subject.made.pod("a", suffix="aaaaa", status=SHUTDOWN)
    subject.made.pod("a", suffix="bbbbb", status=ended(1, message=raised(0), finished="2026-01-01T09:00:00Z"))
    subject.made.end("a", "Failed", "FailedJobs")
    assert subject.failure().reason == "rank 0 (node-0) raised ValueError: boom at train.py:3."
    told = subject.explain("Failed")
    assert told.summary == "rank 0 (node-0) raised ValueError: boom at train.py:3."
    (history,) = [finding for finding in told.findings if "was replaced once" in finding]
    assert "node shutdown" in history


def test_a_complete_job_whose_pod_was_evicted_on_the_way_has_nothing_to_try(subject: Subject) -> None:
    subject.made.pod("a", suffix="aaaaa", status=EVICTED)
    subject.made.pod("a", suffix="bbbbb", status=ended(0))
    subject.made.end("a")
    told = subject.explain("Complete")
    assert told.summary == "all its nodes have succeeded."
    assert list(told.remedies) == []


def test_a_container_that_runs_again_is_history_and_one_that_keeps_failing_is_not(subject: Subject) -> None:
    last = terminated(1, message=raised(0, "KeyError", "'x'"))
    name = subject.made.pod("a", status=running(restarts=1, last=last))
    told = subject.explain("Running")
    assert told.summary == "1 of 1 pods run."
    (history,) = told.findings
    assert history.startswith(
        "node-0 was started again once in its pod, after it raised KeyError: 'x' at train.py:3, at "
    )
    assert list(told.remedies) == []

    # What repeats itself has a remedy, and is still not the headline.
    subject.made.pod_status(name, running(restarts=4, last=terminated(137, reason="OOMKilled")))
    told = subject.explain("Running")
    assert told.summary == "1 of 1 pods run."
    assert "was started again 4 times in its pod, after it ran out of memory" in told.findings[0]
    assert told.remedies[0].startswith("Raise 'memory'")

    subject.made.pod_status(name, waiting("CrashLoopBackOff", "back-off", last=last))
    assert subject.explain("Running").summary == "rank 0 (node-0) raised KeyError: 'x' at train.py:3."


def test_an_init_container_that_failed_once_and_then_succeeded_is_no_failure() -> None:
    status = {
        "phase": "Running",
        "initContainerStatuses": [
            {
                "name": "fetch",
                "restartCount": 1,
                "state": {"terminated": terminated(0)},
                "lastState": {"terminated": terminated(3)},
            }
        ],
        "containerStatuses": running()["containerStatuses"],
    }
    item = {
        **pod("aaaaa", 0, status),
        "spec": {"initContainers": [{"name": "fetch"}], "containers": [{"name": "node"}]},
    }
    assert findings(Evidence(job(), Found(read_pods([item])))) == []


def test_a_jobset_that_was_made_anew_says_how_often_and_why() -> None:
    before = pod("aaaaa", 0, ended(1, message=raised(0)), attempt=1)
    now = pod("bbbbb", 60, running(), attempt=2)
    (told,) = findings(Evidence(job(), Found(read_pods([before, now]))))
    assert told.text.startswith("all its pods were made anew 2 times, last: ")
    assert "raised ValueError: boom at train.py:3, at " in told.text
    assert not told.headline
    # The pods of earlier attempts are gone, mostly: then JobSet's event says it.
    words = "applying RestartJobSet failure policy action (first failed job: a-node-0)"
    event = happening("JobSet", "a", "RestartJobSetFailurePolicyAction", words, 30)
    (told,) = findings(Evidence(job(), Found(read_pods([now])), Found(JobEvents([event]))))
    assert f"all its pods were made anew 2 times, last: {words}, at " in told.text


def test_pods_that_are_gone_are_told_by_their_events() -> None:
    event = happening("Pod", "a-node-0-0-zzzzz", "TaintManagerEviction", "Marking for deletion Pod", 30)
    evidence = Evidence(job(), Found(read_pods([pod("bbbbb", 60, running())])), Found(JobEvents([event])))
    (told,) = findings(evidence)
    assert told.text.startswith("pod a-node-0-0-zzzzz, which is gone, was ended by the cluster (TaintManagerEviction)")
    assert not told.headline
    assert findings(Evidence(job(), read_events=Found(JobEvents([event])), read_pods=Absent())) == []


@pytest.mark.parametrize(
    ("kind", "name", "reason", "message"),
    [
        ("Job", "a-node-0", "FailedCreate", "pods is forbidden: exceeded quota: team"),
        ("JobSet", "a", "JobCreationFailed", "jobs.batch is forbidden: exceeded quota: team"),
        ("TrainJob", "a", "TrainJobResourcesCreationFailed", "Failed to create resources: exceeded quota: team"),
    ],
)
def test_what_was_refused_once_and_has_been_made_since_is_over(kind: str, name: str, reason: str, message: str) -> None:
    event = happening(kind, name, reason, message, 30)
    refused = Evidence(job(), read_events=Found(JobEvents([event])))
    (told,) = findings(refused)
    assert "exceeded quota: team" in told.text
    assert told.headline
    made = Evidence(job(), Found(read_pods([pod("aaaaa", 60, running())])), Found(JobEvents([event])))
    assert findings(made) == []
    # A part of the pods was made, and then no more.
    part = Evidence(job(), Found(read_pods([pod("aaaaa", 20, running())])), Found(JobEvents([event])))
    assert "exceeded quota: team" in findings(part)[0].text


def test_a_volume_that_is_mounted_by_now_is_not_waited_for() -> None:
    item = pod("aaaaa", 0, waiting("ContainerCreating"))
    name = "a-node-0-0-aaaaa"
    failed = happening("Pod", name, "FailedMount", 'configmap "y" not found', 10)
    evidence = Evidence(job(), Found(read_pods([item])), Found(JobEvents([failed])))
    assert "waits for a volume" in findings(evidence)[0].text
    pulling = happening("Pod", name, "Pulling", 'Pulling image "x"', 20)
    assert findings(Evidence(job(), evidence.read_pods, Found(JobEvents([failed, pulling])))) == []


def test_the_events_of_an_earlier_job_of_that_name_are_not_told(subject: Subject) -> None:
    """It was deleted a moment ago, and its pods are still being ended when the new job is there."""
    created = MADE
    family = Family("a", "now", created, read_pods([pod("bbbbb", 5, running())]))

    def event(kind: str, name: str, reason: str, uid: str, second: int, stored: int | None = None) -> Happening:
        when = (created + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
        at = (created + timedelta(seconds=second if stored is None else stored)).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"kind": kind, "name": name, "uid": uid}
        times = {"firstTimestamp": at, "lastTimestamp": when}
        return read_event({"involvedObject": about, "reason": reason, "metadata": {"creationTimestamp": at}, **times})

    old = [
        event("Pod", "a-node-0-0-aaaaa", "Started", "old-pod", -3),
        event("Pod", "a-node-0-0-aaaaa", "Killing", "old-pod", 2),  # after the new job was made
        event("Job", "a-node-0", "SuccessfulCreate", "old-job", -3),
        event("Job", "a-node-0", "SuccessfulDelete", "old-job", 2),
        event("Pod", "a-node-0-0-ccccc", "BackOff", "older-pod", 2, stored=-60),  # again and again, since before
        event("JobSet", "a", "JobSetFailed", "old-set", -3),
        event("TrainJob", "a", "TrainJobResourcesCreationFailed", "before", 2),
    ]
    new = [
        event("Job", "a-node-0", "SuccessfulCreate", "new-job", 1),
        event("Pod", "a-node-0-0-bbbbb", "Started", "uid-bbbbb", 5),
        event("Pod", "a-node-0-0-ddddd", "Killing", "gone-pod", 3),
        event("TrainJob", "a", "Applied", "now", 1),
    ]
    assert of_family([*old, *new], family) == sorted(new, key=lambda each: each.first)


def job(**spec: object) -> Json:
    metadata = {"name": "a", "uid": "now", "creationTimestamp": MADE.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"metadata": metadata, "spec": {"runtimeRef": {"name": "torch-distributed"}, **spec}}


def happening(kind: str, name: str, reason: str, message: str, second: float, uid: str = "") -> Happening:
    when = MADE + timedelta(seconds=second)
    return Happening(kind, name, uid, reason, message, True, 1, when, when, when)


def pod(suffix: str, second: int, status: Mapping[str, object], *, attempt: int = 0) -> Json:
    """Return a pod of node-0 that was made so many seconds after its job."""
    labels = {
        "jobset.sigs.k8s.io/jobset-name": "a",
        "jobset.sigs.k8s.io/jobset-uid": "set",
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "jobset.sigs.k8s.io/restart-attempt": str(attempt),
        "batch.kubernetes.io/job-completion-index": "0",
    }
    created = (MADE + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"name": f"a-node-0-0-{suffix}", "uid": f"uid-{suffix}", "labels": labels, "creationTimestamp": created}
    spec = {"nodeName": "machine-1", "containers": [{"name": "node"}]}
    return json.loads(json.dumps({"metadata": metadata, "spec": spec, "status": status}))  # type: ignore[no-any-return]

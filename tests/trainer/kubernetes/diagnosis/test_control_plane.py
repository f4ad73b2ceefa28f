"""What control planes refuse, do elsewhere, or do again: as they did it when they were measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster.pods.causes import Diagnosed
from kubeflow.cluster.pods.events import Happening
from kubeflow.cluster.readings import Absent, Found, NotPermitted, ReadFailed, Reading
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence
from kubeflow.trainer.backends.kubernetes.diagnosis.findings import findings
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import Family, JobEvents, of_family
from kubeflow.trainer.backends.kubernetes.jobs.pods import read_pods
from kubeflow.trainer.backends.kubernetes.jobs.status import job_view
from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime
from tests.trainer.kubernetes.objects import condition, ended, running

Json = dict[str, Any]
MADE = datetime(2026, 1, 1, tzinfo=UTC)
IMMUTABLE = (
    'TrainJob resources reconciliation failed: JobSet.jobset.x-k8s.io "a" is invalid: spec.volumeClaimPolicies: '
    "Invalid value: Value is immutable"
)
COUNTED = {"jobsStatus": [{"name": "node", "active": 1, "ready": 0, "succeeded": 0, "failed": 0, "suspended": 0}]}


def job(status: Json | None = None, labels: Json | None = None, **spec: object) -> Json:
    metadata: Json = {"name": "a", "uid": "now", "creationTimestamp": MADE.strftime("%Y-%m-%dT%H:%M:%SZ")}
    metadata |= {"labels": labels} if labels else {}
    return {"metadata": metadata, "spec": {"runtimeRef": {"name": "own"}, **spec}, "status": status or {}}


def pod(second: int, status: Json, *, uid: str = "p", jobset: str = "set", attempt: int = 0, **spec: object) -> Json:
    labels = {
        "jobset.sigs.k8s.io/jobset-name": "a",
        "jobset.sigs.k8s.io/jobset-uid": jobset,
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "jobset.sigs.k8s.io/restart-attempt": str(attempt),
        "batch.kubernetes.io/job-completion-index": "0",
    }
    created = (MADE + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata: Json = {"name": f"a-node-0-0-{uid}", "uid": uid, "labels": labels, "creationTimestamp": created}
    metadata["ownerReferences"] = [{"kind": "Job", "uid": f"job-of-{jobset}"}]
    return {"metadata": metadata, "spec": {"containers": [{"name": "node"}], **spec}, "status": status}


def event(
    reason: str, message: str, second: float, kind: str = "TrainJob", name: str = "a", uid: str = ""
) -> Happening:
    when = MADE + timedelta(seconds=second)
    return Happening(kind, name, uid, reason, message, True, 1, when, when, when)


def told(job_: Json, *pods: Json, events: tuple[Happening, ...] = (), **more: Any) -> list[str]:
    evidence = Evidence(job_, Found(read_pods(pods)), Found(JobEvents(events)), now=MADE + timedelta(minutes=1), **more)
    return [finding.text for finding in findings(evidence)]


GONE = Absent()
SOON = "2026-01-01T00:00:40Z"
REFUSED = "TrainJobResourcesCreationFailed"


@pytest.mark.parametrize("pods", [(), (pod(1, running()),), (pod(1, {"phase": "Pending"}, nodeName="m"),)])
@pytest.mark.parametrize("status", [None, COUNTED])
def test_a_healthy_job_is_not_said_to_be_refused_in_its_first_second(
    pods: tuple[Json, ...], status: Json | None
) -> None:
    """Trainer 2.3.0 writes the event then too: it applies a JobSet again that it has just made."""
    assert told(job(status), *pods, events=(event(REFUSED, IMMUTABLE, 0.4),)) == []


def test_a_healthy_job_of_a_slow_control_plane_is_not_said_to_be_refused() -> None:
    def of(generation: int, second: float, status: Json | None, *pods: Json, words: str = IMMUTABLE) -> list[str]:
        made = job(status)
        made["metadata"]["generation"] = generation
        return told(made, *pods, events=(event(REFUSED, words, second),))

    changes, makes = "the control plane cannot change what the job has: ", "the control plane cannot make what the job "
    assert of(1, 20, COUNTED) == of(1, 20, None, pod(1, running())) == []
    assert of(1, 90, COUNTED) == of(2, 20, COUNTED) == [changes + IMMUTABLE], "there is something to change"
    assert of(1, 20, COUNTED, words="no") == [changes + "no"], "not by an apply of what there is"
    assert of(1, 20, None) == [f"{makes}needs: {IMMUTABLE}"], "the JobSet is another's"


def test_a_refused_apply_is_told_when_there_are_pods_too() -> None:
    suspended = job(COUNTED, suspend=True)
    headline, second = told(suspended, pod(1, running()), events=(event(REFUSED, IMMUTABLE, 30),))
    assert headline == f"the control plane cannot change what the job has: {IMMUTABLE}"
    assert second == "it is to be suspended, and node-0 goes on"


def test_a_refusal_of_what_a_job_that_runs_would_not_need_is_no_headline() -> None:
    evidence = Evidence(
        job(COUNTED), Found(read_pods([pod(1, running())])), Found(JobEvents((event(REFUSED, "no", 30),)))
    )
    (finding,) = findings(evidence)
    assert (finding.text, finding.headline) == ("the control plane cannot change what the job has: no", False)
    # A suspension that was taken back is over.
    resumed = {
        "conditions": [{**condition("Suspended", "Resumed", "", "False"), "lastTransitionTime": SOON}],
        **COUNTED,
    }
    assert told(job(resumed), pod(1, running()), events=(event(REFUSED, IMMUTABLE, 30),)) == []
    assert len(told(job(resumed), events=(event(REFUSED, IMMUTABLE, 30),))) == 1, "but it has no pods"


def test_a_job_that_was_resumed_and_whose_jobset_stays_suspended_says_so() -> None:
    evidence = Evidence(job(COUNTED), read_events=Found(JobEvents((event(REFUSED, IMMUTABLE, 30),))))
    (finding,) = findings(evidence)
    assert IMMUTABLE in finding.text
    assert "retentionPolicy: {whenDeleted: Delete}" in finding.remedies[0]
    assert "client.delete_job('a')" in finding.remedies[0]


def test_what_cannot_be_made_at_all_is_told_at_once() -> None:
    words = 'admission webhook "vjobset.kb.io" denied the request: pod names will be longer than 63 characters'
    (finding,) = told(job(), events=(event(REFUSED, words, 0.2),))
    assert finding == f"the control plane cannot make what the job needs: {words}"


def test_a_refusal_that_was_made_good_is_over() -> None:
    refused = event(REFUSED, IMMUTABLE, 30)
    # The job was suspended in the end, or started.
    assert told(job(COUNTED, suspend=True), events=(refused,)) == ["it is suspended"]
    assert told(job(COUNTED), pod(60, running()), events=(refused,)) == []


def test_no_job_is_suspended_while_its_pods_run() -> None:
    def view(item: Json, *pods: Json) -> str:
        return job_view(TrainJob.from_server(item), read_pods(pods), None).status

    suspended = job({"conditions": [condition("Suspended", "Suspended", "it is")], **COUNTED}, suspend=True)
    assert view(suspended) == "Suspended"
    assert view(suspended, pod(1, running())) == "Running"
    deleting = pod(1, running())
    deleting["metadata"]["deletionTimestamp"] = "2026-01-01T00:01:00Z"
    assert view(suspended, deleting) == "Running"
    assert told(suspended, deleting) == ["it is being suspended: node-0 is ending"]
    assert view(suspended, pod(1, {"phase": "Pending"})) == "Created"
    assert view(suspended, pod(1, ended(0))) == view(suspended, pod(1, ended(1))) == "Suspended"
    assert job_view(TrainJob.from_server(suspended), None, None).status == "Running"  # by what Trainer counts
    uncounted = job({"conditions": suspended["status"]["conditions"]}, suspend=True)
    assert job_view(TrainJob.from_server(uncounted), None, None).status == "Suspended"


def test_a_failed_job_whose_runtime_has_a_ttl_will_start_again() -> None:
    failed = job({"conditions": [condition("Failed", "FailedJobs", "jobs failed")]})
    evidence = Evidence(failed, Found(read_pods([pod(1, ended(1))])), restarting_ttl=60)
    first, *others = findings(evidence)
    assert first.text == "node-0 exited with code 1"
    (finding,) = [other for other in others if "ttlSecondsAfterFinished" in other.text]
    assert finding.text.startswith("Trainer 2.3.0 will start it again after 60 s: the runtime has ttlSecondsAfterFini")
    assert "client.delete_job('a')" in finding.remedies[0]
    assert not [text for text in told(failed, pod(1, ended(1))) if "ttlSeconds" in text]
    complete = job({"conditions": [condition("Complete", "AllJobsCompleted", "done")]})
    assert told(complete, pod(1, ended(0)), restarting_ttl=60) == []


@pytest.mark.parametrize(
    "failure",
    [
        event("JobSetFailed", "jobset failed", 30, "JobSet", uid="old-set"),
        event("BackoffLimitExceeded", "Job has reached the specified backoff limit", 30, "Job", "a-node-0", "old-job"),
    ],
    ids=["by its JobSet", "by its Job"],
)
def test_a_failed_job_that_started_again_names_the_ttl_of_its_runtime(failure: Happening) -> None:
    present = pod(100, running(), jobset="new-set")
    family = Family("a", "now", MADE, read_pods([present]))
    assert of_family([failure], family) == [failure], "of an earlier JobSet of this very job"
    (finding,) = told(job(), present, events=(failure,), restarting_ttl=60)
    when = failure.last.astimezone().isoformat(sep=" ", timespec="seconds")
    assert finding == (
        f"it had failed ({failure.reason}, at {when}), and Trainer 2.3.0 has started it again: the runtime has "
        "ttlSecondsAfterFinished: 60, by which the failed JobSet is removed"
    )
    assert told(job(), present, events=(failure,)) == []
    # JobSet's own restarts are none of it.
    own = event("BackoffLimitExceeded", "limit", 30, "Job", "a-node-0", "old-job")
    again = told(job(), pod(100, running(), attempt=1), events=(own,), restarting_ttl=60)
    assert again == ["all its pods were made anew once"]


def test_a_runtime_that_is_gone_is_said_with_a_remedy() -> None:
    def of(*pods: Json, runtime: Reading[KnownRuntime] | None = GONE, suspend: bool = False) -> list[Diagnosed]:
        now = MADE + timedelta(seconds=10)
        return findings(Evidence(job(suspend=suspend), Found(read_pods(pods)), runtime=runtime, now=now))

    (waits,) = of()
    assert waits.text == "its runtime 'own' does not exist any more: the control plane cannot start it"
    assert "client.list_runtimes()" in waits.remedies[0]
    assert waits.headline
    (runs,) = of(pod(1, running()))
    (made,) = findings(Evidence(job(COUNTED), runtime=GONE))
    assert made == runs
    assert runs.text.endswith("it goes on, and can be neither suspended nor resumed")
    assert not runs.headline
    assert [finding.text for finding in of(suspend=True)] == [waits.text, "it is suspended"]
    assert of(runtime=NotPermitted("no")) == of(runtime=ReadFailed("no answer")) == of(runtime=None) == []


MULTIKUEUE = "kueue.x-k8s.io/multikueue"


def test_a_job_that_runs_on_another_cluster_says_so() -> None:
    elsewhere = job(COUNTED, managedBy=MULTIKUEUE)
    workload = Found({"status": {"clusterName": "worker-1"}})
    (finding,) = findings(Evidence(elsewhere, workload=workload))
    assert finding.text == ("MultiKueue runs it on the cluster 'worker-1': its pods, their logs and events are there")
    assert "KubernetesBackendConfig(context=...)" in finding.remedies[0]
    unseen: list[Reading[Json] | None] = [None, NotPermitted("no"), ReadFailed("no answer"), Found({})]
    for unknown in unseen:
        (finding,) = findings(Evidence(elsewhere, workload=unknown))
        assert finding.text.startswith("MultiKueue runs it on another cluster: ")

    view = job_view(TrainJob.from_server(elsewhere), [], None)
    assert view.status == "Running"
    assert [(step.status, step.note) for step in view.steps] == [(None, "on another cluster, by MultiKueue")]
    assert view.notes == ("MultiKueue runs it on another cluster: its pods and their logs are there",)
    assert "MultiKueue" in repr(view)

    # Trainer before 2.3 runs it here.
    here = job_view(TrainJob.from_server(elsewhere), read_pods([pod(1, running())]), None)
    assert ([step.status for step in here.steps], here.notes) == (["Running"], ())
    assert told(elsewhere, pod(1, running())) == []
    # In its queue it is not there yet.
    queue = {"kueue.x-k8s.io/queue-name": "team"}
    waiting = job(labels=queue, managedBy=MULTIKUEUE, suspend=True)
    refused = {"status": {"conditions": [condition("QuotaReserved", "Pending", "no quota", "False")]}}
    (finding,) = findings(Evidence(waiting, workload=Found(refused)))
    assert finding.text == "it waits in Kueue's queue 'team': no quota"


def unplaced(message: str) -> Json:
    return {"phase": "Pending", "conditions": [condition("PodScheduled", "Unschedulable", message, "False")]}


GANGS = [
    "pod group is not ready, 2 Pending, 3 minAvailable; Pending: 1 Unschedulable, 1 Undetermined",
    "3/3 tasks in gang unschedulable: pod group is not ready, 3 Pending, 3 minAvailable.",
    "0/4 nodes are available: pre-filter pod a-node-0-0-p cannot find enough sibling pods, current pods number: 1, "
    "minMember of group: 2. preemption: 0/4 nodes are available.",
    "rejected due to timeout after waiting 10s at plugin Coscheduling",
    "optimistic rejection in PostFilter: PodGroup team/a gets rejected due to Pod is unschedulable even after PostFilter",
]


@pytest.mark.parametrize("message", GANGS)
def test_a_gang_that_finds_no_room_has_a_remedy(message: str) -> None:
    (finding,) = findings(Evidence(job(), Found(read_pods([pod(1, unplaced(message))]))))
    assert finding.text == f"node-0 cannot be placed: {message}"
    (remedy,) = finding.remedies
    assert remedy.startswith("The scheduler starts all pods of the job together or none")
    assert "kubectl describe podgroups" in remedy


def test_what_a_gang_lacks_is_named_too() -> None:
    message = (
        "pod group is not ready, 2 Pending, 2 minAvailable; 0/3 nodes are unavailable: 3 Insufficient nvidia.com/gpu."
    )
    (finding,) = findings(Evidence(job(), Found(read_pods([pod(1, unplaced(message))]))))
    lacking, gang = finding.remedies
    assert lacking.startswith("Ask for less nvidia.com/gpu")
    assert gang.startswith("The scheduler starts all pods")


def test_what_a_scheduler_says_of_the_pod_group_alone_counts_for_its_pods() -> None:
    silent = pod(1, {"phase": "Pending"})
    of_group = event("Unschedulable", GANGS[1], 5, "PodGroup")
    evidence = Evidence(job(), Found(read_pods([silent])), Found(JobEvents((of_group,))))
    (finding,) = findings(evidence)
    assert finding.text == f"node-0 cannot be placed: {GANGS[1]}"


def test_a_pod_that_no_scheduler_looks_at_says_which_one_should() -> None:
    silent = pod(1, {"phase": "Pending"}, schedulerName="volcano")
    assert told(job(), silent) == ["no scheduler has looked at node-0: 'volcano' is to place them"]
    soon = Evidence(job(), Found(read_pods([silent])), now=MADE + timedelta(seconds=10))
    assert findings(soon) == []

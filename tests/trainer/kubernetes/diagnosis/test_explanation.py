"""Why jobs wait or fail: the cluster's words, what they mean, and what helps."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime

import pytest

from kubeflow.cluster import Cluster, ServerFault
from kubeflow.cluster.readings import Found, NotPermitted, ReadFailed
from kubeflow.core.errors import KubeflowError
from kubeflow.core.transport import Request
from kubeflow.trainer.backends.kubernetes.diagnosis.container_failures import first_failure
from kubeflow.trainer.backends.kubernetes.diagnosis.evidence import Evidence, Gatherer
from kubeflow.trainer.backends.kubernetes.diagnosis.explanation import diagnose, failure, outcome
from kubeflow.trainer.backends.kubernetes.diagnosis.findings import findings
from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods, read_pods
from kubeflow.trainer.types.jobs import TrainJob
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge, Fault
from tests.trainer.kubernetes.objects import Made, condition, ended, running, terminated, unschedulable, waiting
from tests.trainer.kubernetes.subject import Subject, raised, returned
from tests.trainer.runtimes import TORCH


@pytest.fixture
def subject(server: Recorded, namespace: str, edge: Edge, cluster: Cluster) -> Subject:
    return Subject(Made(server, namespace), edge, cluster)


# -- failed -------------------------------------------------------------------------------------------------------


def test_a_failed_job_names_rank_exception_and_last_lines(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", index=0, status=ended(143, finished="2026-01-01T00:01:05Z"))
    pod = subject.made.pod("a", index=1, status=ended(1, message=raised(5), finished="2026-01-01T00:01:00Z"))
    subject.edge.write(
        subject.made.namespace,
        pod,
        *("epoch 1", "Traceback (most recent call last):", "ValueError: boom", "torchrun: node-1 has failed", "bye"),
    )
    subject.made.end("a", "Failed", "FailedJobs", "jobset failed due to one or more job failures")
    error = subject.failure()
    assert (error.name, error.rank, error.node, error.exception) == ("a", 5, 1, "ValueError: boom")
    assert error.reason == "rank 5 (node-1) raised ValueError: boom at train.py:3."
    assert list(error.log) == ["epoch 1", "Traceback (most recent call last):", "ValueError: boom"]
    explained = str(subject.explain("Failed"))
    assert "TrainJob 'a' is Failed: rank 5 (node-1) raised ValueError: boom at train.py:3." in explained
    assert "then node-0 was killed by SIGTERM (exit code 143)" in explained
    assert "the control plane says FailedJobs" in explained
    assert "epoch 1" in explained


def test_the_error_of_a_failed_job_costs_two_requests(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", status=ended(1))
    subject.made.end("a", "Failed", "FailedJobs")
    raw = subject.raw()
    before = len(subject.edge.requests)
    failure(subject.cluster, subject.made.namespace, raw)
    assert len(subject.edge.requests) - before == 2


def test_running_out_of_memory_is_said_in_words_and_has_a_remedy(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", status=ended(137, reason="OOMKilled"))
    subject.made.end("a", "Failed", "FailedJobs")
    assert "node-0 ran out of memory (OOMKilled, exit code 137)" in str(subject.failure())
    assert "Raise 'memory' in resources_per_node" in subject.explain("Failed").remedies[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "exited with code 3"),
        (139, "was killed by SIGSEGV"),
        (127, "its command was not found"),
        (126, "cannot be executed"),
        (255, "exited with code 255"),
    ],
)
def test_exit_codes_are_said_in_words(subject: Subject, code: int, words: str) -> None:
    subject.job()
    subject.made.pod("a", status=ended(code))
    subject.made.end("a", "Failed", "FailedJobs")
    assert words in subject.failure().reason


def test_a_rank_that_was_killed_comes_before_the_peers_that_noticed() -> None:
    pods = [
        _pod("a-node-0-0", 0, ended(1, message=raised(0, "RuntimeError", "connection closed by peer"))),
        _pod("a-node-0-1", 1, ended(137, finished="2026-01-01T00:01:01Z")),
    ]
    first = first_failure(read_pods(pods), ended=True)
    assert first is not None
    assert first.pod.step == "node-1"
    assert first.how == "was killed by SIGKILL (exit code 137)"


def test_the_first_failure_counts_not_the_nodes_that_were_ended_for_it() -> None:
    pods = [
        _pod("a-node-0-0", 0, ended(143, finished="2026-01-01T00:00:59Z")),
        _pod("a-node-0-1", 1, ended(1, finished="2026-01-01T00:01:00Z")),
        _pod("a-node-0-2", 2, ended(2, finished="2026-01-01T00:01:09Z")),
    ]
    first = first_failure(read_pods(pods), ended=True)
    assert first is not None
    assert first.pod.step == "node-1"


def test_a_container_that_was_started_again_still_says_what_ended_it(subject: Subject) -> None:
    subject.job()
    last = terminated(1, message=raised(0, "KeyError", "'x'"))
    pod = subject.made.pod("a", status=waiting("CrashLoopBackOff", "back-off 10s", last=last))
    subject.edge.write(subject.made.namespace, pod, "said before")
    subject.edge.restart(subject.made.namespace, pod)
    found = subject.explain("Running")
    assert found.summary == "rank 0 (node-0) raised KeyError: 'x' at train.py:3."
    assert list(found.log) == ["said before"]


def test_an_init_container_that_fails_has_a_call_that_shows_its_log(subject: Subject) -> None:
    subject.job()
    spec = {
        "initContainers": [{"name": "fetch", "image": "image"}],
        "containers": [{"name": "node", "image": "image"}],
    }
    name = subject.made.pod("a", spec=spec)
    (failed,) = ended(3, container="fetch")["containerStatuses"]
    subject.made.pod_status(name, {"phase": "Failed", "initContainerStatuses": [failed]})
    told = subject.explain("Failed")
    assert told.summary == "init container fetch of node-0 exited with code 3."
    assert "Read its log: client.get_job_logs('a', step='node-0', container='fetch')." in told.remedies


@pytest.mark.parametrize(
    ("native", "main", "phase", "told"),
    [
        (False, 0, "Failed", "container proxy of node-0 exited with code 5"),
        (False, 1, "Failed", "node-0 exited with code 1"),
        (False, None, "Running", None),
        (True, 0, "Succeeded", None),
        (True, 1, "Failed", "node-0 exited with code 1"),
        (True, None, "Running", None),
    ],
)
def test_a_sidecar_that_failed_is_the_failure_only_where_the_main_container_succeeded(
    native: bool, main: int | None, phase: str, told: str | None
) -> None:
    proxy = {"name": "proxy", **({"restartPolicy": "Always"} if native else {})}
    node = {"name": "node"}
    spec = {"initContainers": [proxy], "containers": [node]} if native else {"containers": [node, proxy]}
    of_proxy = [{"name": "proxy", "state": {"terminated": terminated(5, finished="2026-01-01T00:00:01Z")}}]
    of_node = [{"name": "node", "state": {"running": {}} if main is None else {"terminated": terminated(main)}}]
    statuses = (
        {"initContainerStatuses": of_proxy, "containerStatuses": of_node}
        if native
        else {"containerStatuses": [*of_node, *of_proxy]}
    )
    item = {**_pod("a-node-0-0", 0, {"phase": phase, **statuses}), "spec": {"restartPolicy": "Never", **spec}}
    first = first_failure(read_pods([item]), ended=True)
    assert told == (None if first is None else f"{first.who} {first.how}")


def test_a_failed_initializer_is_named_as_what_it_is(subject: Subject) -> None:
    subject.job()
    name = "dataset-initializer"
    subject.made.pod("a", name, container=name, status=ended(1, container=name))
    subject.made.end("a", "Failed", "FailedJobs")
    error = subject.failure()
    assert error.reason == "dataset-initializer exited with code 1."
    assert (error.rank, error.node) == (None, None)


def test_a_deadline_is_said_rather_than_the_signals_it_sent(subject: Subject) -> None:
    subject.job(activeDeadlineSeconds=7)
    subject.made.pod("a", status=ended(143))
    subject.made.end("a", "Failed", "DeadlineExceeded", "TrainJob ran too long")
    assert subject.failure().reason == "it was active for longer than 7 s."
    assert "active_deadline_seconds" in subject.explain("Failed").remedies[0]


def test_a_failed_job_without_pods_says_what_the_control_plane_says(subject: Subject) -> None:
    subject.job()
    subject.made.end("a", "Failed", "TrainingRuntimeNotSupported", "no such runtime kind")
    assert "TrainingRuntimeNotSupported: no such runtime kind" in str(subject.failure())


def test_an_evicted_node_is_the_cause(subject: Subject) -> None:
    subject.job()
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
    subject.made.pod("a", status=status)
    subject.made.end("a", "Failed", "FailedJobs")
    assert "node-0 was ended by the cluster (Evicted): The node was low on resource" in subject.failure().reason
    assert any("ephemeral-storage" in remedy for remedy in subject.explain("Failed").remedies)


def test_a_preempted_node_says_for_what(subject: Subject) -> None:
    subject.job()
    status = {**running(), "conditions": [condition("DisruptionTarget", "PreemptionByScheduler", "")]}
    subject.made.pod("a", status=status)
    assert "made room for a job of higher priority" in subject.explain("Running").summary


def test_a_module_that_is_missing_has_its_remedy(subject: Subject) -> None:
    subject.job()
    message = raised(0, "ModuleNotFoundError", "No module named 'einops'")
    subject.made.pod("a", status=ended(1, message=message))
    subject.made.end("a", "Failed", "FailedJobs")
    assert "packages_to_install" in subject.explain("Failed").remedies[0]
    assert "einops" in subject.explain("Failed").remedies[0]


# -- waiting ------------------------------------------------------------------------------------------------------


def test_a_job_that_cannot_be_placed_says_so_in_the_scheduler_s_words(subject: Subject) -> None:
    subject.job()
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    for index in range(5):
        subject.made.pod("a", index=index, spec={"nodeName": ""}, status=unschedulable(words))
    found = subject.explain()
    assert found.summary == f"node-0, node-1, node-2 and 2 more cannot be placed: {words}"
    assert "Ask for less nvidia.com/gpu in resources_per_node" in found.remedies[0]


def test_taints_and_selectors_have_remedies_of_their_own(subject: Subject) -> None:
    subject.job()
    taint = "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}."
    selector = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    subject.made.pod("a", index=0, spec={"nodeName": ""}, status=unschedulable(taint))
    subject.made.pod("a", index=1, spec={"nodeName": ""}, status=unschedulable(selector))
    remedies = " ".join(subject.explain().remedies)
    assert "toleration" in remedies
    assert "node selector" in remedies


def test_an_image_that_cannot_be_had_says_so(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", status=waiting("ImagePullBackOff", 'Back-off pulling image "nope:1"'))
    found = subject.explain()
    assert found.summary == 'node-0 cannot get its image (ImagePullBackOff): Back-off pulling image "nope:1".'
    assert "image pull secret" in found.remedies[0]


def test_a_missing_secret_is_named(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", status=waiting("CreateContainerConfigError", 'secret "hf-token" not found'))
    found = subject.explain()
    assert 'secret "hf-token" not found' in found.summary
    assert found.remedies[0].startswith("Make the Secret 'hf-token'")


def test_a_claim_that_does_not_exist_or_has_no_volume_is_named(subject: Subject) -> None:
    subject.job()
    path = f"/api/v1/namespaces/{subject.made.namespace}/persistentvolumeclaims"
    wish = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    subject.post(path, {"metadata": {"name": "slow"}, "spec": wish})
    subject.patch(f"{path}/slow/status", {"status": {"phase": "Pending"}})
    mounted = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in ("slow", "absent")]
    words = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    subject.made.pod("a", spec={"nodeName": "", "volumes": mounted}, status=unschedulable(words))
    subject.made.event("PersistentVolumeClaim", "slow", "ProvisioningFailed", 'storageclass "fast" not found')
    texts = list(subject.explain().findings)
    assert "PersistentVolumeClaim 'slow' has no volume yet: storageclass \"fast\" not found" in texts
    assert "PersistentVolumeClaim 'absent' does not exist" in texts


def test_what_a_webhook_refused_is_shown(subject: Subject) -> None:
    subject.job()
    message = 'admission webhook "vjobset.kb.io" denied the request: pod names will be longer than 63 characters'
    subject.made.event("TrainJob", "a", "TrainJobResourcesCreationFailed", message, type="Warning")
    found = subject.explain()
    assert message in found.summary
    assert "shorter name" in found.remedies[0]
    assert [event.reason for event in found.timeline] == ["TrainJobResourcesCreationFailed"]


def test_a_quota_that_is_used_up_is_shown(subject: Subject) -> None:
    subject.job()
    message = 'pods "a-node-0-0-x" is forbidden: exceeded quota: team, requested: cpu=8, used: cpu=4, limited: cpu=10'
    subject.made.event("Job", "a-node-0", "FailedCreate", message, type="Warning")
    found = subject.explain()
    assert "exceeded quota: team" in found.summary
    assert "quota" in found.remedies[0]


def test_a_volume_that_cannot_be_mounted_is_shown(subject: Subject) -> None:
    subject.job()
    pod = subject.made.pod("a", status=waiting("ContainerCreating"))
    subject.made.event("Pod", pod, "FailedMount", 'MountVolume.SetUp failed for volume "x": configmap "y" not found')
    assert "node-0 waits for a volume" in subject.explain().summary


@pytest.mark.parametrize(("code", "phase"), [(0, "succeeded"), (1, "failed")])
def test_a_sidecar_that_outlives_the_training_is_named_with_the_ways_out(
    subject: Subject, code: int, phase: str
) -> None:
    subject.job()
    spec = {
        "restartPolicy": "Never",
        "containers": [{"name": "istio-proxy", "image": "proxy"}, {"name": "node", "image": "image"}],
    }
    for index in range(2):
        name = subject.made.pod("a", index=index, spec=spec)
        (proxy,) = running("istio-proxy")["containerStatuses"]
        (node,) = ended(code)["containerStatuses"]
        subject.made.pod_status(name, {"phase": "Running", "containerStatuses": [proxy, node]})
    told = subject.explain("Running")
    (held,) = [finding for finding in told.findings if "istio-proxy" in finding]
    assert held == (
        f"the main container 'node' of node-0, node-1 has {phase}, and the sidecar 'istio-proxy' runs on, so that the "
        "job cannot end"
    )
    ways = "\n".join(told.remedies)
    for way in ("sidecar.istio.io/inject", "native sidecar", "quitquitquit"):
        assert way in ways
    pods = list_pods(subject.cluster, subject.made.namespace, "a")
    assert [pod.main_phase for pod in pods] == [phase.capitalize()] * 2


def test_a_suspended_job_says_how_to_start_it(subject: Subject) -> None:
    subject.job(suspend=True)
    found = subject.explain("Suspended")
    assert found.summary == "it is suspended."
    assert list(found.remedies) == ["client.resume_job('a') starts it anew."]


def test_a_queued_job_says_what_kueue_says() -> None:
    job = {
        "metadata": {"name": "a", "labels": {"kueue.x-k8s.io/queue-name": "team"}},
        "spec": {"suspend": True},
    }
    refused = condition("QuotaReserved", "Pending", "insufficient unused quota for cpu in flavor default", "False")
    (waits,) = findings(Evidence(job, workload=Found({"status": {"conditions": [refused]}})))
    assert waits.text == "it waits in Kueue's queue 'team': insufficient unused quota for cpu in flavor default"
    (nobody,) = findings(Evidence(job, workload=Found({})))
    assert nobody.text == "it waits in Kueue's queue 'team', and Kueue has made no workload of it"
    assert "kubectl get localqueue team" in nobody.remedies[0]


def test_a_queued_job_on_a_cluster_without_kueue_is_no_error(subject: Subject) -> None:
    subject.job(suspend=True)
    labels = {"kueue.x-k8s.io/queue-name": "team"}
    subject.patch(f"{jobs_path(subject.made.namespace)}/a", {"metadata": {"labels": labels}})
    told = subject.explain("Suspended")
    assert told.summary.startswith("it names Kueue's queue 'team', and Kueue is not installed in this cluster")
    assert "client.resume_job('a')" in told.remedies[0]


def test_a_job_that_nobody_touches_says_so_after_a_while() -> None:
    job = {"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}}
    soon, late = datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC), datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    assert findings(Evidence(job, now=soon)) == []
    (found,) = findings(Evidence(job, now=late))
    assert "no controller has touched it" in found.text
    assert "controller runs" in found.remedies[0]
    unseen = (NotPermitted("events is forbidden"), ReadFailed("no answer in time"))
    assert all(findings(Evidence(job, read_events=why, now=late)) == [] for why in unseen)
    assert all(findings(Evidence(job, read_pods=why, now=late)) == [] for why in unseen)


def test_a_job_that_is_well_has_nothing_to_try(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", index=0, status=running())
    subject.made.pod("a", index=1, status=running())
    found = subject.explain("Running")
    assert (found.summary, list(found.findings), list(found.remedies)) == ("2 of 2 pods run.", [], [])


def test_a_right_that_is_missing_is_a_finding_and_no_error(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", status=ended(1))
    subject.edge.faults += [Fault("/events", status=403, times=9), Fault("/log", status=403, times=9)]
    found = subject.explain("Failed")
    assert found.summary == "node-0 exited with code 1."
    assert any(text.startswith("no right to see its events") for text in found.findings)
    assert any(text.startswith("no right to see the log of node-0") for text in found.findings)


class Crowded:
    """A cluster in whose namespaces the events of others have no end."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.listings: list[str] = []

    def send(self, request: Request) -> Mapping[str, object]:
        if not request.path.endswith("/events"):
            return self._cluster.send(request)
        selector = (request.query or {}).get("fieldSelector", "")
        self.listings.append(selector)
        if selector:
            return self._cluster.send(request)
        item = {"involvedObject": {"kind": "Pod", "name": "another"}, "reason": "Started", "metadata": {"name": "e"}}
        return {"metadata": {"continue": f"more-{len(self.listings)}"}, "items": [item] * 500}

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self._cluster.lines(request)


def test_an_explanation_of_a_cluster_that_fails_takes_the_time_of_one_request() -> None:
    class Failing:
        """Fails after a while, and says how much time each request got, and when it came and went."""

        def __init__(self) -> None:
            self.allowed: list[float] = []
            self.came: list[float] = []
            self.went: list[float] = []

        def send(self, request: Request) -> Mapping[str, object]:
            self.allowed.append(float(request.timeout or 0))
            self.came.append(time.monotonic())
            time.sleep(0.05)
            self.went.append(time.monotonic())
            raise ServerFault("it fails", code=500)

        def lines(self, request: Request) -> Generator[bytes, None, None]:
            yield str(self.send(request)).encode()

    transport = Failing()
    queued = {"metadata": {"name": "a", "labels": {"kueue.x-k8s.io/queue-name": "team"}}, "spec": {"suspend": True}}
    gatherer = Gatherer(transport, "home", queued)
    began = time.monotonic()
    gaps = gatherer.evidence().gaps
    assert len(gaps) == len(transport.allowed) == 3  # its pods, its events, its workload
    spent = [30 - allowed for allowed in transport.allowed]
    assert spent[0] == 0, "the first gets all of it"
    for number in (1, 2):
        failed = sum(transport.went[before] - transport.came[before] for before in range(number))
        so_far = transport.came[number] - began
        assert failed <= spent[number] <= so_far, "each of the others gets what the failures before it have left"


def test_an_explanation_does_not_wait_for_the_events_of_everybody_else(subject: Subject) -> None:
    subject.job()
    pod = subject.made.pod("a", status={"phase": "Pending"})
    subject.made.event("Pod", pod, "FailedScheduling", "0/1 nodes are available", type="Warning")
    subject.made.event("JobSet", "a", "Created", "its jobs")
    crowded = Crowded(subject.cluster)
    view = TrainJob("a", TORCH, [], 1, datetime(2026, 1, 1, tzinfo=UTC), "Created")

    told = diagnose(crowded, subject.made.namespace, subject.raw(), view)

    assert {event.reason for event in told.timeline} == {"FailedScheduling", "Created"}
    names = ["a", "a-node-0", pod]
    assert crowded.listings == [""] * 8 + [f"involvedObject.name={name}" for name in names]
    assert f"only those about {', '.join(names)} were looked for" in str(told)


def test_an_explanation_costs_three_requests_at_most_for_a_common_failure(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", status=ended(1))
    raw = subject.raw()
    before = len(subject.edge.requests)
    view = TrainJob("a", TORCH, [], 1, datetime(2026, 1, 1, tzinfo=UTC), "Failed")
    diagnose(subject.cluster, subject.made.namespace, raw, view)
    assert len(subject.edge.requests) - before == 3


# -- results ------------------------------------------------------------------------------------------------------


def test_the_result_is_what_rank_0_left(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", index=0, status=ended(0, message=returned(0, 42)))
    subject.made.pod("a", index=1, status=ended(0, message=returned(1, 43)))
    found = outcome(subject.cluster, subject.made.namespace, subject.raw())
    assert found is not None
    assert (found.rank, found.status, found.result) == (0, "succeeded", 42)


def test_a_rank_0_that_left_no_word_has_no_outcome(subject: Subject) -> None:
    subject.job()
    subject.made.pod("a", index=0, status=ended(0, message="something else"))
    assert outcome(subject.cluster, subject.made.namespace, subject.raw()) is None


def test_a_result_that_may_not_be_seen_is_an_error_and_not_none(subject: Subject) -> None:
    subject.job()
    subject.edge.faults.append(Fault("/pods", status=403, times=9))
    with pytest.raises(KubeflowError, match="no right to see its pods"):
        outcome(subject.cluster, subject.made.namespace, subject.raw())


def _pod(name: str, index: int, status: Mapping[str, object]) -> dict[str, object]:
    labels = {
        "jobset.sigs.k8s.io/jobset-name": "a",
        "jobset.sigs.k8s.io/replicatedjob-name": "node",
        "batch.kubernetes.io/job-completion-index": str(index),
    }
    spec = {"containers": [{"name": "node"}]}
    return {"metadata": {"name": name, "uid": name, "labels": labels}, "spec": spec, "status": status}

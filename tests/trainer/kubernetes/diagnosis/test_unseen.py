"""What may not be seen, is not served or does not answer is not said to be absent: of every read, by real roles."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kubeflow.cluster import AlreadyExists, ControlPlaneMissing, Forbidden, NotFound, ServerFault
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, reading, served_versions
from kubeflow.core.errors import KubeflowError
from kubeflow.core.resource import Request
from kubeflow.trainer import (
    BuiltinTrainer,
    HuggingFaceModelInitializer,
    Initializer,
    JobExists,
    JobNotFound,
    NoJobResult,
    RuntimeNotFound,
    TorchTuneConfig,
    TrainerClient,
)
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.jobs.log_selection import LogSelection
from tests.cluster.stage import MISSING, REASON, install
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Counted
from tests.trainer.kubernetes.objects import condition, ended
from tests.trainer.kubernetes.restricted import HOME, KUEUE, READS, WORKLOADS, Restricted, restricted, user_without

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PVCS = f"/api/v1/namespaces/{HOME}/persistentvolumeclaims"
# What is said of that which is known not to be there.
ABSENT = {
    "pods": r"pods are not made yet|does not say why|has made no pods|no controller has touched|is gone",
    "events": r"no controller has touched",
    "workloads": r"has made no workload|is not installed|workload of it is gone",
    "persistentvolumeclaims": r"PersistentVolumeClaim '\w+' (does not exist|has no volume)",
    "clustertrainingruntimes": r"runtime '[\w-]+' does not exist",
    "pods/log": r"is gone",
}
# A job of which the read says something, and how the gap is named.
TOLD = {
    "pods": ("fresh", "its pods"),
    "events": ("fresh", "its events"),
    "workloads": ("queued", "Kueue's workload"),
    "persistentvolumeclaims": ("pending", "PersistentVolumeClaim 'data'"),
    "clustertrainingruntimes": ("fresh", "its runtime 'torch-distributed'"),
    "pods/log": ("failed", "the log of node-0"),
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restricted]:
    if MISSING:
        pytest.skip(REASON)
    with restricted(tmp_path_factory.mktemp("restricted")) as cluster:
        install(cluster.wire, [WORKLOADS])
        made = cluster.made
        made.trainjob("fresh")
        queue(cluster, "queued")
        made.trainjob("pending")
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        made.pod("pending", spec={"nodeName": "", "volumes": [volume]}, status={"phase": "Pending"})
        made.trainjob("failed")
        made.pod("failed", status=ended(1))
        made.end("failed", "Failed", "FailedJobs")
        yield cluster


def queue(there: Restricted, name: str) -> None:
    there.made.trainjob(name, suspend=True)
    labels = {"kueue.x-k8s.io/queue-name": "team"}
    there.wire.patch(f"{API}/namespaces/{HOME}/trainjobs/{name}", {"metadata": {"labels": labels}})


def resource_of(path: str) -> str:
    """Return the resource that a path is of; empty for what everybody may read."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join([parts[0], *parts[2:]]) if parts else ""


def explained(backend: KubernetesBackend, name: str) -> str:
    return str(backend.diagnose(name))


def test_every_read_of_an_explanation_has_a_case_here(there: Restricted) -> None:
    backend, counted = there.backend("all")
    for name in ("fresh", "queued", "pending", "failed"):
        explained(backend, name)
    read = {resource_of(request.path) for request in counted.requests} - {""}
    assert read == set(READS), "a new read needs a right in READS, and its texts in ABSENT and TOLD"
    assert set(ABSENT) == set(TOLD) == set(READS) - {"trainjobs", "trainingruntimes"}  # of these: below


@pytest.mark.parametrize("resource", TOLD)
def test_what_may_not_be_read_is_said_to_be_unseen_and_not_to_be_absent(there: Restricted, resource: str) -> None:
    backend, _ = there.backend(user_without(resource))
    name, what = TOLD[resource]
    told = explained(backend, name)
    assert f"no right to see {what}: {resource.partition('/')[0]}" in told, told
    for each in ("fresh", "queued", "pending", "failed"):
        told = explained(backend, each)
        assert not re.search(ABSENT[resource], told), told


class Failing(Counted):
    """A transport to a server that fails where one resource is asked for."""

    resource = ""

    def _meet(self, request: Request) -> None:
        if resource_of(request.path) == self.resource and request.method == "GET":
            raise ServerFault("it fails", code=500, server_message="etcd has no leader")

    def send(self, request: Request) -> Mapping[str, object]:
        self._meet(request)
        return super().send(request)

    def lines(self, request: Request) -> Any:
        self._meet(request)
        return super().lines(request)


@pytest.mark.parametrize("resource", TOLD)
def test_what_does_not_answer_is_said_not_to_be_read_and_not_to_be_absent(there: Restricted, resource: str) -> None:
    failing: list[Failing] = []

    def wrap(transport: Any) -> Failing:
        failing.append(Failing(transport))
        return failing[0]

    backend = KubernetesBackend(there.config("all"), wrap)
    failing[0].resource = resource
    name, what = TOLD[resource]
    told = explained(backend, name)
    assert f"could not read {what}: etcd has no leader" in told, told
    for each in ("fresh", "queued", "pending", "failed"):
        told = explained(backend, each)
        assert not re.search(ABSENT[resource], told), told


def test_what_is_absent_is_said_to_be_absent(there: Restricted) -> None:
    backend, _ = there.backend("all")
    there.made.trainjob("just-made")  # of one that nobody has touched for half a minute, that is said instead
    assert "its pods are not made yet" in explained(backend, "just-made")
    assert "Kueue has made no workload of it" in explained(backend, "queued")
    assert "PersistentVolumeClaim 'data' does not exist" in explained(backend, "pending")


@pytest.mark.parametrize("user", ["all", user_without("workloads"), "nobody"])
def test_kueue_that_is_not_installed_is_known_to_those_without_a_right_to_it_too(there: Restricted, user: str) -> None:
    uid = "1"
    there.wire.remove(f"{CRDS}/workloads.{KUEUE}")
    until(lambda: isinstance(served_versions(there.backend("all")[1], KUEUE), NotServed))
    try:
        if user == "nobody":
            assert isinstance(served_versions(there_transport(there, user), KUEUE), NotServed)
            return
        backend, _ = there.backend(user)
        told = explained(backend, "queued")
        assert "it names Kueue's queue 'team', and Kueue is not installed in this cluster" in told
        assert "client.resume_job('queued')" in told
        assert not re.search("no right to see Kueue|has made no workload", told)
        # Unless an event says that Kueue has been there.
        there.made.event("Workload", "trainjob-queued-0f3c1", "Pending", "no quota for cpu", type="Warning", uid=uid)
        told = explained(backend, "queued")
        assert "this SDK does not know the version of Kueue; its last event says Pending: no quota for cpu" in told
    finally:
        events = f"/api/v1/namespaces/{HOME}/events"
        for event in there.wire.items(events):
            there.wire.remove(f"{events}/{event['metadata']['name']}")
        install(there.wire, [WORKLOADS])


def there_transport(there: Restricted, user: str) -> Any:
    from kubeflow.cluster import Cluster

    config = there.config(user)
    return Cluster.connect(config_file=config.config_file)


def until(met: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 60
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_events_of_a_workload_that_may_not_be_seen_are_evidence(there: Restricted) -> None:
    queue(there, "evident")
    backend, _ = there.backend(user_without("workloads"))
    there.made.event("Workload", "trainjob-evident-0f3c1", "Pending", "insufficient quota", type="Warning", uid="w")
    told = explained(backend, "evident")
    assert "may not see what Kueue has made of it; its last event says Pending: insufficient quota" in told
    everybody, _ = there.backend("all")
    assert "Kueue's workload of it is gone; its last event says Pending: insufficient quota" in explained(
        everybody, "evident"
    )


def test_a_workload_that_is_seen_says_why_its_job_waits(there: Restricted) -> None:
    queue(there, "waits")
    uid = there.wire.send("GET", f"{API}/namespaces/{HOME}/trainjobs/waits")["metadata"]["uid"]
    path = f"/apis/{KUEUE}/v1beta2/namespaces/{HOME}/workloads"
    labels = {"kueue.x-k8s.io/job-uid": uid}
    body = {"apiVersion": f"{KUEUE}/v1beta2", "kind": "Workload", "metadata": {"name": "w", "labels": labels}}
    until(lambda: there.wire.exists(path))
    there.wire.send("POST", path, body)
    refused = condition("QuotaReserved", "Pending", "couldn't assign flavors: insufficient quota", "False")
    there.wire.patch(f"{path}/w/status", {"status": {"conditions": [refused]}})
    backend, _ = there.backend("all")
    assert "it waits in Kueue's queue 'team': couldn't assign flavors" in explained(backend, "waits")


def test_without_the_right_to_jobs_the_right_is_named(there: Restricted) -> None:
    backend, _ = there.backend(user_without("trainjobs"))
    for ask in (backend.get_job, backend.diagnose, backend.get_job_events, backend.suspend_job, backend.delete_job):
        with pytest.raises(Forbidden, match="trainjobs"):
            ask("fresh")
    with pytest.raises(Forbidden, match="trainjobs"):
        backend.list_jobs()


def test_jobs_that_may_not_be_listed_are_not_said_to_be_none(there: Restricted) -> None:
    failing: list[Failing] = []

    class ListFails(Failing):
        def _meet(self, request: Request) -> None:
            if request.path.endswith("/trainjobs"):
                raise Forbidden("no", code=403, server_message='trainjobs is forbidden: User "x" cannot list')

    def wrap(transport: Any) -> Failing:
        failing.append(ListFails(transport))
        return failing[0]

    backend = KubernetesBackend(there.config("all"), wrap)
    with pytest.raises(JobNotFound) as error:
        backend.get_job("mistyped")
    assert "Which jobs there are is not known" in str(error.value)
    assert "none" not in str(error.value)


def test_pods_that_may_not_be_seen_leave_steps_and_results_unknown(there: Restricted) -> None:
    there.made.trainjob("done")
    there.made.end("done")
    backend, _ = there.backend(user_without("pods"))
    job = backend.get_job("fresh")
    assert job.status == "Unknown"  # Trainer has not counted its Jobs yet, so that they may run or not
    assert [step.status for step in job.steps] == [None]
    assert {each.name: each.status for each in backend.list_jobs()}["fresh"] == "Unknown"
    with pytest.raises(KubeflowError, match="no right to see its pods"):
        backend.outcome("done")
    assert "no right to see its pods" in str(backend.failure("failed"))
    with pytest.raises(Forbidden, match="pods"):
        list(backend.get_job_logs("fresh", LogSelection("node-0")))
    everybody, _ = there.backend("all")
    with pytest.raises(NoJobResult, match="the pod of its rank 0, whose status had it, is gone"):
        everybody.outcome("done")
    assert everybody.get_job("fresh").status == "Created"


def test_runtimes_that_may_not_be_seen_are_not_said_to_be_gone(
    there: Restricted, caplog: pytest.LogCaptureFixture
) -> None:
    there.made.trainjob("orphan", runtimeRef={"name": "was-deleted"})
    backend, _ = there.backend(user_without("clustertrainingruntimes"))
    for name, runtime in (("fresh", "torch-distributed"), ("orphan", "was-deleted")):
        for job in (backend.get_job(name), {each.name: each for each in backend.list_jobs()}[name]):
            (note,) = job.notes
            assert note.startswith(f"its runtime {runtime!r} cannot be seen"), note
    with caplog.at_level(logging.WARNING):
        assert backend.list_runtimes() == []
    assert "there may be more runtimes than these: no right to see the runtimes of kind ClusterTrainingRuntime" in (
        caplog.text
    )
    with pytest.raises(Forbidden, match="clustertrainingruntimes"):
        backend.get_runtime("torch-distributed")

    everybody, _ = there.backend("all")
    assert everybody.get_job("fresh").notes == ()
    for job in (everybody.get_job("orphan"), {each.name: each for each in everybody.list_jobs()}["orphan"]):
        (note,) = job.notes
        assert note.startswith("its runtime 'was-deleted' does not exist any more"), note
        assert [(step.status, step.note) for step in job.steps] == [(None, "its runtime does not exist any more")]
    told = explained(everybody, "orphan")
    assert "its runtime 'was-deleted' does not exist any more: the control plane cannot start it" in told
    assert "node-0: unknown (its runtime does not exist any more)" in told
    assert "client.list_runtimes()" in told


def test_a_runtime_that_is_not_found_among_those_that_are_seen_may_be_another(there: Restricted) -> None:
    class ListRefused(Failing):
        def _meet(self, request: Request) -> None:
            if request.path.endswith("/clustertrainingruntimes"):
                raise Forbidden("no", code=403, server_message="clustertrainingruntimes is forbidden")

    backend = KubernetesBackend(there.config("all"), ListRefused)
    assert backend.get_runtime("torch-distributed").name == "torch-distributed"
    with pytest.raises(RuntimeNotFound) as error:
        backend.get_runtime("torch-distribute")
    assert "none that can be seen" in str(error.value)
    assert "There may be more: no right to see the runtimes of kind ClusterTrainingRuntime" in str(error.value)


def test_a_cluster_without_trainer_says_so_to_those_without_rights_too(tmp_path: Path) -> None:
    if MISSING:
        pytest.skip(REASON)
    with restricted(tmp_path / "bare", trainer=False) as bare:
        for user in ("all", "nobody"):
            with pytest.raises(ControlPlaneMissing, match="Kubeflow Trainer is not installed"):
                TrainerClient(bare.config(user))


def test_rights_that_are_missing_for_both_kinds_of_runtimes_are_named(there: Restricted) -> None:
    with pytest.raises(Forbidden, match="clustertrainingruntimes"):
        TrainerClient(there.config("nobody"))


def test_a_secret_that_may_not_be_read_is_not_taken_for_ones_own(there: Restricted) -> None:
    client = TrainerClient(there.config("all"))
    secrets = f"/api/v1/namespaces/{HOME}/secrets"
    model = Initializer(model=HuggingFaceModelInitializer("hf://a/b", access_token="t"))
    train = partial(client.train, "torchtune-llama3.2-1b", name="taken", trainer=BuiltinTrainer(TorchTuneConfig()))
    # Somebody else's Secret has the name.
    made = client.train(
        "torchtune-llama3.2-1b", name="first", initializer=model, trainer=BuiltinTrainer(TorchTuneConfig())
    )
    (name,) = [each["metadata"]["name"] for each in there.wire.items(secrets)]
    there.wire.send("POST", secrets, {"metadata": {"name": name.replace(made, "taken")}})
    with pytest.raises(AlreadyExists, match="taken"):
        train(initializer=model)
    # And where there is a job of that name, it is the job's.
    with pytest.raises(JobExists, match="first"):
        train(name="first", initializer=model)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (NotFound("no", code=404), Absent),
        (ControlPlaneMissing("no such API"), NotServed),
        (Forbidden("no", code=403, server_message="pods is forbidden"), NotPermitted),
        (ServerFault("it fails", code=500), ReadFailed),
    ],
)
def test_an_error_is_one_of_four_readings(error: Exception, what: type[object]) -> None:
    def ask() -> object:
        raise error

    assert isinstance(reading(ask), what)
    assert reading(lambda: 3) == Found(3)

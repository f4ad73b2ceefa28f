"""Suspending and resuming: whether the pods follow, what keeps them from it, and what then is left of the change."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from kubeflow.cluster import Invalid
from kubeflow.core.resource import Request
from kubeflow.trainer import RuntimeGone, TrainerClient, Unsupported
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Counted, Home
from tests.trainer.kubernetes.objects import condition, running

IMMUTABLE = (
    'TrainJob resources reconciliation failed: JobSet.jobset.x-k8s.io "job" is invalid: spec.volumeClaimPolicies: '
    "Invalid value: Value is immutable"
)


class Deaf:
    """A TrainJob controller that cannot change the JobSet of `job`: it sets the condition, and writes an event."""

    def __init__(self, home: Home, namespace: str) -> None:
        self._home, self._namespace = home, namespace
        self._path = f"{API}/namespaces/{namespace}/trainjobs/job"
        self._stop = threading.Event()
        self._known: bool = self.job["spec"].get("suspend", False)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def job(self) -> dict[str, Any]:
        return self._home.wire.send("GET", self._path)

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            wanted = self.job["spec"].get("suspend", False)
            if wanted == self._known:
                continue
            self._known = wanted
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            reason = "Suspended" if wanted else "Resumed"
            told = {**condition("Suspended", reason, "", str(wanted)), "lastTransitionTime": now}
            self._home.wire.patch(f"{self._path}/status", {"status": {"conditions": [told]}})
            self._home.made(self._namespace).event(
                "TrainJob",
                "job",
                "TrainJobResourcesCreationFailed",
                IMMUTABLE,
                type="Warning",
                uid=self.job["metadata"]["uid"],
                firstTimestamp=now,
                lastTimestamp=now,
            )

    def __enter__(self) -> Deaf:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_job_whose_pods_run_on_is_not_suspended_and_says_what_to_do(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    made.pod("job", status=running())
    client = TrainerClient(newest.config(namespace))
    with Deaf(newest, namespace) as controller:
        began = time.monotonic()
        with pytest.raises(Unsupported, match="cannot be suspended, and goes on") as error:
            client.suspend_job("job")
        assert time.monotonic() - began < 8, "a refusal is told, and not waited out"
        assert IMMUTABLE in str(error.value)
        for way in ("client.delete_job('job')", "retentionPolicy: {whenDeleted: Delete}", "'torch-distributed'"):
            assert way in str(error.value)
        assert controller.job["spec"]["suspend"] is False, "nothing has changed"
    assert client.get_job("job").status == "Running"


def test_a_suspension_that_somebody_else_has_asked_for_is_not_taken_back(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    made.pod("job", status=running())
    client = TrainerClient(newest.config(namespace))
    with Deaf(newest, namespace) as controller:
        newest.wire.patch(f"{API}/namespaces/{namespace}/trainjobs/job", {"spec": {"suspend": True}})
        with pytest.raises(Unsupported):
            client.suspend_job("job")
        assert controller.job["spec"]["suspend"] is True
    assert client.get_job("job").status == "Running"
    told = client.explain("job")
    assert f"the control plane cannot change what the job has: {IMMUTABLE}" in told
    assert "it is to be suspended, and node-0 goes on" in told


def test_pods_that_go_on_for_a_reason_that_nobody_knows_are_logged(
    newest: Home, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    made.pod("job", status=running())
    client = TrainerClient(newest.config(namespace))
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        client.suspend_job("job")
    told = re.search(r"TrainJob job is to be suspended, and after (\d+) s these go on: node-0", caplog.text)
    assert told is not None
    assert 10 <= int(told[1]) <= time.monotonic() - began
    assert client.get_job("job").status == "Running"


def test_a_suspension_that_pods_follow_takes_no_time(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job")
    pod = made.pod("job", status=running())
    client = TrainerClient(newest.config(namespace))
    threading.Timer(0.3, made.delete_pod, [pod]).start()
    began = time.monotonic()
    client.suspend_job("job")
    assert time.monotonic() - began < 5
    assert client.get_job("job").status == "Suspended"


@contextmanager
def own_runtime(home: Home, name: str, **job_set: object) -> Iterator[str]:
    """Make a runtime like `torch-distributed` whose JobSet has more fields."""
    path = f"{API}/clustertrainingruntimes"
    runtime = home.wire.send("GET", f"{path}/torch-distributed")
    runtime["metadata"] = {"name": name}
    runtime["spec"]["template"]["spec"].update(job_set)
    home.wire.send("POST", path, runtime)
    try:
        yield f"{path}/{name}"
    finally:
        home.wire.remove(f"{path}/{name}")


def test_a_job_that_cannot_be_resumed_stays_suspended_and_says_so(newest: Home, namespace: str) -> None:
    claim = {
        "metadata": {"name": "initializer"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    with own_runtime(newest, f"claims-{namespace}", volumeClaimPolicies=[{"templates": [claim]}]) as path:
        runtime = path.rpartition("/")[2]
        newest.made(namespace).trainjob("job", suspend=True, runtimeRef={"name": runtime})
        client = TrainerClient(newest.config(namespace))
        with Deaf(newest, namespace) as controller:
            with pytest.raises(Unsupported, match="cannot be resumed, and stays suspended") as error:
                client.resume_job("job")
            assert "train again without suspending it" in str(error.value)
            assert f"the runtime '{runtime}'" in str(error.value)
            assert controller.job["spec"]["suspend"] is True
        assert client.get_job("job").status == "Suspended"


@pytest.mark.parametrize("suspended", [False, True], ids=["suspend", "resume"])
def test_a_job_whose_runtime_is_gone_is_not_changed_and_says_what_to_do(
    newest: Home, namespace: str, suspended: bool
) -> None:
    with own_runtime(newest, f"short-lived-{namespace}") as path:
        runtime = path.rpartition("/")[2]
        newest.made(namespace).trainjob("job", suspend=suspended, runtimeRef={"name": runtime})
        client = TrainerClient(newest.config(namespace))
        assert client.get_job("job").notes == ()
        newest.wire.remove(path)

        with pytest.raises(RuntimeGone) as error:
            (client.resume_job if suspended else client.suspend_job)("job")
        message = str(error.value)
        assert f"TrainJob 'job' cannot be {'resumed' if suspended else 'suspended'}: its runtime {runtime!r}" in message
        assert "client.delete_job('job')" in message
        assert "torch-distributed" in error.value.available
        assert newest.jobs(namespace)[0]["spec"]["suspend"] is suspended
        assert client.get_job("job").notes[0].startswith(f"its runtime {runtime!r} does not exist any more")
        assert client.list_jobs()[0].notes == client.get_job("job").notes
        assert f"its runtime {runtime!r} does not exist any more" in client.explain("job")


def test_the_words_of_trainer_s_webhook_have_the_same_remedy(newest: Home, namespace: str) -> None:
    """These credentials may not look for the runtime, so that only the server knows that it is gone."""
    newest.made(namespace).trainjob("job", runtimeRef={"name": "gone"})
    words = (
        'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: spec.runtimeRef: Invalid value: '
        '{"name":"gone"}: ClusterTrainingRuntime.trainer.kubeflow.org "gone" not found: specified '
        "clusterTrainingRuntime must be created before the TrainJob is created"
    )

    class Refusing(Counted):
        def send(self, request: Request) -> Any:
            if request.method == "PATCH":
                raise Invalid("refused", code=422, server_message=words)
            if request.path.endswith("/clustertrainingruntimes/gone"):
                from kubeflow.cluster import Forbidden

                raise Forbidden("no", code=403, server_message="clustertrainingruntimes is forbidden")
            return super().send(request)

    backend = KubernetesBackend(newest.config(namespace), Refusing)
    with pytest.raises(RuntimeGone, match="its runtime 'gone' does not exist any more"):
        backend.suspend_job("job")


def test_the_logs_of_a_job_that_runs_on_another_cluster_are_said_to_be_there(newest: Home, namespace: str) -> None:
    made = newest.made(namespace)
    made.trainjob("job", managedBy="kueue.x-k8s.io/multikueue")
    client = TrainerClient(newest.config(namespace))
    for follow in (False, True):
        with pytest.raises(Unsupported, match="MultiKueue runs TrainJob 'job' on another cluster"):
            client.get_job_logs("job", follow=follow)
    job = client.get_job("job")
    assert [(step.status, step.note) for step in job.steps] == [(None, "on another cluster, by MultiKueue")]
    assert "MultiKueue runs it on another cluster" in client.explain("job")
    made.end("job")
    from kubeflow.trainer import NoJobResult

    with pytest.raises(NoJobResult, match="MultiKueue ran it on another cluster"):
        client.get_job_result("job")

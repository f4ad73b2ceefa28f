"""Making jobs on a real API server: once, for the minor that is there, and nothing half-made."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster import Forbidden, Invalid, NotFound
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request
from kubeflow.trainer import (
    CustomTrainer,
    CustomTrainerContainer,
    HuggingFaceDatasetInitializer,
    Initializer,
    JobExists,
    Runtime,
    RuntimeKind,
    RuntimeNotFound,
    RuntimeTrainer,
    TrainerClient,
    TrainerType,
)
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.jobs.jobspec import JobSpec, job_spec
from kubeflow.trainer.options import EditTrainJob, Toleration
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Counted, Home

Json = dict[str, Any]


def train(epochs: int = 1) -> None:
    print("trained", epochs)


def spec(backend: KubernetesBackend, name: str = "job", runtime: str = "torch-distributed", **more: Any) -> JobSpec:
    return job_spec(
        name=name, runtime=backend.resolve_runtime(runtime), trainer=CustomTrainer(train, num_nodes=2), **more
    )


def test_a_job_costs_four_requests_at_most_and_one_write_on_each_minor(every: Home, namespace: str) -> None:
    backend, counted = every.backend(namespace)
    counted.sent()

    backend.train(spec(backend))

    sent = counted.sent()
    assert len(sent) <= 4
    assert [each for each in sent if not each.startswith("GET")] == [f"POST {API}/namespaces/{namespace}/trainjobs"]
    (stored,) = every.jobs(namespace)
    assert stored["spec"]["runtimeRef"]["kind"] == "ClusterTrainingRuntime"
    assert stored["spec"]["trainer"]["numNodes"] == 2

    backend.train(spec(backend, "second"))
    assert counted.sent() == [f"POST {API}/namespaces/{namespace}/trainjobs"]
    assert backend.get_job("second").num_nodes == 2


def test_the_kind_of_a_runtime_is_that_of_the_object_that_was_given(newest: Home, namespace: str) -> None:
    shipped = newest.wire.send("GET", f"{API}/clustertrainingruntimes/torch-distributed")
    own = {"apiVersion": shipped["apiVersion"], "kind": "TrainingRuntime", "spec": shipped["spec"]}
    newest.make_namespace(namespace)
    path = f"{API}/namespaces/{namespace}/trainingruntimes"
    newest.wire.send("POST", path, {**own, "metadata": {"name": "torch-distributed"}})
    backend, _ = newest.backend(namespace)

    runtimes = [each for each in backend.list_runtimes() if each.name == "torch-distributed"]
    assert {each.kind for each in runtimes} == set(RuntimeKind)
    for number, runtime in enumerate(runtimes):
        backend.train(job_spec(name=f"job-{number}", runtime=runtime, trainer=CustomTrainer(train)))
        assert backend.get_job(f"job-{number}").runtime == runtime


def test_a_runtime_that_is_not_there_is_refused_before_anything_is_written(newest: Home, namespace: str) -> None:
    backend, counted = newest.backend(namespace)
    counted.sent()
    trainer = RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "image")
    gone = Runtime("was-there", trainer, RuntimeKind.TRAINING_RUNTIME)

    with pytest.raises(RuntimeNotFound, match="torch-distributed"):
        backend.train(job_spec(name="job", runtime=gone, trainer=CustomTrainer(train)))

    assert all(each.startswith("GET") for each in counted.sent())


def test_a_taken_name_is_refused_and_the_job_that_has_it_is_left_alone(newest: Home, namespace: str) -> None:
    backend, _ = newest.backend(namespace)
    backend.train(spec(backend))
    (before,) = newest.jobs(namespace)

    with pytest.raises(JobExists, match=r"client.delete_job\('job'\)"):
        backend.train(spec(backend))

    assert newest.jobs(namespace) == [before]


def test_a_fresh_name_that_happens_to_be_taken_is_replaced(
    newest: Home, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TrainerClient(newest.config(namespace))
    newest.make_namespace(namespace)
    drawn = os.urandom
    unlucky = iter([b"1234567", b"1234567"])
    monkeypatch.setattr(os, "urandom", lambda size: next(unlucky, drawn(size)) if size == 7 else drawn(size))

    first, second = client.train(train_func=train), client.train(train_func=train)

    assert first != second
    assert {job.name for job in client.list_jobs()} == {first, second}
    with pytest.raises(JobExists):
        client.train(train_func=train, name=first)


class Losing(Counted):
    """Loses the first answer to each create: the server has acted, nobody has heard of it, and it is asked again."""

    def send(self, request: Request) -> Mapping[str, object]:
        if request.method == "POST" and request.repeatable:
            super().send(request)
        return super().send(request)


def test_a_create_whose_answer_got_lost_is_one_create(newest: Home, namespace: str) -> None:
    backend, losing = newest.backend(namespace, Losing)

    backend.train(spec(backend))

    assert len([each for each in losing.sent() if each.startswith("POST")]) == 2
    assert [job["metadata"]["name"] for job in newest.jobs(namespace)] == ["job"]

    source = HuggingFaceDatasetInitializer("hf://a/b", access_token="hf_secret")
    runtime = backend.resolve_runtime("torchtune-llama3.2-1b")
    backend.train(job_spec(name="second", runtime=runtime, initializer=Initializer(dataset=source)))
    assert len([each for each in losing.sent() if each.startswith("POST")]) == 4
    assert len(newest.jobs(namespace)) == 2

    with pytest.raises(JobExists):
        backend.train(spec(backend))


def test_a_job_with_a_token_brings_a_secret_which_goes_with_it(newest: Home, namespace: str) -> None:
    backend, counted = newest.backend(namespace)
    counted.sent()
    source = HuggingFaceDatasetInitializer("hf://a/b", access_token="hf_secret")
    runtime = backend.resolve_runtime("torchtune-llama3.2-1b")

    backend.train(job_spec(name="job", runtime=runtime, initializer=Initializer(dataset=source)))

    (job,) = newest.jobs(namespace)
    (secret,) = newest.wire.items(f"/api/v1/namespaces/{namespace}/secrets")
    assert "hf_secret" not in str(job)
    assert job["spec"]["initializer"]["dataset"]["secretRef"]["name"] == secret["metadata"]["name"]
    assert base64.b64decode(secret["data"]["ACCESS_TOKEN"]) == b"hf_secret"
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
    writes = [each.partition(" ")[0] for each in counted.sent() if not each.startswith("GET")]
    assert writes == ["POST", "POST", "PATCH"]

    with pytest.raises(JobExists):
        backend.train(job_spec(name="job", runtime=runtime, initializer=Initializer(dataset=source)))
    assert len(newest.wire.items(f"/api/v1/namespaces/{namespace}/secrets")) == 1


class Refusing(Counted):
    """Refuses TrainJobs as an admission webhook does."""

    def send(self, request: Request) -> Mapping[str, object]:
        if request.method == "POST" and request.path.endswith("/trainjobs"):
            raise Forbidden("refused by the cluster's admission webhook 'w': too late on a Friday.", code=403)
        return super().send(request)


def test_a_job_that_is_refused_leaves_no_secret(newest: Home, namespace: str) -> None:
    backend, _ = newest.backend(namespace, Refusing)
    source = HuggingFaceDatasetInitializer("hf://a/b", access_token="hf_secret")

    with pytest.raises(Forbidden, match="too late on a Friday"):
        runtime = backend.resolve_runtime("torchtune-llama3.2-1b")
        backend.train(job_spec(name="job", runtime=runtime, initializer=Initializer(dataset=source)))

    assert newest.wire.items(f"/api/v1/namespaces/{namespace}/secrets") == []


def test_what_the_server_refuses_is_said_by_field(newest: Home, namespace: str) -> None:
    backend, _ = newest.backend(namespace)
    job = backend.render(spec(backend))
    wrong = TrainJob.from_server({**job.to_dict(), "spec": {**job.to_dict()["spec"], "suspend": "yes"}})  # type: ignore[dict-item]

    with pytest.raises((Invalid, InvalidInput), match="suspend"):
        backend.create_job(wrong)

    assert newest.jobs(namespace) == []


def test_a_namespace_that_is_missing_is_said_to_be(newest: Home, namespace: str) -> None:
    backend, _ = newest.backend(namespace)
    newest.wire.remove(f"/api/v1/namespaces/{namespace}")
    while newest.wire.exists(f"/api/v1/namespaces/{namespace}"):
        pass

    with pytest.raises((NotFound, Forbidden), match=namespace):
        backend.train(spec(backend))


def test_the_server_shows_a_job_with_its_defaults_and_stores_nothing(every: Home, namespace: str) -> None:
    backend, _ = every.backend(namespace)

    shown = backend.render_on_server(spec(backend))

    assert shown.spec is not None
    assert shown.spec.managed_by == "trainer.kubeflow.org/trainjob-controller"
    assert every.jobs(namespace) == []


def test_a_rendered_job_makes_the_same_job_when_it_is_created(every: Home, namespace: str) -> None:
    backend, _ = every.backend(namespace)
    tolerant = spec(backend, "first", options=[Toleration(key="gpu", operator="Exists")])
    rendered = backend.render(tolerant)
    backend.train(tolerant)
    (trained,) = every.jobs(namespace)
    backend.delete_job("first", wait=30)

    text = rendered.to_yaml()
    assert TrainerClient(every.config(namespace)).create_job(text) == "first"

    (created,) = every.jobs(namespace)
    assert created["spec"] == trained["spec"]
    assert created["metadata"].get("annotations") == trained["metadata"].get("annotations")
    assert rendered.to_yaml() == text  # what was given is not changed


def test_a_given_job_without_a_name_gets_one_and_one_for_elsewhere_is_refused(newest: Home, namespace: str) -> None:
    backend, _ = newest.backend(namespace)
    job = backend.render(spec(backend)).to_dict()

    nameless = TrainJob.from_dict({**job, "metadata": {"generateName": "tried-"}})
    assert backend.create_job(nameless).startswith("tried-")
    with pytest.raises(InvalidInput, match="for namespace 'other'"):
        backend.create_job(TrainJob.from_dict({**job, "metadata": {"name": "a", "namespace": "other"}}))
    with pytest.raises(InvalidInput, match="job takes"):
        backend.create_job("a job")  # type: ignore[arg-type]
    assert len(newest.jobs(namespace)) == 1


def test_a_job_that_was_read_from_the_cluster_can_be_run_again(every: Home, namespace: str) -> None:
    backend, _ = every.backend(namespace)
    backend.train(spec(backend, "first", options=[Toleration(key="gpu", operator="Exists")]))
    (stored,) = every.jobs(namespace)
    again = yaml.safe_dump(
        {**stored, "metadata": {**stored["metadata"], "name": "again"}, "status": {"jobsStatus": []}}
    )

    assert TrainerClient(every.config(namespace)).create_job(again) == "again"

    made, before = sorted(every.jobs(namespace), key=lambda job: str(job["metadata"]["name"]))
    assert made["spec"] == before["spec"]
    assert made["metadata"]["uid"] != before["metadata"]["uid"]
    assert "status" not in made


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("job.yaml", "Give the text, not the path"),
        ("", "this is nothing"),
        ("a: [", "not one YAML document"),
        ("kind: Pod\napiVersion: v1\n", "kind must be 'TrainJob', not 'Pod'"),
        ("spec: {runtimeRef: {name: torch-distributed}, trainer: {numNode: 2}}", "Did you mean 'num_nodes'"),
        ("spec: {trainer: {}}", "spec.runtimeRef is required"),
        ("spec: {runtimeRef: {name: nothing}}", "There is no runtime 'nothing'"),
        ("spec: {runtimeRef: {name: a, kind: TrainingRuntim}, trainer: {}}", "Did you mean 'TrainingRuntime'"),
    ],
)
def test_yaml_that_is_no_job_is_refused_in_words(newest: Home, namespace: str, document: str, words: str) -> None:
    newest.make_namespace(namespace)
    client = TrainerClient(newest.config(namespace))
    head = "apiVersion: trainer.kubeflow.org/v1alpha1\nkind: TrainJob\n" if document.startswith("spec") else ""

    with pytest.raises(InvalidInput, match=words):
        client.create_job(head + document)

    assert newest.jobs(namespace) == []


def test_what_an_option_makes_of_a_job_is_the_job_that_its_client_knows(newest: Home, namespace: str) -> None:
    backend, _ = newest.backend(namespace)

    def renamed(job: TrainJob) -> None:
        assert job.metadata is not None
        job.metadata.name = "other"

    def moved(job: TrainJob) -> None:
        assert job.metadata is not None
        job.metadata.namespace = "other"

    def elsewhere(job: TrainJob) -> None:
        assert job.spec is not None
        assert job.spec.runtime_ref is not None
        job.spec.runtime_ref.name = "not-there"

    for change, words in (
        (renamed, "from 'job' to 'other'"),
        (moved, r"KubernetesBackendConfig\(namespace='other'\)"),
        (elsewhere, "no runtime 'not-there'"),
    ):
        with pytest.raises(InvalidInput, match=words):
            backend.train(spec(backend, options=[EditTrainJob(change)]))
    assert newest.jobs(namespace) == []


def test_yaml_without_its_secret_says_how_to_make_it(
    newest: Home, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    newest.make_namespace(namespace)
    client = TrainerClient(newest.config(namespace))
    source = HuggingFaceDatasetInitializer("hf://a/b", access_token="hf_secret")

    job = client.train("torchtune-llama3.2-1b", Initializer(dataset=source), name="job", dry_run=True)

    assert "kubectl create secret generic job-dataset-initializer --from-literal=ACCESS_TOKEN=..." in caplog.text
    assert "hf_secret" not in caplog.text + job.to_yaml()
    caplog.clear()
    client.train("torchtune-llama3.2-1b", Initializer(dataset=source), name="job")
    assert caplog.text == ""


def test_an_image_with_its_own_command_is_a_job_too(every: Home, namespace: str) -> None:
    backend, _ = every.backend(namespace)
    runtime = backend.resolve_runtime("torch-distributed")

    backend.train(job_spec(name="job", runtime=runtime, trainer=CustomTrainerContainer("example/own:1", num_nodes=3)))

    (stored,) = every.jobs(namespace)
    assert stored["spec"]["trainer"]["image"] == "example/own:1"
    assert backend.get_job("job").num_nodes == 3

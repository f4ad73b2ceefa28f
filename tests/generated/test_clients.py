"""The generated clients against a real API server: every verb, the server's defaults, and strictness both ways."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.core.rules import RuleViolation
from kubeflow_api.jobset.v1alpha2 import JobSetSpec, ReplicatedJob
from kubeflow_api.k8s.batch.v1 import JobSpec, JobTemplateSpec
from kubeflow_api.k8s.core.v1 import Container, PodSpec, PodTemplateSpec
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import (
    Client,
    ClusterTrainingRuntime,
    JobSetTemplateSpec,
    MLPolicy,
    RuntimeRef,
    Trainer,
    TrainingRuntimeSpec,
    TrainJob,
    TrainJobSpec,
    TrainJobStatus,
)
from tests.apiserver import MISSING, REASON, Refused, TokenTransport, apiserver
from tests.generated.drawing import objects

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)


@pytest.fixture(scope="module")
def transport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenTransport]:
    with apiserver(tmp_path_factory.mktemp("apiserver")) as started:
        yield started


@pytest.fixture
def client(transport: TokenTransport) -> Client:
    return Client(transport, namespace="default")


def job(**metadata: str) -> TrainJob:
    meta = ObjectMeta(name=f"job-{uuid.uuid4().hex[:8]}", **metadata)  # type: ignore[arg-type]
    spec = TrainJobSpec(runtime_ref=RuntimeRef(name="torch-distributed"), trainer=Trainer(num_nodes=2))
    return TrainJob(metadata=meta, spec=spec)


def name_of(obj: TrainJob | ClusterTrainingRuntime) -> str:
    assert obj.metadata is not None
    assert obj.metadata.name is not None
    return obj.metadata.name


def test_the_life_of_a_train_job(client: Client) -> None:
    created = client.train_jobs.create(job())
    assert created.spec is not None
    assert created.spec.suspend is False, "the server fills in its defaults"
    assert created.spec.runtime_ref.kind == "ClusterTrainingRuntime"
    assert created.metadata is not None
    assert created.metadata.uid is not None
    name = name_of(created)
    assert client.train_jobs.get(name) == created

    assert client.train_jobs.patch(name, {"spec": {"suspend": True}}).spec.suspend is True  # type: ignore[union-attr]
    current = client.train_jobs.get(name)
    assert current.metadata is not None
    current.metadata.labels = {"team": "vision"}
    replaced = client.train_jobs.replace(current)
    assert replaced.metadata is not None
    assert replaced.metadata.labels == {"team": "vision"}

    replaced.status = TrainJobStatus.from_dict({"jobsStatus": [
        {"name": "node", "ready": 0, "succeeded": 0, "failed": 0, "active": 1, "suspended": 0}]})  # fmt: skip
    updated = client.train_jobs.replace_status(replaced)
    assert updated.status is not None
    assert updated.status.jobs_status is not None
    assert updated.status.jobs_status[0].active == 1

    client.train_jobs.delete(name, dry_run=True)
    client.train_jobs.get(name)
    client.train_jobs.delete(name)
    with pytest.raises(Refused, match="404"):
        client.train_jobs.get(name)


def test_a_stale_replace_is_a_conflict(client: Client) -> None:
    created = client.train_jobs.create(job())
    client.train_jobs.patch(name_of(created), {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(Refused, match="409"):
        client.train_jobs.replace(created)
    client.train_jobs.delete(name_of(created))


def test_dry_run_stores_nothing(client: Client) -> None:
    created = client.train_jobs.create(job(), dry_run=True)
    with pytest.raises(Refused, match="404"):
        client.train_jobs.get(name_of(created))


def test_a_listing_goes_through_all_pages(client: Client, transport: TokenTransport) -> None:
    created = {name_of(client.train_jobs.create(job(namespace="default"))) for _ in range(5)}
    transport.requests.clear()
    listed = {name_of(found): found for found in client.train_jobs.list()}
    assert created <= set(listed)
    assert len(transport.requests) == 1
    assert all(found.kind == "TrainJob" for found in listed.values())
    some = next(iter(created))
    assert [name_of(found) for found in client.train_jobs.list(field_selector=f"metadata.name={some}")] == [some]
    assert {name_of(found) for found in client.train_jobs.list(all_namespaces=True)} >= created
    for name in created:
        client.train_jobs.delete(name)


def test_cluster_scoped_runtimes(client: Client) -> None:
    container = Container(name="node", image="pytorch/pytorch")
    pods = PodTemplateSpec(spec=PodSpec(containers=[container]))
    node = ReplicatedJob(name="node", template=JobTemplateSpec(spec=JobSpec(template=pods)))
    spec = TrainingRuntimeSpec(
        ml_policy=MLPolicy(num_nodes=1), template=JobSetTemplateSpec(spec=JobSetSpec(replicated_jobs=[node]))
    )
    name = f"runtime-{uuid.uuid4().hex[:8]}"
    client.cluster_training_runtimes.create(ClusterTrainingRuntime(metadata=ObjectMeta(name=name), spec=spec))
    assert name in {name_of(runtime) for runtime in client.cluster_training_runtimes.list()}
    client.cluster_training_runtimes.delete(name)


def test_what_the_server_does_not_know_is_refused_not_dropped(client: Client) -> None:
    newer = TrainJob.from_server({**job().to_dict(), "spec": {"runtimeRef": {"name": "x"}, "fromTheFuture": 1}})
    with pytest.raises(Refused, match="fromTheFuture"):
        client.train_jobs.create(newer)


def test_a_broken_rule_is_found_before_anything_is_sent(client: Client, transport: TokenTransport) -> None:
    broken = job()
    assert broken.metadata is not None
    broken.metadata.name = "Upper-Case"
    transport.requests.clear()
    with pytest.raises(RuleViolation, match="must match RFC 1035"):
        client.train_jobs.create(broken)
    assert transport.requests == []


def test_wrong_calls_are_refused_before_anything_is_sent(client: Client, transport: TokenTransport) -> None:
    transport.requests.clear()
    for wrong in (
        lambda: client.train_jobs.get("../pods"),
        lambda: client.train_jobs.get(""),
        lambda: client.train_jobs.create(job(namespace="a"), namespace="b"),
        lambda: client.train_jobs.replace(TrainJob()),
        lambda: client.train_jobs.create(ClusterTrainingRuntime()),  # type: ignore[arg-type]
        lambda: list(client.train_jobs.list(namespace="a", all_namespaces=True)),
    ):
        with pytest.raises(InvalidInput):
            wrong()
    assert transport.requests == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_model_takes_the_server_does_not_call_unknown(client: Client, data: st.DataObject) -> None:
    drawn = data.draw(objects("trainer.v1alpha1.TrainJob"))
    drawn["metadata"] = {"name": f"job-{uuid.uuid4().hex[:8]}"}
    try:
        client.train_jobs.create(TrainJob.from_dict(drawn), dry_run=True)
    except RuleViolation:
        pass  # found here, before the server would
    except Refused as refused:
        assert refused.code == 422, str(refused)
        assert "unknown field" not in str(refused)

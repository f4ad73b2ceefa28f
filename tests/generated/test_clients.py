"""The generated clients against a real API server: every verb, the server's defaults, and strictness both ways."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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

from kubeflow.cluster import AlreadyExists, Cause, Conflict, Invalid, NotFound
from kubeflow.core.errors import InvalidInput
from kubeflow.core.rules import RuleViolation
from kubeflow.core.transport import Request
from tests.apiserver import MISSING, REASON, Recorded, apiserver
from tests.draws import draws
from tests.generated.drawing import objects

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)


@pytest.fixture(scope="module")
def transport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with apiserver(tmp_path_factory.mktemp("apiserver")) as started:
        yield started


@pytest.fixture
def client(transport: Recorded) -> Client:
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

    assert client.train_jobs.patch(name, {"spec": {"suspend": True}}).spec.suspend is True
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
    with pytest.raises(NotFound):
        client.train_jobs.get(name)


def test_a_stale_replace_is_a_conflict(client: Client) -> None:
    created = client.train_jobs.create(job())
    client.train_jobs.patch(name_of(created), {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(Conflict):
        client.train_jobs.replace(created)
    client.train_jobs.delete(name_of(created))


def test_dry_run_stores_nothing(client: Client) -> None:
    created = client.train_jobs.create(job(), dry_run=True)
    with pytest.raises(NotFound):
        client.train_jobs.get(name_of(created))


def test_a_listing_goes_through_all_pages(client: Client, transport: Recorded) -> None:
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
    with pytest.raises(Invalid, match="fromTheFuture"):
        client.train_jobs.create(newer)


def test_a_patch_with_an_unknown_field_names_that_field(client: Client) -> None:
    name = name_of(client.train_jobs.create(job()))
    with pytest.raises(Invalid) as caught:
        client.train_jobs.patch(name, {"spec": {"fromTheFuture": 1}})
    assert caught.value.causes == (Cause("spec.fromTheFuture", "unknown field"),)
    assert len(str(caught.value)) < 300
    client.train_jobs.delete(name)


def test_a_broken_rule_is_found_before_anything_is_sent(client: Client, transport: Recorded) -> None:
    broken = job()
    assert broken.metadata is not None
    broken.metadata.name = "Upper-Case"
    transport.requests.clear()
    with pytest.raises(RuleViolation, match="must match RFC 1035"):
        client.train_jobs.create(broken)
    assert transport.requests == []


def test_wrong_calls_are_refused_before_anything_is_sent(client: Client, transport: Recorded) -> None:
    transport.requests.clear()
    for wrong in (
        lambda: client.train_jobs.get("../pods"),
        lambda: client.train_jobs.get("a", namespace="../pods"),
        lambda: client.train_jobs.get(""),
        lambda: client.train_jobs.create(job(namespace="a"), namespace="b"),
        lambda: client.train_jobs.replace(TrainJob.from_server({})),
        lambda: client.train_jobs.create(ClusterTrainingRuntime()),  # type: ignore[arg-type]
        lambda: list(client.train_jobs.list(namespace="a", all_namespaces=True)),
    ):
        with pytest.raises(InvalidInput):
            wrong()
    assert transport.requests == []


@settings(max_examples=draws(50), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_model_takes_the_server_does_not_call_unknown(client: Client, data: st.DataObject) -> None:
    drawn = data.draw(objects("trainer.v1alpha1.TrainJob"))
    drawn["metadata"] = {"name": f"job-{uuid.uuid4().hex[:8]}"}
    try:
        client.train_jobs.create(TrainJob.from_dict(drawn), dry_run=True)
    except RuleViolation:
        pass  # found here, before the server would
    except Invalid as refused:
        assert refused.code == 422, str(refused)
        assert "unknown field" not in str(refused)


def test_a_generated_name_is_made_here(client: Client) -> None:
    nameless = job()
    assert nameless.metadata is not None
    nameless.metadata.name, nameless.metadata.generate_name = None, f"mnist-{'x' * 60}"
    longest = client.train_jobs.create(nameless, dry_run=True)
    assert len(name_of(longest)) == 63, "as long as a server makes them"
    nameless.metadata.generate_name = "mnist-"
    created = [client.train_jobs.create(nameless) for _ in range(3)]
    assert len({name_of(found) for found in created}) == 3
    for found in created:
        assert name_of(found).startswith("mnist-")
        client.train_jobs.delete(name_of(found))


class Repeating:
    """A transport that sends every create twice, as one does whose first answer was lost."""

    def __init__(self, transport: Recorded) -> None:
        self.transport = transport

    def send(self, request: Request) -> Mapping[str, object]:
        if request.method == "POST":
            assert request.repeatable
            self.transport.send(request)
        return self.transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self.transport.lines(request)


def test_a_create_that_is_sent_twice_is_one_create(client: Client, transport: Recorded) -> None:
    repeating = Client(Repeating(transport), namespace="default").train_jobs
    wanted = job()
    created = repeating.create(wanted)
    assert created == client.train_jobs.get(name_of(wanted))
    with pytest.raises(AlreadyExists):
        client.train_jobs.create(wanted)
    client.train_jobs.delete(name_of(created))
    nameless = job()
    assert nameless.metadata is not None
    nameless.metadata.name, nameless.metadata.generate_name = None, "twice-"
    repeating.create(nameless)
    found = [found for found in client.train_jobs.list() if name_of(found).startswith("twice-")]
    assert len(found) == 1
    client.train_jobs.delete(name_of(found[0]))


def test_many_at_once_modify_one_object(client: Client) -> None:
    name = name_of(client.train_jobs.create(job()))

    def count(found: TrainJob) -> None:
        assert found.metadata is not None
        annotations = found.metadata.annotations or {}
        found.metadata.annotations = {**annotations, "count": str(int(annotations.get("count", "0")) + 1)}

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: client.train_jobs.modify(name, count), range(12)))
    stored = client.train_jobs.get(name)
    assert stored.metadata is not None
    assert stored.metadata.annotations is not None
    assert stored.metadata.annotations["count"] == "12"
    client.train_jobs.delete(name)


def test_a_modification_sends_what_is_different_and_nothing_when_nothing_is(
    client: Client, transport: Recorded
) -> None:
    name = name_of(client.train_jobs.create(job()))
    transport.requests.clear()
    client.train_jobs.modify(name, lambda found: None)
    assert [request.method for request in transport.requests] == ["GET"]

    def suspend(found: TrainJob) -> None:
        assert found.spec is not None
        found.spec.suspend = True

    assert client.train_jobs.modify(name, suspend, dry_run=True).spec.suspend is True
    assert client.train_jobs.get(name).spec.suspend is False
    client.train_jobs.modify(name, suspend)
    patch = transport.requests[-1].body
    assert patch is not None
    assert patch["spec"] == {"suspend": True}
    assert client.train_jobs.get(name).spec.suspend is True
    client.train_jobs.delete(name)


def test_what_two_managers_apply_is_owned_by_each(client: Client) -> None:
    wanted = job(labels={"team": "vision"})  # type: ignore[arg-type]
    name = name_of(wanted)
    created = client.train_jobs.apply(wanted)
    assert created == client.train_jobs.apply(wanted), "applying twice is applying once"
    other = TrainJob.from_dict({
        "metadata": {"name": name, "labels": {"team": "speech"}}, "spec": {"runtimeRef": {"name": "torch-distributed"}},
    })  # fmt: skip
    with pytest.raises(Conflict, match=r"conflict with .* or take it over with force=True"):
        client.train_jobs.apply(other, field_manager="gitops")
    taken = client.train_jobs.apply(other, field_manager="gitops", force=True, dry_run=True)
    assert taken.metadata is not None
    assert taken.metadata.labels == {"team": "speech"}
    assert client.train_jobs.get(name).metadata.labels == {"team": "vision"}  # type: ignore[union-attr]
    status = TrainJob.from_dict({"metadata": {"name": name}, "spec": {"runtimeRef": {"name": "torch-distributed"}}, "status": {
        "conditions": [{"type": "Complete", "status": "True", "reason": "a", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})  # fmt: skip
    applied = client.train_jobs.apply_status(status, field_manager="controller")
    assert applied.status is not None
    assert applied.status.conditions is not None
    assert applied.status.conditions[0].type == "Complete"
    client.train_jobs.delete(name)


def test_a_delete_takes_only_the_object_that_is_meant(client: Client) -> None:
    name = name_of(client.train_jobs.create(job()))
    stored = client.train_jobs.get(name)
    assert stored.metadata is not None
    with pytest.raises(Conflict):
        client.train_jobs.delete(name, uid=str(uuid.uuid4()))
    with pytest.raises(Conflict):
        client.train_jobs.delete(name, resource_version="1")
    client.train_jobs.delete(name, uid=stored.metadata.uid, resource_version=stored.metadata.resource_version)
    with pytest.raises(NotFound):
        client.train_jobs.get(name)


def test_the_table_has_the_columns_of_kubectl_get(client: Client) -> None:
    wanted = job(labels={"table": "yes"})  # type: ignore[arg-type]
    client.train_jobs.create(wanted)
    client.train_jobs.patch_status(name_of(wanted), {"status": {"conditions": [
        {"type": "Complete", "status": "True", "reason": "a", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})  # fmt: skip
    table = client.train_jobs.table(label_selector="table=yes")
    assert [column.name for column in table.columns] == ["Name", "State", "Age"]
    (row,) = table.rows
    assert (row.name, row.namespace) == (name_of(wanted), "default")
    (record,) = table.records()
    assert (record["Name"], record["State"]) == (name_of(wanted), "Complete")
    assert client.train_jobs.table(label_selector="table=no").rows == ()
    client.train_jobs.delete(name_of(wanted))

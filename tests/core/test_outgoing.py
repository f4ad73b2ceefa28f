"""What is about to be sent is held against its schema once more; what a server sent is never held against a user."""

from __future__ import annotations

import copy
import pickle

import pytest
from kubeflow_api.k8s.core.v1 import EnvVar
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import Client, RuntimeRef, Trainer, TrainJob, TrainJobSpec

from kubeflow.core.errors import InvalidObject, UnknownAttribute
from kubeflow.core.outgoing import check_outgoing
from kubeflow.core.transport import Request


def job() -> TrainJob:
    trainer = Trainer(env=[EnvVar(name="A", value="1")])
    return TrainJob(
        metadata=ObjectMeta(name="mnist", labels={}),
        spec=TrainJobSpec(runtime_ref=RuntimeRef(name="torch-distributed"), trainer=trainer),
    )


def env(of: TrainJob) -> list[EnvVar]:
    assert of.spec is not None
    assert of.spec.trainer is not None
    assert of.spec.trainer.env is not None
    return of.spec.trainer.env


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (3, "TrainJob.spec.trainer.env[1] must be an EnvVar or a mapping of its fields, not 3"),
        ({"value": "1"}, "TrainJob.spec.trainer.env[1].name is required"),
        ({"name": "B", "vale": "1"}, "TrainJob.spec.trainer.env[1]: EnvVar has no field 'vale'. Did you mean 'value'?"),
        ({"name": "B", "value": 1}, "TrainJob.spec.trainer.env[1].value must be a valid string, not 1."),
        (
            {"name": "B", "value_from": {}},
            "TrainJob.spec.trainer.env[1]: EnvVar has no field 'value_from' on the wire: it is 'valueFrom' there.",
        ),
        (Trainer(), "TrainJob.spec.trainer.env[1] must be an EnvVar or a mapping of its fields, not Trainer()"),
    ],
)
def test_a_wrong_item_that_was_appended_is_found_before_sending(item: object, words: str) -> None:
    wrong = job()
    env(wrong).append(item)  # type: ignore[arg-type]
    with pytest.raises(InvalidObject) as caught:
        check_outgoing(wrong)
    assert words in str(caught.value)


def test_a_mapping_that_fits_may_be_appended() -> None:
    right = job()
    env(right).append({"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "a"}}})  # type: ignore[arg-type]
    check_outgoing(right)


def test_a_wrong_value_of_a_map_is_found() -> None:
    wrong = job()
    assert wrong.metadata is not None
    assert wrong.metadata.labels is not None
    wrong.metadata.labels["version"] = 1  # type: ignore[assignment]
    with pytest.raises(InvalidObject, match=r"metadata.labels.version must be a valid string, not 1"):
        check_outgoing(wrong)


def test_what_was_made_without_checks_is_found() -> None:
    wrong = job()
    assert wrong.spec is not None
    wrong.spec.trainer = Trainer.model_construct(num_nodes="2")
    with pytest.raises(InvalidObject, match="spec.trainer.numNodes must be a valid integer"):
        check_outgoing(wrong)
    with pytest.raises(InvalidObject, match="TrainJob.spec is required"):
        check_outgoing(TrainJob.model_construct())


SENT = {
    "metadata": {"name": "a", "newInside": 1},
    "spec": {"runtimeRef": "gone", "suspend": "maybe", "trainer": {"numNodes": {"x": 1}, "env": [{"name": "A"}]}},
    "status": {},
    "newAtTop": 1,
}


def test_what_a_server_sent_is_no_mistake_and_what_was_added_is() -> None:
    sent = TrainJob.from_server(copy.deepcopy(SENT))
    for read in (sent, copy.deepcopy(sent), pickle.loads(pickle.dumps(sent)), sent.model_copy(deep=True)):
        check_outgoing(read)
        assert read == sent
        env(read).append(3)  # type: ignore[arg-type]
        with pytest.raises(InvalidObject) as caught:
            check_outgoing(read)
        assert [mistake.place for mistake in caught.value.mistakes] == [("spec", "trainer", "env", 1)]
        env(read).pop()


class Recorder:
    """The edge: a transport that keeps what it is asked to send, and answers with it."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    def send(self, request: Request) -> dict[str, object]:
        self.sent.append(request)
        return dict(request.body) if request.body else job().to_dict()

    def stream(self, request: Request) -> object:
        raise NotImplementedError


def test_nothing_wrong_reaches_the_transport() -> None:
    transport = Recorder()
    jobs = Client(transport).train_jobs  # type: ignore[arg-type]
    wrong = job()
    env(wrong).append(3)  # type: ignore[arg-type]
    for send in (jobs.create, jobs.replace, lambda obj: jobs.apply(obj, field_manager="me")):
        with pytest.raises(InvalidObject):
            send(wrong)
    assert transport.sent == []
    with pytest.raises(InvalidObject):
        jobs.modify("mnist", lambda read: env(read).append(3))  # type: ignore[arg-type]
    assert [request.method for request in transport.sent] == ["GET"]
    assert jobs.create(job()) is not None


def test_a_copy_with_changes_is_checked_as_assignments_are() -> None:
    trainer = Trainer(num_nodes=1, image="a")
    assert trainer.model_copy(update={"num_nodes": 2}) == Trainer(num_nodes=2, image="a")
    assert trainer == Trainer(num_nodes=1, image="a")
    with pytest.raises(InvalidObject, match="Trainer.num_nodes must be a valid integer, not '2'. Did you mean 2?"):
        trainer.model_copy(update={"num_nodes": "2"})
    with pytest.raises(UnknownAttribute, match="Trainer has no field 'numNodes'. Did you mean 'num_nodes'?"):
        trainer.model_copy(update={"numNodes": 2})

"""Objects of a server are read when they are looked at: what pydantic, threads and users' own classes see of them."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from kubeflow_api.k8s.core.v1 import EnvVar
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import TrainJob, TrainJobSpec
from pydantic import BaseModel, PrivateAttr, TypeAdapter, computed_field, field_serializer, field_validator

from kubeflow.core.errors import InvalidInput, InvalidObject
from kubeflow.core.lazy_model import is_untouched, received
from kubeflow.core.model import Model
from kubeflow.core.open_model import OpenModel
from kubeflow.core.outgoing import check_outgoing


def sent() -> dict[str, Any]:
    return {
        "metadata": {
            "name": "mnist",
            "labels": {"team": "nlp"},
            "managedFields": [{"manager": "sdk", "fieldsV1": {"f:spec": {"f:trainer": {}}}}],
        },
        "spec": {
            "runtimeRef": {"name": "torch-distributed", "newInside": [1]},
            "trainer": {"args": ["a"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        },
    }


def read() -> TrainJob:
    return TrainJob.from_server(sent())


def at_once() -> TrainJob:
    return TypeAdapter(TrainJob).validate_python(sent())


def test_nothing_is_read_that_nobody_looks_at() -> None:
    job = read()
    assert is_untouched(job)
    assert job.metadata is not None
    assert job.metadata.name == "mnist"
    assert job.spec is not None
    assert is_untouched(job.spec)
    assert job.to_dict() == sent()
    assert is_untouched(job.spec), "to_dict looks at nothing"
    assert job == read()
    assert job.metadata is job.metadata


def test_what_is_changed_below_shows_in_all_that_is_written() -> None:
    job = read()
    assert job.spec is not None and job.spec.trainer is not None
    assert job.spec.trainer.env is not None and job.spec.trainer.args is not None
    job.spec.trainer.env[1].value = "3"
    job.spec.trainer.env.append(EnvVar(name="C"))
    job.spec.trainer.args.append("b")
    job.spec.suspend = True
    wanted = sent()
    wanted["spec"]["suspend"] = True
    wanted["spec"]["trainer"] = {
        "args": ["a", "b"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C"}],
    }
    assert job.to_dict() == wanted
    assert job.model_dump(by_alias=True, exclude_unset=True)["spec"] == wanted["spec"]
    assert job == TypeAdapter(TrainJob).validate_python(wanted)


def test_a_copy_shares_what_is_below_and_a_deep_copy_does_not() -> None:
    shallow: list[Callable[[Any], Any]] = [copy.copy, lambda job: job.model_copy()]
    for copied in shallow:
        job = read()
        twin = copied(job)
        assert twin.spec is job.spec
    deep: list[Callable[[Any], Any]] = [
        copy.deepcopy,
        lambda job: job.model_copy(deep=True),
        lambda job: pickle.loads(pickle.dumps(job)),
    ]
    for copied in deep:
        for looked in (False, True):
            job = read()
            if looked:
                repr(job)
            twin = copied(job)
            twin.spec.trainer.args.append("b")
            twin.metadata.managed_fields[0].fields_v1["f:spec"]["f:suspend"] = {}
            assert job.to_dict() == sent()
            assert twin.to_dict() != sent()


def test_what_came_stays_as_it_is() -> None:
    values = sent()
    job = TrainJob.from_server(values)
    assert job.metadata is not None and job.metadata.managed_fields is not None and job.metadata.labels
    fields = job.metadata.managed_fields[0].fields_v1
    assert fields is not None
    fields["f:spec"] = 1
    job.metadata.labels["team"] = "vision"
    job.to_dict()["spec"]["runtimeRef"]["newInside"].append(2)  # type: ignore[index]
    assert job.spec is not None
    (job.spec.runtime_ref.model_extra or {})["newInside"].append(2)
    assert values == sent()
    assert job.to_dict()["metadata"]["labels"] == {"team": "vision"}  # type: ignore[index]
    assert job.to_dict()["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": 1}  # type: ignore[index]


class Holder(BaseModel):
    """A user's model that has one of ours in it."""

    job: TrainJob
    jobs: list[TrainJob] = []


@pytest.mark.parametrize("look", ["nothing", "a name", "a spec"])
def test_pydantic_sees_whole_objects_in_whatever_holds_them(look: str) -> None:
    def job() -> TrainJob:
        made = read()
        if look == "a name":
            assert made.metadata and made.metadata.name
        elif look == "a spec":
            assert made.spec and made.spec.trainer and made.spec.trainer.env
        return made

    whole = at_once()
    for exclude_unset in (True, False):
        for by_alias in (True, False):
            options: dict[str, Any] = {"exclude_unset": exclude_unset, "by_alias": by_alias}
            assert Holder(job=job(), jobs=[job()]).model_dump_json(**options) == Holder(
                job=whole, jobs=[whole]
            ).model_dump_json(**options)
            assert TypeAdapter(list[TrainJob]).dump_json([job()], **options) == TypeAdapter(list[TrainJob]).dump_json(
                [whole], **options
            )
            assert TypeAdapter(Any).dump_json(job(), **options) == TypeAdapter(Any).dump_json(whole, **options)
    assert list(vars(job())) == list(vars(whole))
    assert dict(job()) == dict(whole)
    assert TrainJob(spec=job().spec).to_dict()["spec"] == sent()["spec"]
    assert TrainJobSpec.model_validate(job().spec) == whole.spec
    assert job().model_copy(update={"metadata": ObjectMeta(name="b")}).to_dict()["metadata"] == {"name": "b"}


def test_a_field_can_be_deleted_before_and_after_it_was_looked_at() -> None:
    for look in (False, True):
        job = read()
        if look:
            assert job.spec is not None
        del job.spec
        assert not hasattr(job, "spec")
        assert job.to_dict() == {"metadata": sent()["metadata"]}
        with pytest.raises(AttributeError):
            del job.spec


def test_fields_of_a_newer_server_are_attributes_and_unknown_ones_are_errors() -> None:
    values = sent() | {"newAtTop": {"a": 1}}
    job: Any = TrainJob.from_server(values)
    assert job.newAtTop == {"a": 1}
    assert job.model_extra == {"newAtTop": {"a": 1}}
    assert job.model_fields_set == {"metadata", "spec", "newAtTop"}
    assert not hasattr(read(), "newAtTop")
    with pytest.raises(AttributeError, match="'TrainJob' object has no attribute 'sepc'"):
        _ = job.sepc


@pytest.mark.parametrize("wrong", [None, 3, "text", [("spec", {})]])
def test_what_is_no_object_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="TrainJob: expected a mapping of its fields, not"):
        TrainJob.from_server(wrong)


MISFIT: dict[str, Any] = {"spec": {"runtimeRef": {"name": 3}, "trainer": {"numNodes": "x", "args": [1]}}, "status": {}}


def copies(job: TrainJob) -> list[TrainJob]:
    return [job, copy.copy(job), copy.deepcopy(job), pickle.loads(pickle.dumps(job)), job.model_copy(deep=True)]


def test_what_did_not_fit_when_it_came_is_no_mistake_and_what_was_appended_is() -> None:
    for looked in (False, True):
        job = TrainJob.from_server(copy.deepcopy(MISFIT))
        if looked:
            job.model_dump(warnings=False)
        for each in copies(job):
            assert each.spec and each.spec.trainer and each.spec.trainer.args
            check_outgoing(each)
            assert each.to_dict() == MISFIT
        for each in copies(job)[2:]:
            assert each.spec and each.spec.trainer and each.spec.trainer.args
            each.spec.trainer.args.append(2)  # type: ignore[arg-type]
            with pytest.raises(InvalidObject, match=r"spec.trainer.args"):
                check_outgoing(each)


def test_threads_that_look_first_get_the_same_object() -> None:
    for _ in range(200):
        job, start = read(), threading.Barrier(4)
        found: list[object] = []

        def look(job: TrainJob = job, start: threading.Barrier = start, found: list[object] = found) -> None:
            start.wait()
            found.append(job.spec)

        def read_all(job: TrainJob = job, start: threading.Barrier = start, found: list[object] = found) -> None:
            start.wait()
            found.append(dict(job)["spec"])

        threads = [threading.Thread(target=target) for target in (look, read_all, look, read_all)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(each) for each in found}) == 1
        assert found[0] is job.spec


# -- classes of a user -------------------------------------------------------------------------------------------


class Loud(Model):
    """Has a validator: only pydantic can read it."""

    name: str | None = None
    count: int | None = None

    @field_validator("name")
    @classmethod
    def louder(cls, value: str | None) -> str | None:
        return value.upper() if value else value


class Noted(Model):
    name: str | None = None
    _note: str = PrivateAttr(default="none")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.name or "")


class Shown(Model):
    name: str | None = None

    @field_serializer("name")
    def shown(self, value: str | None) -> str:
        return f"<{value}>"


class Outer(Model):
    """Is read lazily, and has one in it that cannot be."""

    loud: Loud | None = None
    louds: list[Loud] | None = None
    either: dict[str, list[Loud | None]] | None = None


class Union(Model):
    either: int | str | None = None


class Longer(TrainJobSpec):
    """A class of ours with a field more."""

    team: str | None = None


class Anything(OpenModel):
    name: str


def test_classes_with_validators_are_read_by_pydantic_wherever_they_are() -> None:
    values = {"name": "a", "count": 1}
    assert Loud.from_server(values).name == "A"
    outer = Outer.from_server({"loud": values, "louds": [values], "either": {"a": [values, None]}})
    assert outer.loud is not None
    assert outer.loud.name == "A"
    assert outer.to_dict()["louds"] == [values], "nobody looked at it: it goes back as it came"
    assert outer.louds == [Loud(name="a", count=1)]
    assert outer.either == {"a": [Loud(name="a", count=1), None]}
    misfit = Loud.from_server({"name": "a", "count": "x", "new": 1})
    assert misfit.to_dict() == {"name": "a", "count": "x", "new": 1}
    check_outgoing(misfit)


def test_private_attributes_serializers_and_unions_of_a_users_class_work() -> None:
    noted = Noted.from_server({"name": "abc"})
    noted._note = "seen"
    assert (noted.length, noted._note, Noted.from_server({})._note) == (3, "seen", "none")
    assert Shown.from_server({"name": "a"}).to_dict() == {"name": "<a>"}
    assert Union.from_server({"either": "a"}).either == "a"
    assert not any(map(is_untouched, (noted, Shown.from_server({}), Union.from_server({}))))


def test_subclasses_and_open_models_are_read_lazily() -> None:
    longer = Longer.from_server({**sent()["spec"], "team": "nlp", "new": 1})
    assert is_untouched(longer)
    assert longer.team == "nlp"
    assert longer.trainer is not None
    assert isinstance(longer, TrainJobSpec)
    assert longer != TrainJobSpec.from_server({**sent()["spec"], "team": "nlp", "new": 1})
    opened = Anything.from_server({"name": "a", "other": {"b": 1}})
    assert is_untouched(opened)
    assert opened == Anything.from_dict({"name": "a", "other": {"b": 1}})
    assert opened.model_fields_set == {"name", "other"}
    check_outgoing(opened)


def test_what_a_user_makes_is_no_object_of_a_server() -> None:
    for made in (TrainJobSpec.from_dict({"runtimeRef": {"name": "a"}}), EnvVar(name="a"), copy.copy(EnvVar(name="a"))):
        assert received(made) is None
        assert not is_untouched(made)
    with pytest.raises(TypeError, match="unhashable"):
        hash(read())

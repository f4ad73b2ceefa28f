"""Models are strict towards the user, lenient towards the server, and send only what was set."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from kubeflow_api.k8s.core.v1 import EnvVar, ResourceRequirements, Toleration
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import RuntimeRef, Trainer, TrainJob, TrainJobSpec, TrainJobStatus

from kubeflow.core.errors import InvalidObject, KubeflowError
from kubeflow.core.open_model import OpenModel


def job() -> TrainJob:
    return TrainJob(
        metadata=ObjectMeta(name="mnist"),
        spec=TrainJobSpec(runtime_ref=RuntimeRef(name="torch-distributed"), trainer=Trainer(num_nodes=2)),
    )


def test_only_what_was_set_is_sent_and_the_kind_is_filled_in() -> None:
    assert job().to_dict() == {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "mnist"},
        "spec": {"runtimeRef": {"name": "torch-distributed"}, "trainer": {"numNodes": 2}},
    }


def test_none_counts_as_not_given_in_a_constructor_but_can_be_assigned() -> None:
    trainer = Trainer(num_nodes=None, image="a")
    assert trainer.to_dict() == {"image": "a"}
    trainer.image = None
    assert trainer.to_dict() == {"image": None}


def test_an_empty_object_is_sent_and_is_not_the_same_as_none() -> None:
    assert TrainJobSpec(runtime_ref=RuntimeRef(name="x"), trainer=Trainer()).to_dict()["trainer"] == {}


def test_snake_case_and_camel_case_are_both_read() -> None:
    assert Trainer.from_dict({"numNodes": 3}) == Trainer.from_dict({"num_nodes": 3}) == Trainer(num_nodes=3)


@pytest.mark.parametrize("style", ["constructor", "mapping"])
def test_a_misspelt_field_is_an_error_that_names_the_right_one(style: str) -> None:
    with pytest.raises(InvalidObject, match="Trainer has no field 'num_node'. Did you mean 'num_nodes'?"):
        if style == "constructor":
            Trainer(num_node=2)  # type: ignore[call-arg]
        else:
            Trainer.from_dict({"num_node": 2})


def test_a_misspelt_field_deep_inside_is_found_with_its_place() -> None:
    with pytest.raises(InvalidObject) as caught:
        TrainJob.from_dict({"spec": {"runtimeRef": {"name": "x"}, "trainer": {"env": [{"name": "A", "vale": "1"}]}}})
    (line,) = caught.value.errors()
    assert line["loc"] == ("spec", "trainer", "env", 0, "vale")
    assert line["msg"] == "EnvVar has no field 'vale'. Did you mean 'value'?"


def test_a_misspelt_attribute_is_an_error() -> None:
    trainer = Trainer()
    with pytest.raises(AttributeError, match="Did you mean 'num_nodes'?"):
        trainer.num_nods = 2  # type: ignore[attr-defined]
    with pytest.raises(InvalidObject, match="valid integer"):
        trainer.num_nodes = "2"  # type: ignore[assignment]
    assert trainer == Trainer()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"numNodes": "3"}, "valid integer"),
        ({"numNodes": True}, "valid integer"),
        ({"numNodes": 1.5}, "valid integer"),
        ({"image": 3}, "valid string"),
        ({"image": "x" * 501}, "at most 500 characters"),
        ({"env": [{"value": "1"}]}, "required"),
        ({"resourcesPerNode": {"limits": {"cpu": "2 cores"}}}, "'2 cores' is no quantity"),
        ({"resourcesPerNode": {"limits": {"cpu": 1.5}}}, "as a string, '1.5'"),
    ],
)
def test_a_wrong_value_is_refused_without_being_coerced(values: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidObject, match=problem):
        Trainer.from_dict(values)


def test_a_wrong_enum_value_lists_the_right_ones() -> None:
    with pytest.raises(InvalidObject, match="'Equal', 'Exists'"):
        Toleration(operator="exists")  # type: ignore[arg-type]


def test_what_the_server_sends_survives_a_read_modify_write() -> None:
    sent = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "newAtTop": {"a": [1, None]},
        "metadata": {"name": "mnist", "labels": {"a": "b"}},
        "spec": {"runtimeRef": {"name": "x", "newInside": 1}, "trainer": {"args": ["x"] * 200}, "suspend": False},
        "status": {"conditions": [{"type": "new type!", "status": "Perhaps", "reason": "", "message": "",
                                   "lastTransitionTime": "2025-01-31T12:00:00Z"}]},
    }  # fmt: skip
    read = TrainJob.from_server(sent)
    assert read.to_dict() == sent
    assert read.spec is not None
    assert read.spec.runtime_ref.name == "x"
    read.spec.suspend = True
    changed = {**sent, "spec": {**sent["spec"], "suspend": True}}  # type: ignore[dict-item]
    assert read.to_dict() == changed


def test_a_broken_object_from_the_server_is_still_an_object() -> None:
    sent = {
        "spec": {"runtimeRef": "gone", "suspend": "maybe", "trainer": {"numNodes": {"x": 1}, "env": "none"}},
        "status": 3,
    }
    read = TrainJob.from_server(sent)
    assert read.to_dict() == sent
    assert read.metadata is None


def test_values_with_a_meaning_are_read_as_such() -> None:
    resources = ResourceRequirements.from_server({"limits": {"memory": "4Gi", "cpu": 2}})
    assert resources.limits is not None
    assert resources.limits["memory"] == "4096Mi"
    assert resources.to_dict() == {"limits": {"memory": "4Gi", "cpu": 2}}


def test_yaml_there_and_back() -> None:
    original = job()
    assert original.spec is not None
    original.spec.trainer = Trainer(command=["bash", "-c", "line 1\nline 2\n"], env=[EnvVar(name="A", value="yes")])
    text = original.to_yaml()
    assert "line 1\n" in text
    assert "'yes'" in text, "a text that YAML would read as true is quoted"
    assert TrainJob.from_yaml(text) == original


# Characters that YAML gives a meaning to, or reads as the end of a line.
ODD = "\x85\u2028\u2029\ufeff\n\r\t a:-#'\"\\\xe9|>%&*!{}[],?\U00103719\x7f\x01\xa0"


@settings(max_examples=300, deadline=None)
@given(value=st.text(st.sampled_from(ODD), max_size=8) | st.text(st.characters(codec="utf-8"), max_size=8))
def test_any_text_survives_yaml(value: str) -> None:
    variable = EnvVar(name="A", value=value)
    assert EnvVar.from_yaml(variable.to_yaml()) == variable


@pytest.mark.parametrize("text", ["- a", "a: b: c", "", "kind: TrainingRuntime"])
def test_yaml_that_is_no_train_job_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"YAML|kind"):
        TrainJob.from_yaml(text)


def test_an_empty_status_is_refused_because_the_server_refuses_it() -> None:
    with pytest.raises(InvalidObject, match="at least 1"):
        TrainJob(spec=TrainJobSpec(runtime_ref=RuntimeRef(name="a")), status=TrainJobStatus())


def test_a_job_without_the_spec_that_it_needs_can_be_read_but_not_written() -> None:
    with pytest.raises(InvalidObject, match="spec"):
        TrainJob.from_dict({"metadata": {"name": "a"}})
    read = TrainJob.from_server({"metadata": {"name": "a"}})
    assert read.metadata is not None
    assert read.metadata.name == "a"
    assert read.to_dict() == {"metadata": {"name": "a"}}


def refused(make: Callable[[], object]) -> InvalidObject:
    with pytest.raises(InvalidObject) as caught:
        make()
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return caught.value


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Trainer.from_dict({"num_node": 4}), "Trainer has no field 'num_node'. Did you mean 'num_nodes'?"),
        (
            lambda: Trainer.from_dict({"num_nodes": "4"}),
            "Trainer.num_nodes must be a valid integer, not '4'. Did you mean 4?",
        ),
        (
            lambda: Toleration.from_dict({"operator": "Equals"}),
            "Toleration.operator must be 'Equal', 'Exists', 'Gt' or 'Lt', not 'Equals'. Did you mean 'Equal'?",
        ),
        (lambda: EnvVar.from_dict({"value": "1"}), "EnvVar.name is required"),
        (
            lambda: TrainJob.from_dict({"spec": 3}),
            "TrainJob.spec must be a TrainJobSpec or a mapping of its fields, not 3",
        ),
        (
            lambda: TrainJob.from_yaml("spec: {runtimeRef: {name: a}, trainer: {env: [{name: a, vale: b}]}}"),
            "TrainJob.spec.trainer.env[0]: EnvVar has no field 'vale'. Did you mean 'value'?",
        ),
        (
            lambda: TrainJob.from_yaml("spec: {runtimeRef: {name: a}, trainer: {numNodes: [1]}}"),
            "TrainJob.spec.trainer.numNodes must be a valid integer, not [1]",
        ),
        (
            lambda: setattr(Trainer(), "num_nodes", "4"),
            "Trainer.num_nodes must be a valid integer, not '4'. Did you mean 4?",
        ),
    ],
)
def test_a_mistake_is_told_in_one_sentence(make: Callable[[], object], text: str) -> None:
    assert str(refused(make)) == text


def test_several_mistakes_are_all_listed_with_their_places() -> None:
    error = refused(lambda: TrainJob.from_yaml("spec: {trainer: {numNodes: x, numProc: 2, env: [{value: a}]}}"))

    assert str(error).splitlines() == [
        "TrainJob does not fit its schema in 4 places:",
        "  spec.runtimeRef is required",
        "  spec.trainer.env[0].name is required",
        "  spec.trainer.numNodes must be a valid integer, not 'x'",
        "  spec.trainer: Trainer has no field 'numProc'. It has: args, command, env, image, num_nodes, "
        "num_proc_per_node, resources_per_node.",
    ]
    assert [mistake.place for mistake in error.mistakes][1] == ("spec", "trainer", "env", 0, "name")


def test_an_attribute_that_is_not_there_is_an_error_of_ours_and_of_pythons() -> None:
    with pytest.raises(KubeflowError, match="Did you mean 'num_nodes'?") as caught:
        Trainer().num_nods = 2  # type: ignore[attr-defined]
    assert isinstance(caught.value, AttributeError)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Trainer.model_validate({"numNodes": "3"}),
            "Trainer.numNodes must be a valid integer, not '3'. Did you mean 3?",
        ),
        (lambda: Trainer.model_validate({"numNode": 3}), "Trainer has no field 'numNode'. Did you mean 'num_nodes'?"),
        (
            lambda: Trainer.model_validate_json('{"numNodes": "3"}'),
            "Trainer.numNodes must be a valid integer, not '3'. Did you mean 3?",
        ),
        (
            lambda: Trainer.from_dict({"numNodes": 1, "num_nodes": 2}),
            "Trainer is given 'num_nodes' and 'numNodes', which are one field. Keep one.",
        ),
        (
            lambda: TrainJob(apiVersion="a", api_version="a"),  # type: ignore[call-arg, arg-type]
            "TrainJob is given 'api_version' and 'apiVersion', which are one field. Keep one.",
        ),
        (
            lambda: EnvVar.from_dict({"name": "a", "valueFrom": 3}),
            "EnvVar.valueFrom must be an EnvVarSource or a mapping of its fields, not 3",
        ),
        (lambda: ObjectMeta.from_dict({"labels": [1]}), "ObjectMeta.labels must be a mapping, not [1]"),
        (lambda: ObjectMeta.from_dict({"labels": {1: "a"}}), "ObjectMeta.labels must have strings as keys, not 1"),
        (lambda: Trainer.from_dict({1: "a"}), "Trainer must have strings as keys, not 1"),  # type: ignore[dict-item]
    ],
)
def test_every_way_in_tells_a_mistake_in_the_same_words(make: Callable[[], object], text: str) -> None:
    assert text in str(refused(make))


def test_what_is_no_mapping_is_refused() -> None:
    for wrong in (3, [("image", "a")], "image: a"):
        with pytest.raises(KubeflowError, match="Trainer: expected a mapping of its fields, not"):
            Trainer.from_dict(wrong)  # type: ignore[arg-type]


def test_what_has_no_form_in_json_is_refused_in_our_words() -> None:
    metadata = ObjectMeta.from_dict({"managedFields": [{"fieldsV1": {"a": object()}}]})
    for write in (metadata.to_dict, metadata.to_json, metadata.to_yaml):
        with pytest.raises(KubeflowError, match="ObjectMeta holds what JSON has no form for"):
            write()


def test_the_json_schema_of_a_model_takes_what_from_dict_takes() -> None:
    judge = Draft202012Validator(TrainJob.model_json_schema())
    good = {"spec": {"runtimeRef": {"name": "a"}, "trainer": {"resourcesPerNode": {"limits": {"cpu": "500m"}}}}}
    assert judge.is_valid(good)
    for path, value in (
        (("spec", "trainer", "numNode"), 1),
        (("spec", "trainer", "numNodes"), "1"),
        (("unknown",), 1),
        (("status",), {}),
        (("spec", "trainer", "resourcesPerNode", "limits", "cpu"), "2 cores"),
    ):
        wrong = copy.deepcopy(good)
        place: dict[str, object] = wrong  # type: ignore[assignment]
        for step in path[:-1]:
            place = place[step]  # type: ignore[assignment]
        place[path[-1]] = value
        assert not judge.is_valid(wrong), path
        with pytest.raises(InvalidObject):
            TrainJob.from_dict(wrong)


def test_the_json_schema_of_a_model_with_any_other_fields_allows_them() -> None:
    class Anything(OpenModel):
        name: str

    assert Anything.from_dict({"name": "a", "other": 1}).to_dict() == {"name": "a", "other": 1}
    assert Draft202012Validator(Anything.model_json_schema()).is_valid({"name": "a", "other": 1})

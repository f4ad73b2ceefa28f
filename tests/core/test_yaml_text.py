"""YAML is read strictly, with the line of what is wrong, and written so that it reads back as what it was."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubeflow_api.k8s.core.v1 import Container, EnvVar
from kubeflow_api.k8s.meta.v1 import Condition, ObjectMeta
from kubeflow_api.trainer.v1alpha1 import Trainer, TrainJob

from kubeflow.core import yaml_text
from kubeflow.core.errors import InvalidInput, InvalidObject


def test_a_key_that_stands_twice_is_an_error_with_both_lines() -> None:
    with pytest.raises(InvalidInput) as caught:
        Trainer.from_yaml("image: a\nnumNodes: 1\nenv:\n- {name: A}\nnumNodes: 2\n")
    assert str(caught.value) == "Trainer: line 5: the key 'numNodes' is there twice, first in line 2; keep one"


@pytest.mark.parametrize(
    "text",
    [
        "env:\n- name: A\n  value: x\n  name: B\n",  # in a list
        "labels: {a: b, a: b}\n",  # with the same value
        'labels:\n  "a": b\n  a: c\n',  # written in two ways
        "labels: {1: a, 1: b}\n",  # no text
    ],
)
def test_a_key_that_stands_twice_is_found_at_any_depth(text: str) -> None:
    with pytest.raises(InvalidInput, match="is there twice"):
        (Trainer if text.startswith("env") else ObjectMeta).from_yaml(text)


def test_a_key_may_override_what_is_merged_into_its_mapping() -> None:
    text = "env:\n- &a {name: A, value: x}\n- {<<: *a, value: y}\n"
    assert Trainer.from_yaml(text) == Trainer(env=[EnvVar(name="A", value="x"), EnvVar(name="A", value="y")])


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("on", "a boolean"), ("No", "a boolean"), ("yes", "a boolean"), ("true", "a boolean"),
        ("0123", "a number"), ("1.10", "a number"), ("1_000", "a number"), ("0x1F", "a number"), ("12:30:45", "a number"),
        ("1e3", "nothing of the kind"), ("1.0e+3", "a number"), ("-7", "a number"),
        ("2024-01-31", "a time"), ("2024-01-31T10:00:00Z", "a time"), ("2024-01-31 10:00:00", "a time"),
        ("~", "nothing"), ("null", "nothing"),
    ],
)  # fmt: skip
def test_a_text_that_yaml_reads_as_something_else_is_to_be_quoted(written: str, read_as: str) -> None:
    text = f"# a comment\nname: {written}\n"
    if read_as == "nothing of the kind":  # YAML 1.1 wants a point and a sign
        assert EnvVar.from_yaml(text).name == written
        return
    with pytest.raises(InvalidObject) as caught:
        EnvVar.from_yaml(text)
    assert str(caught.value) == (
        f'EnvVar.name must be a string, and YAML reads {written} as {read_as}; quote it: "{written}" (line 2)'
    )
    assert EnvVar.from_yaml(f'name: "{written}"').name == written


def test_a_list_a_map_and_its_keys_are_to_be_quoted_too() -> None:
    with pytest.raises(InvalidObject) as caught:
        TrainJob.from_yaml(
            "metadata:\n  labels:\n    version: 1.10\n    on: main\n"
            "spec:\n  runtimeRef: {name: a}\n  trainer:\n    args:\n    - -v\n    - 0123\n"
        )
    assert str(caught.value).splitlines()[1:] == [
        '  metadata.labels.version must be a string, and YAML reads 1.10 as a number; quote it: "1.10" (line 3)',
        '  metadata.labels must have strings as keys, and YAML reads on as a boolean; quote it: "on" (line 4)',
        '  spec.trainer.args[1] must be a string, and YAML reads 0123 as a number; quote it: "0123" (line 10)',
    ]


def test_a_choice_between_texts_is_to_be_quoted_when_it_is_one_of_them() -> None:
    head = 'type: a\nreason: b\nmessage: ""\nlastTransitionTime: 2024-01-31T10:00:00Z\nstatus: '
    with pytest.raises(InvalidObject, match=r'YAML reads True as a boolean; quote it: "True" \(line 5\)'):
        Condition.from_yaml(head + "True")
    with pytest.raises(InvalidObject, match=r"must be 'True', 'False' or 'Unknown', not False"):
        Condition.from_yaml(head + "off")


def test_a_text_for_a_number_is_told_of_as_such() -> None:
    with pytest.raises(InvalidObject, match=r"^Trainer.numNodes must be a valid integer, not '3'. Did you mean 3\?$"):
        Trainer.from_yaml("numNodes: '3'")


def test_a_time_needs_no_quotes_where_a_time_is_wanted_and_is_kept_as_it_stands() -> None:
    metadata = ObjectMeta.from_yaml("creationTimestamp: 2024-01-31T10:00:00.123456789Z")
    assert metadata.creation_timestamp is not None
    assert metadata.creation_timestamp.year == 2024
    assert metadata.to_dict() == {"creationTimestamp": "2024-01-31T10:00:00.123456789Z"}
    with pytest.raises(InvalidObject, match="creationTimestamp"):
        ObjectMeta.from_yaml("creationTimestamp: 2024-01-31")


def test_a_date_in_a_free_form_field_stays_the_text_that_stands_there() -> None:
    managed = ObjectMeta.from_yaml("managedFields: [{fieldsV1: {a: 2024-01-31, b: 2024-02-30}}]")
    assert managed.to_dict() == {"managedFields": [{"fieldsV1": {"a": "2024-01-31", "b": "2024-02-30"}}]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image: !!python/object:os.system {}", "line 1: the tag !!python/object:os.system stands for"),
        ("image: !!binary aGk=", "line 1: the tag !!binary stands for"),
        ("numNodes: .inf", "line 1: .inf is no number that JSON has"),
        ("image: a\n---\nimage: b", "line 2: another document begins here"),
        ("image: &a [*a]", "not one YAML document: line 1: found unconstructable recursive node"),
        ("image: [", "not one YAML document: line "),
        ("image: a\n  b: c", "not one YAML document: line 2"),
        ("image: \x07", "not one YAML document"),
        ("[" * 5000, "YAML"),
        ("", "this is nothing"),
        ("job.yaml", "Give the text, not the path, of one"),
    ],
)
def test_what_is_no_object_of_an_api_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Trainer.from_yaml(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="expected the text of a YAML document, not dict"):
        Trainer.from_yaml({"image": "a"})  # type: ignore[arg-type]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda below: st.lists(below) | st.dictionaries(st.text(), below), max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(value=st.dictionaries(st.text(), JSON))
def test_any_json_object_is_read_back_as_it_was_written(value: dict[str, object]) -> None:
    assert yaml_text.read_object(yaml_text.write(value), "Object", dict) == value


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
def test_a_large_object_is_read_and_written_by_libyaml() -> None:
    env = [EnvVar(name=f"NAME_{number}", value="x" * 20) for number in range(1_000)]
    container = Container(name="node", env=env)
    text = container.to_yaml()

    def cost(read: Callable[[str], object]) -> float:
        begin = time.process_time()
        assert read(text)
        return time.process_time() - begin

    assert Container.from_yaml(text) == container
    # In turns, as a machine is slow at times.
    costs = [(cost(Container.from_yaml), cost(yaml.safe_load)) for _ in range(3)]
    assert min(ours for ours, _ in costs) < min(theirs for _, theirs in costs) / 2

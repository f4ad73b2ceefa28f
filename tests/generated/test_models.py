"""Objects drawn from the pinned schema: models keep them unchanged, and judge them as a JSON Schema validator does."""

from __future__ import annotations

import copy
import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from kubeflow_api.trainer import v1alpha1
from pydantic.alias_generators import to_camel

from codegen import config
from codegen.schema.definitions import is_union
from codegen.schema.naming import attribute, location
from kubeflow.core.errors import InvalidObject
from kubeflow.core.model import Model
from tests.draws import draws
from tests.generated.drawing import JSON, ROOT, at, changed, definitions, judge, kinds, objects, places

KINDS = sorted(kinds())
TRAIN_JOB = "trainer.v1alpha1.TrainJob"

slow = settings(
    max_examples=draws(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def model(kind: str) -> type[Model]:
    package, _, name = kind.rpartition(".")
    found: type[Model] = getattr(import_module(f"kubeflow_api.{package}"), name)
    assert issubclass(found, Model)
    return found


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_parse_then_dump_changes_nothing(kind: str, data: st.DataObject) -> None:
    drawn = data.draw(objects(kind))
    assert judge(kind).is_valid(drawn)
    assert model(kind).from_server(drawn).to_dict() == drawn
    assert model(kind).from_dict(drawn).to_dict() == drawn


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_unknown_fields_from_a_server_survive_at_any_depth(kind: str, data: st.DataObject) -> None:
    drawn = data.draw(objects(kind))
    containers = [(), *(path for path in places(drawn) if isinstance(at(drawn, path), dict))]
    sent = copy.deepcopy(drawn)
    for path in data.draw(st.lists(st.sampled_from(containers), min_size=1, max_size=3)):
        if not set(path) & {
            "labels",
            "annotations",
            "matchLabels",
            "limits",
            "requests",
            "trialSpec",
            "runSpec",
            "primaryPodLabels",
        }:
            at(sent, path)["x-of-a-newer-server"] = data.draw(JSON)
    assert model(kind).from_server(sent).to_dict() == sent


@pytest.mark.parametrize("kind", KINDS)
@slow
@given(data=st.data())
def test_a_spoilt_object_is_judged_as_by_json_schema(kind: str, data: st.DataObject) -> None:
    drawn = data.draw(objects(kind))
    path = data.draw(st.sampled_from([path for path in places(drawn) if path not in (("apiVersion",), ("kind",))]))
    spoilt = data.draw(spoilings(drawn, path))
    allowed = judge(kind).is_valid(spoilt)
    assume(not known_difference(spoilt, path))
    try:
        model(kind).from_dict(spoilt)
    except InvalidObject as error:
        assert not allowed, f"refused by the model only: {error}"
    else:
        assert allowed, "accepted by the model only"


@st.composite
def spoilings(draw: st.DrawFn, drawn: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """Draw a copy of `drawn` in which the value at `path` is replaced by another, or gone."""
    values: list[Any] = ["text", "", 0, -1, 10**6, 1.5, True, "x" * 70_000, [], ["a"], [{}], {}, {"name": "n"}, None]
    if draw(st.booleans()):
        return changed(drawn, path, lambda container, key: container.__delitem__(key))
    value = draw(st.sampled_from(values))
    return changed(drawn, path, lambda container, key: container.__setitem__(key, value))


def known_difference(spoilt: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """Return whether the two may differ at `path`, for one of these reasons:

    - *null*: a model takes None for any optional field, as the API server does for fields that are not nullable.
    - *unknown fields*: what a user writes must be known; JSON Schema ignores what it does not know.
    - *free objects*: in `fieldsV1` and trial templates anything goes, for both; nothing to compare.
    - *defaults*: a required field that has one may be left out, because the server fills it in first.
    """
    if {"fieldsV1", "trialSpec", "runSpec"} & set(path):
        return True
    try:
        value = at(spoilt, path)
    except (KeyError, IndexError):
        return path[-1] in _filled_in()
    if value is None:
        return True
    samples = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and item for item in samples)


@cache
def _filled_in() -> set[str]:
    nodes = definitions().values()
    return {name for node in nodes for name in node.get("required", ()) if "default" in node["properties"][name]}


def test_every_pinned_field_is_a_field_of_its_model_under_its_wire_name() -> None:
    configuration = config.load(ROOT)
    seen = 0
    for definition, schema in definitions().items():
        if definition in configuration.types:
            continue
        package, name = location(configuration, definition)
        made = getattr(import_module(f"kubeflow_api.{package}"), name)
        if is_union(schema):
            members, tags = get_args(made)
            expected = {tag: node.rpartition(".")[2] for tag, node in schema["discriminator"]["mapping"].items()}
            assert {each.__name__ for each in get_args(members)} == set(expected.values())
            assert {tag: each.__name__ for tag, each in tags.models.items()} == expected
            continue
        found: type[Model] = made
        wire = {attribute(field): field for field in schema.get("properties", {})}
        assert set(found.model_fields) == set(wire), definition
        for python_name, field in wire.items():
            assert found.model_fields[python_name].alias in (field, None)
            assert found.model_fields[python_name].alias or to_camel(python_name) == field
            # The server sets a default before it looks for what is required.
            required = field in schema.get("required", []) and "default" not in schema["properties"][field]
            assert found.model_fields[python_name].is_required() == required
            seen += 1
    assert seen > 900


@pytest.mark.parametrize(
    ("difference", "extra", "by_schema", "by_model"),
    [
        ("null", {"status": None}, False, True),
        ("unknown fields", {"unknown": 1}, True, False),
        ("identity", {"kind": "Pod"}, True, False),
    ],
)
def test_the_known_differences_are_real(
    difference: str, extra: dict[str, Any], by_schema: bool, by_model: bool
) -> None:
    values = {"spec": {"runtimeRef": {"name": "x"}}, **extra}
    assert judge(TRAIN_JOB).is_valid(values) is by_schema, difference
    try:
        v1alpha1.TrainJob.from_dict(values)
    except InvalidObject:
        assert not by_model, difference
    else:
        assert by_model, difference


UPSTREAM = os.environ.get("KUBEFLOW_TEST_UPSTREAM")
MANIFESTS = sorted(Path(UPSTREAM).glob("trainer/v2.3.0/manifests/base/runtimes/**/*.yaml")) if UPSTREAM else []


@pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with the control planes' releases")
def test_every_upstream_runtime_manifest_parses_and_dumps_to_itself() -> None:
    seen: list[str] = []
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            if document["kind"] == "Kustomization":
                continue
            kind = model("trainer.v1alpha1." + document["kind"])
            assert kind.from_dict(document).to_dict() == document, path.name
            assert kind.from_server(document).to_dict() == document, path.name
            assert kind.from_yaml(kind.from_dict(document).to_yaml()).to_dict() == document, path.name
            seen.append(document["metadata"]["name"])
    assert len(seen) >= 8
    assert "torch-distributed" in seen

"""The availability table: rows for what differs between minors, folded, and nothing for what does not."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

import pytest
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.katib.v1beta1 import Experiment, ExperimentSpec

from codegen import config
from codegen.comparison.contract import Contract, from_pin
from codegen.errors import CodegenError
from codegen.minors import field_table
from codegen.minors.field_table import FieldRow, FieldTable, Replaced, tables
from kubeflow.core.availability import Availability, Field
from tests.codegen.conftest import ROOT


def contract(fields: dict[str, Any]) -> Contract:
    """Return the contract of one kind `Robot` with these fields in its spec."""
    spec = {"type": "object", "properties": fields}
    kind = {"type": "object", "properties": {"metadata": {"type": "object"}, "spec": spec}}
    document: Any = {
        "components": {"schemas": {"w.v1.Robot": kind}},
        "x-kinds": [{"kind": "Robot", "listKind": "RobotList", "subresources": []}],
    }
    return from_pin("test", document, "w.v1")


def table(*states: dict[str, Any], replaced: tuple[Replaced, ...] = ()) -> FieldTable:
    names = [f"1.{index}" for index in range(len(states))]
    return tables(names, [contract(state) for state in states], replaced)["Robot"]


TEXT = {"type": "string"}
LARGE: dict[str, Any] = {
    "type": "object",
    "properties": {"part": {"type": "object", "properties": dict.fromkeys("abcdefghijklmnopqrst", TEXT)}},
}


def listed(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def test_what_all_minors_have_makes_no_row() -> None:
    assert table({"a": TEXT}, {"a": TEXT}) == FieldTable((), ())


def test_a_subtree_is_one_row_unless_something_in_it_differs() -> None:
    later = {"type": "object", "properties": {**LARGE["properties"], "late": TEXT}}
    result = table({}, {"parts": listed(LARGE)}, {"parts": listed(later)})
    assert result.fields == (FieldRow("spec.parts", "1.1", None), FieldRow("spec.parts[*].late", "1.2", None))


def test_a_field_that_goes_and_comes_back_has_a_row_for_each_time() -> None:
    result = table({"a": TEXT}, {}, {"a": TEXT}, {"a": TEXT})
    assert result.fields == (FieldRow("spec.a", None, "1.0", content="'string'"), FieldRow("spec.a", "1.2", None))


def test_a_renamed_subtree_says_what_took_its_place_and_where_its_content_went() -> None:
    deeper = {"type": "object", "properties": {"who": TEXT, "inner": LARGE}}
    result = table({"old": listed(LARGE)}, {"new": listed(deeper)})
    assert tuple(replace(row, content=None) for row in result.fields) == (
        FieldRow("spec.new", "1.1", None),
        FieldRow("spec.old", None, "1.0", "spec.new", ("spec.old[*]", "spec.new[*].inner")),
    )


def test_limits_are_listed_where_the_minors_differ() -> None:
    result = table(
        {"a": TEXT, "b": TEXT, "c": {"x-kubernetes-int-or-string": True}},
        {"a": {**TEXT, "maxLength": 5}, "b": {**TEXT, "enum": ["x"]}, "c": {"type": "integer"}},
        {"a": {**TEXT, "maxLength": 9}, "b": {**TEXT, "enum": ["x", "y"]}, "c": {"type": "integer"}},
    )
    assert [(row.path, row.since, row.until, row.type, row.enum, row.most) for row in result.limits] == [
        ("spec.a", "1.1", "1.1", None, None, 5),
        ("spec.a", "1.2", None, None, None, 9),
        ("spec.b", "1.1", "1.1", None, ("x",), None),
        ("spec.b", "1.2", None, None, ("x", "y"), None),
        ("spec.c", None, "1.0", "int-or-string", None, None),
        ("spec.c", "1.1", None, "integer", None, None),
    ]


def test_a_replacement_kept_by_hand_fills_the_row() -> None:
    entry = Replaced("w", "Robot", "spec.a", "spec.b", "why")
    assert table({"a": TEXT}, {"b": TEXT}, replaced=(entry,)).fields[0] == FieldRow(
        "spec.a", None, "1.0", "spec.b", content="'string'"
    )


def test_a_removed_field_says_what_it_held() -> None:
    inner = {"type": "object", "required": ["name"], "properties": {"name": TEXT, "size": {"type": "integer"}}}
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    held = {
        "type": "object",
        "properties": {
            "items": listed(inner),
            "labels": {"type": "object", "additionalProperties": TEXT},
            "free": free,
        },
    }
    (row,) = table({"old": held}, {}).fields
    assert ast.literal_eval(row.content or "") == {
        "items": [{"name!": "string", "size": "integer"}], "labels": {"*": "string"}, "free": "any"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (Replaced("w", "Robot", "spec.b", "spec.a", ""), "no release removed 'spec.b' from Robot; remove the entry"),
        (Replaced("w", "Robot", "spec.a", "spec.z", ""), "'spec.z', in the place of 'spec.a', is no field of Robot"),
        (Replaced("w", "Arm", "spec.a", "spec.b", ""), "there is no kind 'Arm'; there are: Robot"),
    ],
)
def test_a_replacement_that_matches_nothing_fails(entry: Replaced, problem: str) -> None:
    with pytest.raises(CodegenError, match=problem):
        table({"a": TEXT}, {"b": TEXT}, replaced=(entry,))


def test_the_table_of_trainer_is_thin() -> None:
    component = config.load(ROOT).component("trainer")
    result = field_table.load(ROOT, component)
    assert field_table.minors(component)[:4] == ("2.0", "2.1", "2.2", "2.3")
    assert sorted(result) == sorted(component.kinds)
    assert result["TrainingRuntime"] == result["ClusterTrainingRuntime"]
    assert sum(len(each.fields) + len(each.limits) for _, each in field_table.grouped(result)) < 80


def test_a_kind_that_a_minor_lacks_is_told_of() -> None:
    without, with_it = from_pin("test", {"components": {"schemas": {}}, "x-kinds": []}, "w.v1"), contract({"a": TEXT})
    (row, *others) = tables(["1.0", "1.1"], [without, with_it])["Robot"].fields
    assert row == FieldRow("", since="1.1", until=None)
    assert others == []
    rows = {"Experiment": (Field(row.path, since=row.since),)}
    known = Availability("Workshop", ("1.0", "1.1"), rows, {"Experiment": ()})
    experiment = Experiment(metadata=ObjectMeta(name="a"), spec=ExperimentSpec.from_server({}))
    assert known.check(experiment, "1.1") == []
    (finding,) = known.check(experiment, "1.0")
    assert str(finding) == "Workshop 1.0 has no Experiment; it came with 1.1"
    assert finding.since == "1.1"

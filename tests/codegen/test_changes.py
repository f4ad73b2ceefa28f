"""The classes of change that no pinned release shows: kinds, required fields, documents without names, recursion."""

from __future__ import annotations

from typing import Any

from codegen.comparison.change import EFFECTS, Change
from codegen.comparison.contract import Contract, from_openapi, from_pin
from codegen.comparison.differ import diff
from codegen.comparison.tree import expand
from codegen.config import Component
from tests.codegen.mutations import INVERSE

TEXT = {"type": "string"}
ROBOT = {
    "kind": "Robot", "listKind": "RobotList", "group": "w", "version": "v1", "plural": "robots", "singular": "robot",
    "scope": "Namespaced", "subresources": ["status"], "shortNames": [], "categories": [], "printerColumns": [], "storage": True,
}  # fmt: skip
WORKSHOP = Component(
    "workshop", "https://example.org", ("v1.0.0",), None, "*", "w", "v1", "w.v1", ("Robot",), (), {}, {}
)  # fmt: skip


def pin(fields: Any, *, kind: Any = ROBOT, definitions: Any = None, required: Any = ()) -> Contract:
    spec = {"type": "object", "properties": fields, "required": list(required)}
    root = {"type": "object", "properties": {"spec": spec}}
    schemas = {f"w.v1.{kind['kind']}": root, **(definitions or {})}
    document: Any = {"components": {"schemas": schemas}, "x-kinds": [kind]}
    return from_pin("test", document, "w.v1")


def only(old: Contract, new: Contract) -> Change:
    (change,) = diff(old, new).changes
    return change


def test_facts_of_a_kind() -> None:
    base = pin({})
    assert only(base, pin({}, kind=ROBOT | {"scope": "Cluster"})).what == "scope-changed"
    assert only(base, pin({}, kind=ROBOT | {"plural": "machines"})).what == "names-changed"
    assert only(base, pin({}, kind=ROBOT | {"subresources": []})).what == "subresource-removed"
    assert only(base, pin({}, kind=ROBOT | {"subresources": ["scale", "status"]})).what == "subresource-added"
    columns = only(base, pin({}, kind=ROBOT | {"printerColumns": [{"name": "Model"}]}))
    assert columns.what == "presentation-changed"
    assert diff(base, pin({}, kind=ROBOT | {"shortNames": ["rb"]})).verdict == "patch"


def test_a_kind_that_went_and_one_that_came() -> None:
    other = pin({}, kind=ROBOT | {"kind": "Arm", "listKind": "ArmList"})
    result = diff(pin({}), other)
    assert [(change.what, change.owner) for change in result.changes] == [
        ("kind-removed", "Robot"),
        ("kind-added", "Arm"),
    ]
    assert result.verdict == "major"


def test_a_new_field_breaks_writers_only_when_it_is_required() -> None:
    added = only(pin({}), pin({"a": TEXT}))
    assert (added.effects.writers, added.effects.readers) == ("none", "none")
    assert diff(pin({}), pin({"a": TEXT})).verdict == "minor"
    required = only(pin({}), pin({"a": TEXT}, required=["a"]))
    assert (required.effects.writers, required.effects.readers) == ("breaks", "none")


def test_a_scalar_is_never_taken_for_renamed() -> None:
    result = diff(pin({"a": TEXT}), pin({"b": TEXT}))
    assert sorted(change.what for change in result.changes) == ["field-added", "field-removed"]


def test_the_order_of_an_enum_and_the_white_space_of_a_rule_say_nothing() -> None:
    old = {**TEXT, "enum": ["a", "b"], "x-kubernetes-validations": [{"rule": "self  !=\n 'a'", "message": "m"}]}
    new = {**TEXT, "enum": ["b", "a"], "x-kubernetes-validations": [{"rule": "self != 'a'", "message": "m"}]}
    assert diff(pin({"a": old}), pin({"a": new})).changes == ()


def test_a_map_that_becomes_an_object_is_one_change_of_type() -> None:
    mapping = {"type": "object", "additionalProperties": TEXT}
    change = only(pin({"a": mapping}), pin({"a": {"type": "object", "properties": {"x": TEXT}}}))
    assert (change.what, change.details[0].before, change.details[0].after) == ("type-changed", "map", "object")


def test_a_definition_inside_itself_ends_and_is_compared() -> None:
    def tree(limit: int) -> Any:
        link = {"$ref": "#/components/schemas/w.v1.Tree"}
        properties = {"name": {**TEXT, "maxLength": limit}, "below": {"type": "array", "items": link}}
        return {"w.v1.Tree": {"type": "object", "properties": properties}}

    root = {"tree": {"$ref": "#/components/schemas/w.v1.Tree"}}
    change = only(pin(root, definitions=tree(5)), pin(root, definitions=tree(4)))
    assert (change.what, change.owner, change.at) == ("bound-tightened", "Tree", "name")


def test_a_field_that_a_cluster_leaves_open_is_reported_and_not_compared() -> None:
    large = {"type": "object", "properties": {"a": TEXT, "b": TEXT}}
    opened = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    identity = [{"group": "w", "version": "v1", "kind": "Robot"}]
    spec = {"type": "object", "properties": {"parts": opened, "name": TEXT}}
    schema = {"type": "object", "properties": {"spec": spec}, "x-kubernetes-group-version-kind": identity}
    served: Any = {"components": {"schemas": {"any.Robot": schema}}}
    result = diff(pin({"parts": large, "name": TEXT}), from_openapi("cluster", served, WORKSHOP))
    assert result.changes == ()
    assert result.opaque == ("Robot.spec.parts",)


def test_the_outline_of_a_tree_counts_fields_in_their_place() -> None:
    node = expand({"type": "object", "properties": {"a": {"type": "array", "items": TEXT}}}, {}, "test")
    assert node.outline() == {("", "a", "array"): 1, ("a", "[]", "string"): 1}


def test_effects_mirror_each_other() -> None:
    for what, inverse in INVERSE.items():
        assert INVERSE[inverse] == what
        if what.startswith(("type", "required", "enum", "bound", "rule", "immutability")):
            assert "breaks" in (EFFECTS[what].writers, EFFECTS[inverse].writers)

"""Rules over objects: what a rule sees, where it runs, and what is said when it is broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from kubeflow_api.k8s.core.v1 import EnvVar
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import RuntimeRef, Trainer, TrainJob, TrainJobSpec, validate_rules

from kubeflow.core import cel
from kubeflow.core.errors import InvalidInput
from kubeflow.core.model import KubeObject
from kubeflow.core.rules import Rule, RuleViolation, Shape, Violation, violations


class Thing(KubeObject):
    API_VERSION: ClassVar[str] = "example.org/v1"
    KIND: ClassVar[str] = "Thing"

    api_version: str | None = None
    kind: str | None = None
    spec: dict[str, object] | None = None
    metadata: dict[str, object] | None = None


IMMUTABLE = Rule("self == oldSelf", "fixed", cel.equal, transition=True)
POSITIVE = Rule("self > 0", "not positive", lambda this, old: cel.greater(this, 0))
NAMED = Shape(of="named")


def check(
    spec_shape: Shape, new: Mapping[str, Any], old: Mapping[str, Any] | None = None, root: tuple[Rule, ...] = ()
) -> list[tuple[str, str]]:
    shapes = {
        "thing": Shape(fields={"spec": spec_shape}, rules=root),
        "named": Shape(fields={"size": Shape(rules=(POSITIVE,)), "port": Shape(rules=(IMMUTABLE,))}),
    }
    before = None if old is None else Thing(spec=dict(old))
    return [(found.path, found.message) for found in violations(shapes, "thing", Thing(spec=dict(new)), before)]


def fields(**shapes: Shape) -> Shape:
    return Shape(fields=shapes)


def test_a_rule_runs_only_where_there_is_a_value() -> None:
    shape = fields(a=Shape(rules=(POSITIVE,)))
    assert check(shape, {}) == []
    assert check(shape, {"a": None}) == [], "null is absent, as to the server"
    assert check(shape, {"a": 1}) == []
    assert check(shape, {"a": 0}) == [("spec.a", "not positive")]


def test_a_default_is_seen_by_rules_and_stands_for_what_is_absent_or_null() -> None:
    shape = fields(a=Shape(rules=(IMMUTABLE, POSITIVE), default=[5]))
    assert check(shape, {"a": 5}, {}) == []
    assert check(shape, {}, {"a": 5}) == []
    assert check(shape, {"a": None}, {"a": 5}) == []
    assert check(shape, {}, {"a": 6}) == [("spec.a", "fixed")]


def test_a_default_is_completed_by_the_defaults_below_it() -> None:
    inner = Shape(fields={"b": Shape(default=[0], rules=(POSITIVE,))}, default=[{}])
    assert check(fields(a=inner), {}) == [("spec.a.b", "not positive")]


def test_a_transition_needs_a_value_on_both_sides() -> None:
    shape = fields(a=Shape(rules=(IMMUTABLE,)))
    assert check(shape, {"a": 1}) == []
    assert check(shape, {"a": 1}, {}) == []
    assert check(shape, {}, {"a": 1}) == []
    assert check(shape, {"a": 1}, {"a": 1}) == []
    assert check(shape, {"a": 2}, {"a": 1}) == [("spec.a", "fixed")]


def test_items_are_correlated_by_their_keys_wherever_they_stand() -> None:
    shape = fields(a=Shape(items=NAMED, keys=("name",)))
    old = {"a": [{"name": "x", "port": 1}, {"name": "y", "port": 2}]}
    assert check(shape, {"a": [{"name": "y", "port": 2}, {"name": "x", "port": 1}]}, old) == []
    assert check(shape, {"a": [{"name": "new", "port": 9}, {"name": "y", "port": 3}]}, old) == [
        ("spec.a[1].port", "fixed")
    ]


def test_items_of_other_lists_have_no_old_value() -> None:
    shape = fields(a=Shape(items=NAMED))
    assert check(shape, {"a": [{"name": "x", "port": 2}]}, {"a": [{"name": "x", "port": 1}]}) == []


def test_values_of_a_map_are_correlated_by_their_key() -> None:
    shape = fields(a=Shape(values=NAMED))
    assert check(shape, {"a": {"x": {"port": 2}}}, {"a": {"x": {"port": 1}}}) == [("spec.a[x].port", "fixed")]
    assert check(shape, {"a": {"y": {"port": 2}}}, {"a": {"x": {"port": 1}}}) == []


def test_an_atomic_object_has_no_old_fields() -> None:
    shape = fields(a=Shape(of="named", atomic=True))
    assert check(shape, {"a": {"port": 2}}, {"a": {"port": 1}}) == []


def test_lists_are_equal_by_their_type() -> None:
    ordered, mapped, unique = (
        Shape(rules=(IMMUTABLE,)),
        Shape(rules=(IMMUTABLE,), keys=("name",)),
        Shape(rules=(IMMUTABLE,), unique=True),
    )
    one, other = [{"name": "x"}, {"name": "y"}], [{"name": "y"}, {"name": "x"}]
    assert check(fields(a=ordered), {"a": one}, {"a": other}) == [("spec.a", "fixed")]
    assert check(fields(a=mapped), {"a": one}, {"a": other}) == []
    assert check(fields(a=mapped), {"a": one[:1]}, {"a": other}) == [("spec.a", "fixed")]
    assert check(fields(a=mapped), {"a": [{"name": "x", "size": 2}, {"name": "y"}]}, {"a": other}) == [
        ("spec.a", "fixed")
    ]
    assert check(fields(a=unique), {"a": ["x", "y"]}, {"a": ["y", "x"]}) == []
    assert check(fields(a=unique), {"a": ["x", "z"]}, {"a": ["y", "x"]}) == [("spec.a", "fixed")]


def test_a_time_is_equal_however_it_is_written() -> None:
    shape = fields(a=Shape(rules=(IMMUTABLE,), format="date-time"))
    assert check(shape, {"a": "2025-01-01T02:00:00+02:00"}, {"a": "2025-01-01T00:00:00Z"}) == []
    assert check(shape, {"a": "2025-01-01T02:00:00Z"}, {"a": "2025-01-01T00:00:00Z"}) == [("spec.a", "fixed")]
    assert check(shape, {"a": "soon"}, {"a": "later"}) == [
        ("spec.a", "'soon' is no date-time, such as '2025-01-31T12:00:00Z'"),
        ("spec.a", "fixed"),
    ]


def test_what_an_update_leaves_alone_is_not_held_against_it() -> None:
    shape = fields(a=Shape(rules=(POSITIVE,)), b=Shape(items=NAMED, keys=("name",)), c=Shape(items=NAMED))
    broken = {"a": 0, "b": [{"name": "x", "size": 0}], "c": [{"name": "x", "size": 0}]}
    assert check(shape, {**broken, "d": 1}, broken) == [("spec.c[0].size", "not positive")], "no keys, no old value"
    assert check(shape, {**broken, "a": -1}, {**broken, "c": []}) == [
        ("spec.a", "not positive"),
        ("spec.c[0].size", "not positive"),
    ]


def test_rules_of_a_field_stand_beside_those_of_its_type() -> None:
    full = Rule("size(self) > 0", "not full", lambda this, old: cel.greater(cel.size(this), 0))
    shapes = {"thing": Shape(fields={"spec": Shape(of="t", rules=(IMMUTABLE, full))}), "t": Shape(rules=(full,))}
    old, new = Thing(spec={"a": 1}), Thing(spec={})
    assert [v.message for v in violations(shapes, "thing", new)] == ["not full"]
    assert [v.message for v in violations(shapes, "thing", new, old)] == ["not full", "fixed"]


def test_a_kind_without_rules_has_no_violations() -> None:
    assert violations({}, "thing", Thing(spec={"a": 1})) == []


def test_an_object_that_leaves_its_name_to_the_server_is_named_as_the_server_would() -> None:
    seen: list[object] = []

    def look(this: cel.Value, old: cel.Value) -> bool:
        seen.append(cel.field(cel.field(this, "metadata"), "name"))
        return True

    shapes = {"thing": Shape(rules=(Rule("", "", look),))}
    for metadata in ({"generateName": "a" * 60}, {"generateName": "a", "name": "b"}, {"name": "c"}):
        violations(shapes, "thing", Thing(metadata=dict(metadata)))
    assert seen == ["a" * 58 + "xxxxx", "b", "c"]


def raising(text: str) -> Callable[[cel.Value, cel.Value], cel.Value]:
    def test(this: cel.Value, old: cel.Value) -> cel.Value:
        raise cel.CelError(text)

    return test


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Rule("false", "", lambda this, old: False), "failed rule: false"),
        (Rule("1", "no bool", lambda this, old: 1), "no bool"),
        (Rule("r", "m", raising("no such key: a")), "no such key: a evaluating rule: m"),
        (Rule("r", "", raising("no such key: a")), "no such key: a evaluating rule: r"),
        (
            Rule("r", "m", raising("no such overload")),
            "'no such overload': call arguments did not match a supported operator, function or macro signature for rule: m",
        ),
        (Rule("r", "m", lambda this, old: False, explain=lambda this, old: "because"), "because"),
        (Rule("r", "m", lambda this, old: False, explain=lambda this, old: "two\nlines"), "m"),
        (Rule("r", "m", lambda this, old: False, explain=lambda this, old: " "), "m"),
        (Rule("r", "m", lambda this, old: False, explain=lambda this, old: 1), "m"),
        (Rule("r", "m", lambda this, old: False, explain=raising("no such key: a")), "m"),
    ],
)  # fmt: skip
def test_messages_are_the_servers(rule: Rule, message: str) -> None:
    assert check(Shape(rules=(rule,)), {}) == [("spec", message)]


def test_paths_name_the_field_that_a_rule_points_to() -> None:
    rule = Rule("r", "m", lambda this, old: False, below=".a.b")
    assert check(Shape(rules=(rule,)), {}) == [("spec.a.b", "m")]
    assert check(Shape(), {}, root=(rule,)) == [("a.b", "m")]
    assert check(Shape(), {}, root=(Rule("r", "m", lambda this, old: False),)) == [("", "m")]


def test_the_error_says_all_of_it() -> None:
    error = RuleViolation([Violation("spec.a", "fixed", "r"), Violation("", "bad", "s")])
    assert str(error) == "spec.a: fixed; the object: bad"
    assert isinstance(error, InvalidInput)
    assert [found.rule for found in error.violations] == ["r", "s"]


def test_an_item_that_is_in_a_list_map_or_a_set_twice_is_refused_as_the_server_refuses_it() -> None:
    def job(*names: str) -> TrainJob:
        trainer = Trainer(env=[EnvVar(name=name, value=str(number)) for number, name in enumerate(names)])
        return TrainJob(
            metadata=ObjectMeta(name="a"), spec=TrainJobSpec(runtime_ref=RuntimeRef(name="a"), trainer=trainer)
        )

    assert validate_rules(job("A", "B")) == []
    assert [(found.path, found.message) for found in validate_rules(job("A", "B", "A", "A"))] == [
        ("spec.trainer.env[2]", 'Duplicate value: {"name":"A"}'),
        ("spec.trainer.env[3]", 'Duplicate value: {"name":"A"}'),
    ]
    # What an update leaves as it was is not refused.
    assert validate_rules(job("A", "A"), job("A", "A")) == []
    changed = validate_rules(job("A", "A", "C"), job("A", "A"))
    assert "spec.trainer.env[1]" in [found.path for found in changed]


def test_a_key_that_is_left_out_has_its_default_when_items_are_compared() -> None:
    ports = Shape(items=Shape(fields={"protocol": Shape(default=["TCP"])}), keys=("port", "protocol"))
    shapes = {"kind": Shape(fields={"spec": Shape(fields={"ports": ports, "names": Shape(unique=True)})})}
    spec: dict[str, object] = {
        "ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}, {"port": 1, "protocol": "TCP"}],
        "names": ["a", "a"],
    }
    found = violations(shapes, "kind", Thing(spec=spec))
    assert [(each.path, each.message, each.rule) for each in found] == [
        ("spec.ports[2]", 'Duplicate value: {"port":1,"protocol":"TCP"}', "x-kubernetes-list-type: map"),
        ("spec.names[1]", 'Duplicate value: "a"', "x-kubernetes-list-type: set"),
    ]

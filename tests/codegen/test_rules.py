"""The rules of every pin: all can be lowered, and mean what an independent implementation of CEL says they mean."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import config
from codegen.comparison.keywords import compare
from codegen.comparison.tree import expand
from codegen.descriptions.constraints import constraints
from codegen.emitters.rules import rules_of
from codegen.emitters.update_types import updates_of
from codegen.schema.definitions import REF_PREFIX, reference
from codegen.schema.jsontypes import Object
from tests.codegen.conftest import ROOT, Workshop
from tests.codegen.oracle import alike, ours, theirs
from tests.codegen.test_generate import python

_TRAINER = config.load(ROOT).component("trainer")
PINS = [_TRAINER.pin_file(release) for release in _TRAINER.pinned]


@dataclass(frozen=True)
class Place:
    """One rule where it stands."""

    pin: str
    path: str
    rule: str
    node: dict[str, Any]
    root: bool


def document(pin: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "schemas" / pin).read_text("utf-8"))
    return found


DEFINITIONS: dict[str, dict[str, Any]] = {pin: document(pin)["components"]["schemas"] for pin in PINS}


def places(pin: str) -> Iterator[Place]:
    def visit(node: Any, path: tuple[str, ...]) -> Iterator[Place]:
        if isinstance(node, dict):
            for entry in node.get("x-kubernetes-validations", []):
                yield Place(pin, "/".join(path), entry["rule"], node, len(path) == 1)
            for key, child in node.items():
                yield from visit(child, (*path, key))

    for name, definition in DEFINITIONS[pin].items():
        yield from visit(definition, (name,))


PLACES = [place for pin in PINS for place in places(pin)]


@pytest.mark.parametrize("pin", PINS)
def test_every_rule_of_every_pin_is_lowered(pin: str) -> None:
    kinds = [kind["definition"] for kind in document(pin)["x-kinds"]]
    lowered = rules_of(pin, DEFINITIONS[pin], kinds).rules
    written = [rule for rule in lowered if not rule.text.startswith("must fit the schema ")]
    assert {rule.text for rule in written} == {place.rule for place in places(pin)}
    assert {rule.transition for rule in written} == {True, False}


# -- objects that break rules about as often as they keep them ------------------------------------------------------


def values(place: Place, node: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    """Draw a value of the schema `node`, biased towards what the rule at `place` speaks of."""
    target = reference(node)
    if target:
        node = {**DEFINITIONS[place.pin][target], **node}
    quoted = re.findall(r"'([^']*)'", place.rule)
    texts = st.sampled_from(["x" * 64, *quoted, "", "1", "2", "-1", "node", "a-b", "A", "s3://b/k", "-a", "é", "a\n"])
    integers = st.integers(-1, 2)
    if node.get("x-kubernetes-int-or-string") or "oneOf" in node:
        return texts | integers
    kind = node["type"]
    if kind == "array":
        return st.lists(values(place, node["items"], depth - 1), max_size=2 if depth > 0 else 0)
    if kind == "object" and "additionalProperties" in node:
        return st.dictionaries(texts, values(place, node["additionalProperties"], depth - 1), max_size=2)
    if kind == "object":
        return objects(place, node, depth)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    return {"string": texts, "integer": integers, "boolean": st.booleans()}[kind]


@st.composite
def objects(draw: st.DrawFn, place: Place, node: dict[str, Any], depth: int) -> dict[str, Any]:
    fields = dict(node.get("properties", {}))
    if place.root and depth == DEEP:
        fields["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}
    named = [name for name in fields if re.search(rf"\b{re.escape(name)}\b", place.rule)]
    required = node.get("required", [])
    chosen = {name for name in named if draw(st.integers(0, 4))}
    if depth > 0:
        chosen |= set(draw(st.lists(st.sampled_from(sorted(fields)), max_size=2))) if fields else set()
    return {name: draw(values(place, fields[name], depth - 1)) for name in fields if name in chosen or name in required}


DEEP = 4


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.pin}-{place.path}-{place.rule}"[:120])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_both_agree_on_objects_of_the_schema(place: Place, data: st.DataObject) -> None:
    drawn = values(place, place.node, DEEP)
    this = data.draw(drawn)
    old = data.draw(st.just(copy.deepcopy(this)) | drawn)
    mine = ours(place.rule, this, old, place.node, DEFINITIONS[place.pin], place.root)
    assert alike(mine, theirs(place.rule, this, old))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([1.5, "", "node", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["torch", "mpi", "metadata", "name", "templates", "namespace"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("rule", sorted({place.rule for place in PLACES}))
@settings(max_examples=60, deadline=None)
@given(this=JSON, old=JSON)
def test_both_agree_on_objects_of_no_schema(rule: str, this: object, old: object) -> None:
    assert alike(ours(rule, this, old), theirs(rule, this, old))


def test_every_rule_was_seen_broken_and_kept() -> None:
    """The draws above would prove little if they never broke a rule: here each rule's own examples do both."""
    for rule in sorted({place.rule for place in PLACES}):
        place = next(place for place in PLACES if place.rule == rule)
        seen = {
            ours(rule, this, old, place.node, DEFINITIONS[place.pin], place.root)[1] for this, old in examples(place)
        }
        assert seen >= {True, False}, rule


def examples(place: Place) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(this=values(place, place.node, DEEP), old=values(place, place.node, DEEP), same=st.booleans())
    def collect(this: Any, old: Any, same: bool) -> None:
        found.append((this, this if same else old))

    collect()
    return found


# -- from the schema to generated code ------------------------------------------------------------------------------

RULE = '{rule: "size(self.metadata.name) <= 63", message: too long}'
PRINT = (
    "from workshop_api.workshop.v1 import Robot, validate_rules\n"
    "for name in ('r', 'x'):\n"
    "    for found in validate_rules(Robot(metadata={'name': name})): print(ascii((name, found.message, found.rule)))\n"
)


def with_rule(workshop: Workshop, **entry: object) -> None:
    workshop.edit("robots.yaml", lambda text: text.replace(RULE, json.dumps(entry)))
    assert workshop.pin() == 0


HOSTILE = [
    'a"b', "a'b", '"""', "'''", "\\", "a\nb", "{{ 7 * 7 }}", "{% raw %}", "#", "é\u2028\x07", "\\N{DOLLAR SIGN}",
    '"); import os; os.abort()  # ', "'''); raise SystemExit", "%s {0} {name}", "ends with a backslash\\",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_the_text_of_a_schema_is_text_in_the_code(workshop: Workshop, text: str) -> None:
    literal = json.dumps(text.replace("\x07", "\\u0007"), ensure_ascii=False).replace("\\\\u0007", "\\u0007")
    rule = f"self.metadata.name != 'x' && {literal} != '' // {text.splitlines()[0]}"
    with_rule(workshop, rule=rule, message=text)
    assert workshop.run("generate") == 0
    assert python(workshop, PRINT) == ascii(("x", text.strip(), rule.strip())) + "\n"


def test_a_message_expression_speaks_for_its_rule(workshop: Workshop) -> None:
    with_rule(
        workshop, rule="self.metadata.name == 'r'", messageExpression="'not ' + self.metadata.name", fieldPath=".metadata.name"
    )  # fmt: skip
    assert workshop.run("generate") == 0
    printed = python(workshop, PRINT.replace("found.message", "found.message, found.path"))
    assert printed == "('x', 'not x', 'metadata.name', \"self.metadata.name == 'r'\")\n"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"rule": "self.spec.load.isGreaterThan(quantity('1'))"}, "the function quantity() with 1 arguments is not supported"),
        ({"rule": "self.spec.wheels == 4"}, "declares no field 'wheels'"),
        ({"rule": "self ==="}, "unexpected '='"),
        ({"rule": "true", "messageExpression": "1 +"}, "unexpected the end"),
        ({"rule": "true", "optionalOldSelf": True}, "does not know 'optionalOldSelf'"),
    ],
)  # fmt: skip
def test_what_cannot_be_lowered_fails_the_generation_and_says_where(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], entry: dict[str, object], problem: str
) -> None:
    with_rule(workshop, **entry)
    assert workshop.run("generate") == 1
    error = capsys.readouterr().err
    assert "schemas/workshop/v1.2.json#/components/schemas/workshop.v1.Robot/x-kubernetes-validations/0" in error
    assert problem in error
    assert not (workshop.root / "generated").exists()


@pytest.mark.parametrize(
    ("entry", "place", "problem"),
    [
        ({"message": "no rule"}, "0/rule", "expected a string, found null"),
        ({"rule": "true", "message": 1}, "0/message", "expected a string, found integer"),
    ],
)
def test_a_malformed_rule_is_not_even_pinned(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], entry: dict[str, object], place: str, problem: str
) -> None:
    workshop.edit("robots.yaml", lambda text: text.replace(RULE, json.dumps(entry)))
    assert workshop.pin() == 1
    error = capsys.readouterr().err
    assert f"openAPIV3Schema/x-kubernetes-validations/{place}: {problem}" in error


QUANTITY = "quantity(self.metadata.name).isInteger()"
LISTED = f'[[server_only]]\ncomponent = "workshop"\nrule = "{QUANTITY}"\nreason = "quantities"\n'


def test_a_listed_rule_is_left_to_the_server(workshop: Workshop) -> None:
    with_rule(workshop, rule=QUANTITY)
    (workshop.root / "schemas/patches.toml").write_text(LISTED, "utf-8")
    assert workshop.run("generate") == 0
    assert python(workshop, PRINT) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LISTED.replace("isInteger", "isDecimal"), "matches nothing in workshop any more; remove it"),
        (LISTED.replace('"workshop"', '"workshops"'), "matches nothing in workshops any more"),
        (LISTED.replace(QUANTITY, "size(self.metadata.name) <= 63"), "can be lowered; remove it"),
        (LISTED.replace("reason =", "why ="), "has exactly component, rule and reason"),
        (LISTED.replace('"quantities"', '""'), "has exactly component, rule and reason"),
    ],
)
def test_a_listing_that_does_not_fit_fails_the_generation(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    if "63" not in text:
        with_rule(workshop, rule=QUANTITY)
    else:
        assert workshop.pin() == 0
    (workshop.root / "schemas/patches.toml").write_text(text, "utf-8")
    assert workshop.run("generate") == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "immutable"),
    [
        ("self == oldSelf", True),
        ("oldSelf == self", True),
        ("self==oldSelf", True),
        (" self ==\n  oldSelf ", True),
        ("self != oldSelf", False),
        ("self == oldSelf || oldSelf == ''", False),
    ],
)
def test_docstrings_update_types_and_diffs_agree_on_what_is_immutable(rule: str, immutable: bool) -> None:
    field: Object = {"type": "string", "x-kubernetes-validations": [{"rule": rule, "message": "fixed"}]}
    assert ("cannot be changed once set" in constraints(field)) is immutable
    definitions: dict[str, Object] = {
        "w.Robot": {"type": "object", "properties": {"spec": {"$ref": REF_PREFIX + "w.RobotSpec"}}},
        "w.RobotSpec": {"type": "object", "properties": {"name": field, "size": {"type": "integer"}}},
    }
    assert ("w.Robot" in updates_of(definitions, ["w.Robot"]).kinds) is immutable
    ((what, _),) = compare(expand({"type": "string"}, {}, "old"), expand(field, {}, "new"))
    assert (what == "immutability-gained") is immutable

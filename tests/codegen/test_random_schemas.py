"""Random structural schemas through the whole generator: what comes out accepts and refuses as the API server does.

`KUBEFLOW_TEST_SCHEMAS` says how many schemas are drawn: 8 when it is not set, some hundreds in a long run.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kubeflow.cluster.errors import ApiError
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request
from tests.apiserver import COMMAND, KUBECONFIG, REASON, Recorded, add_crds, apiserver
from tests.codegen.crds import imported, manifest
from tests.codegen.shapes import EITHER, OPEN

pytestmark = pytest.mark.skipif(not (COMMAND or KUBECONFIG), reason=REASON)

SCHEMAS = int(os.environ.get("KUBEFLOW_TEST_SCHEMAS", "8"))
AT_ONCE = 8  # schemas that are generated together
OBJECTS = 25  # for each schema
NAMES = ["a", "b", "fooBar", "class", "x-y"]
TEXTS = ["", "a", "ab", "abc", "A", "a\n", "1"]
# Texts of each format, and what is none of any.
FORMATTED = {
    "date": "2024-02-29", "date-time": "2024-01-02T03:04:05Z", "byte": "YQ==", "duration": "1h", "ipv4": "1.2.3.4",
    "uuid": "123e4567-e89b-12d3-a456-426614174000", "k8s-short-name": "a-b", "unheard-of": "x y",
}  # fmt: skip
LARGE = [2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63]
Schema = dict[str, Any]


def some(**facts: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({}, optional=facts)


def joined(*parts: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def fixed(**facts: Any) -> st.SearchStrategy[Schema]:
    return st.just(facts)


SIZES = st.integers(0, 3)
TEXT_FACTS = some(minLength=SIZES, maxLength=SIZES, pattern=st.sampled_from(["^a", "^[a-z]+$", "b$", "."]))
NUMBER_FACTS = joined(
    some(minimum=st.integers(-2, 2), maximum=st.integers(-1, 4), multipleOf=st.sampled_from([1, 2, 3])),
    some(exclusiveMinimum=st.booleans(), exclusiveMaximum=st.booleans()),
).map(
    lambda found: {
        key: value
        for key, value in found.items()
        if not key.startswith("exclusive") or key.removeprefix("exclusive").lower() in found
    }
)
SCALARS = st.one_of(
    joined(fixed(type="string"), TEXT_FACTS),
    joined(
        fixed(type="string"), st.lists(st.sampled_from(TEXTS), min_size=1, unique=True).map(lambda each: {"enum": each})
    ),
    joined(fixed(type="integer"), NUMBER_FACTS),
    joined(
        fixed(type="integer"), st.lists(st.integers(-1, 3), min_size=1, unique=True).map(lambda each: {"enum": each})
    ),
    joined(fixed(type="number"), NUMBER_FACTS),
    fixed(type="boolean"),
    st.sampled_from(sorted(FORMATTED)).map(lambda each: {"type": "string", "format": each}),
    st.sampled_from(["int32", "int64"]).map(lambda each: {"type": "integer", "format": each}),
    st.sampled_from(
        [{"type": "string", "default": "a"}, {"type": "integer", "default": 1}, {"type": "boolean", "default": False}]
    ),
    joined(st.just(EITHER), TEXT_FACTS),
    st.just(OPEN),
    st.just({"type": "object", **OPEN}),
)
CONDITIONS = st.one_of(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(lambda each: {"required": each}),
    st.sampled_from(NAMES).flatmap(
        lambda name: st.one_of(NUMBER_FACTS, TEXT_FACTS).map(lambda facts: {"properties": {name: facts}})
    ),
    some(minProperties=SIZES, maxProperties=SIZES),
)


NULLABLE = st.sampled_from([{}, {}, {"nullable": True}])


def objects(below: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    properties = st.dictionaries(st.sampled_from(NAMES), joined(below, NULLABLE), min_size=1, max_size=4)
    required = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
    return joined(
        fixed(type="object"),
        properties.map(lambda each: {"properties": each}),
        required.map(lambda each: {"required": each} if each else {}),
        some(minProperties=SIZES, maxProperties=SIZES.filter(bool)),
        some(
            oneOf=st.lists(CONDITIONS, min_size=1, max_size=2),
            anyOf=st.lists(CONDITIONS, min_size=1, max_size=2),
            allOf=st.lists(CONDITIONS, min_size=1, max_size=2),
        )
        | some(**{"not": CONDITIONS}),
    ).map(_with_named)


def _with_named(schema: Schema) -> Schema:
    """Return `schema` without conditions on fields that it does not name: no structural schema has those."""
    known = schema["properties"]

    def stands(condition: Any) -> bool:
        return all(name in known for name in condition.get("properties", {}))

    result = dict(schema)
    for key in ("oneOf", "anyOf", "allOf"):
        if key in result:
            result[key] = [each for each in result[key] if stands(each)]
    if "not" in result and not stands(result["not"]):
        del result["not"]
    return {key: value for key, value in result.items() if value != []}


def _keyed(schema: Schema) -> Schema:
    return {
        "type": "array",
        "items": schema,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["a"],
    }


SETS: list[Schema] = [
    {"type": "array", "items": {"type": kind}, "x-kubernetes-list-type": "set"} for kind in ("string", "integer")
]
# Objects by a key that is required or has a default.
KEYED = [
    _keyed({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}),
    _keyed({"type": "object", "properties": {"a": {"type": "string", "default": "a"}, "b": {"type": "integer"}}}),
]
DISTINCT = st.sampled_from([*SETS, *KEYED])


def containers(plain: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    below = joined(plain, NULLABLE)
    return st.one_of(
        DISTINCT,
        joined(fixed(type="array"), below.map(lambda each: {"items": each}), some(minItems=SIZES, maxItems=SIZES)),
        joined(
            fixed(type="object"),
            below.map(lambda each: {"additionalProperties": each}),
            some(minProperties=SIZES, maxProperties=SIZES),
        ),
        objects(plain),
    )


SPECS = objects(st.recursive(SCALARS, containers, max_leaves=5))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 4) | st.sampled_from([0.5, -1.5, *TEXTS]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=3,
)


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Draw a value that a schema takes more often than not, null at times."""
    return st.integers(0, 11).flatmap(lambda dice: st.none() if dice == 0 else _values(schema))


def _values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "x-kubernetes-int-or-string" in schema:
        return st.sampled_from(TEXTS) | st.integers(-2, 4)
    kind = schema.get("type")
    if "format" in schema:
        formatted = st.sampled_from([*FORMATTED.values()]) | st.just(FORMATTED.get(schema["format"], ""))
        return formatted if kind == "string" else st.integers(-3, 6) | st.sampled_from(LARGE)
    if kind == "array":
        return st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    if "additionalProperties" in schema:
        return st.dictionaries(st.sampled_from(["a", "k", "x.y"]), values(schema["additionalProperties"]), max_size=3)
    if "properties" in schema:
        fields = {name: values(child) for name, child in schema["properties"].items()}
        must = {name: fields[name] for name in schema.get("required", []) if name in fields}
        return st.fixed_dictionaries(must, optional={name: each for name, each in fields.items() if name not in must})
    if kind == "object":
        return st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=2)
    scalars: dict[Any, st.SearchStrategy[Any]] = {
        "string": st.sampled_from(TEXTS), "integer": st.integers(-3, 6) | st.sampled_from(LARGE[2:]), "number": st.integers(-3, 6) | st.just(0.5),
        "boolean": st.booleans(), None: ANYTHING,
    }  # fmt: skip
    return scalars[kind]


def wrong_at_times(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Draw a value for a schema in which, in one of three, one field is anything at all."""
    spoiled = st.tuples(_values(schema), st.sampled_from(NAMES), ANYTHING).map(
        lambda each: {**each[0], each[1]: each[2]}
    )
    return _values(schema) | _values(schema) | spoiled


def list_as_text(schema: Mapping[str, Any], value: Any) -> bool:
    """True when a list stands for a string with a format. The API server takes it, whatever is in it; a model does not."""
    if "format" in schema:
        return schema["type"] == "string" and isinstance(value, list)
    if isinstance(value, list):
        return any(list_as_text(schema.get("items", {}), each) for each in value)
    if not isinstance(value, dict):
        return False
    fields = schema.get("properties", {})
    return any(
        list_as_text(fields.get(key, schema.get("additionalProperties", {})), each) for key, each in value.items()
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with apiserver(tmp_path_factory.mktemp("apiserver"), []) as transport:
        yield transport


@pytest.mark.timeout(120 + 10 * SCHEMAS)
def test_models_and_rules_decide_as_the_api_server_does(server: Recorded) -> None:
    rounds = itertools.count()
    seen: set[bool] = set()  # verdicts on all objects

    @settings(
        max_examples=1 + SCHEMAS // AT_ONCE, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data=st.data())
    def decide_alike(data: st.DataObject) -> None:
        number = next(rounds)
        specs = {f"Kind{number}x{index}": data.draw(SPECS) for index in range(AT_ONCE)}
        crds = [manifest(spec, kind=kind) for kind, spec in specs.items()]
        add_crds(server, crds)
        with TemporaryDirectory() as folder, imported(Path(folder), *crds) as package:
            for kind, spec in specs.items():
                for value in data.draw(st.lists(wrong_at_times(spec), min_size=OBJECTS, max_size=OBJECTS)):
                    if list_as_text(spec, value):
                        continue
                    wire = {"apiVersion": "gadget.example/v1", "kind": kind, "metadata": {"name": "one"}, "spec": value}
                    ours, theirs = problems(package, kind, wire), refusal(server, kind, wire)
                    assert bool(ours) == bool(theirs), json.dumps([spec, value, ours, theirs])
                    seen.add(bool(ours))

    decide_alike()
    assert seen == {True, False}, "all were taken, or all refused"


def problems(package: Any, kind: str, wire: Mapping[str, Any]) -> list[str]:
    try:
        made = getattr(package, kind).from_dict(wire)
    except InvalidInput as error:
        return [str(error)]
    return [str(violation) for violation in package.validate_rules(made)]


def refusal(server: Recorded, kind: str, wire: Mapping[str, Any]) -> str | None:
    path = f"/apis/gadget.example/v1/namespaces/default/{kind.lower()}s"
    try:
        server.send(Request("POST", path, {"fieldValidation": "Strict", "dryRun": "All"}, wire))
    except ApiError as error:
        assert error.code in (400, 422), error
        return str(error)
    return None

"""REST APIs: what a pin keeps of an OpenAPI document with paths, what is generated of it, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV30SpecValidator

from codegen.errors import CodegenError, SchemaError
from codegen.upstream.rest_document import read_rest_api
from codegen.upstream.source import Document
from tests.codegen.conftest import COMMIT, Workshop

INPUT = Path(__file__).parent / "inputs_rest" / "depot.yaml"
APPROVED = Path(__file__).parent / "golden" / "rest"
BASE = "/api/depot/v1"
COMPONENT = """
[tool.codegen.components.depot]
repository = "https://example.org/depot"
title = "Depot"
versions = ["v1.0.0"]
openapi = "depot.yaml"
rest = "/api/depot/v1"
definitions = "depot.v1"

[tool.codegen.modules]
"depot.v1" = "depot.v1"
"""


@pytest.fixture
def depot(workshop: Workshop) -> Workshop:
    shutil.copy(INPUT, workshop.upstream / "depot.yaml")
    workshop.edit_configuration("\n[tool.codegen.modules]\n", COMPONENT)
    assert workshop.pin() == 0
    return workshop


def pin(depot: Workshop, version: str = "v1.0.0") -> int:
    return depot.run("pin", "depot", version, "--from", str(depot.upstream), "--commit", COMMIT)


def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(INPUT.read_text("utf-8"))
    return found


def read(changed: Mapping[str, Any]) -> Any:
    return read_rest_api(Document("depot.yaml", yaml.safe_dump(dict(changed)).encode()), BASE, "depot.v1")


def strings(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def test_a_pin_has_operations_and_what_they_reach_with_inheritance_written_out(depot: Workshop) -> None:
    assert pin(depot) == 0
    pinned = json.loads((depot.root / "schemas/depot/v1.0.json").read_text("utf-8"))
    assert [*OpenAPIV30SpecValidator(pinned).iter_errors()] == []
    assert not any("Prose" in text for text in strings(pinned))
    schemas = pinned["components"]["schemas"]
    assert sorted(schemas) == [
        f"depot.v1.{name}"
        for name in ("Bolt", "Failure", "Label", "Nut", "Part", "PartCreate", "PartList", "TextLabel")
    ]
    nut = schemas["depot.v1.Nut"]
    assert nut["required"] == ["name", "width"]
    assert nut["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 9}
    assert nut["properties"]["kind"] == {"type": "string", "enum": ['nut "M8"']}
    assert schemas["depot.v1.PartCreate"]["properties"]["order"]["enum"] == ["ASC", 'say "hi"', "\\"]
    assert schemas["depot.v1.PartCreate"]["properties"]["order"]["default"] == "ASC"
    assert sorted(pinned["paths"]) == ["/api/depot/v1/parts", "/api/depot/v1/parts/{part-id}/class"]
    names = [parameter["name"] for parameter in pinned["paths"]["/api/depot/v1/parts"]["get"]["parameters"]]
    assert names == ["pageSize", "nextPageToken", "only-new", "order"]


def test_what_is_generated_is_the_approved_package(depot: Workshop) -> None:
    assert pin(depot) == 0
    assert depot.run("generate") == 0
    package = depot.root / "generated/workshop_api/depot"
    page = depot.root / "docs/reference/depot.v1/Operations.md"
    if os.environ.get("KUBEFLOW_WRITE_GOLDENS"):
        shutil.rmtree(APPROVED, ignore_errors=True)
        shutil.copytree(package, APPROVED / "depot")
        shutil.copy(page, APPROVED / "Operations.md")
    made = {path.relative_to(package).as_posix(): path for path in sorted(package.rglob("*.py"))}
    assert made.keys() == {path.relative_to(APPROVED / "depot").as_posix() for path in APPROVED.rglob("*.py")}
    for name, path in made.items():
        assert path.read_text("utf-8") == (APPROVED / "depot" / name).read_text("utf-8"), name
    assert page.read_text("utf-8") == (APPROVED / "Operations.md").read_text("utf-8")
    places = f"{depot.root / 'generated'}:{Path(__file__).parents[2]}"
    environment = {**os.environ, "PYTHONPATH": places, "MYPYPATH": places}
    used = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=False, env=environment)
    assert used.returncode == 0, used.stderr
    assert used.stdout.splitlines() == [
        "GET /api/depot/v1/parts {'only-new': 'true', 'order': 'ASC'} None",
        "GET /api/depot/v1/parts {'only-new': 'true', 'order': 'ASC', 'nextPageToken': '2'} None",
        "Bolt Nut",
        "POST /api/depot/v1/parts {} {'name': 'a', 'part': {'kind': 'nut \"M8\"', 'name': 'n', 'width': 8}}",
        "DELETE /api/depot/v1/parts/ab%22/class {} None",
        "PATCH /api/depot/v1/parts/ab/class {} {'kind': 'bolt', 'name': 'b'}",
        "part-id='A' does not match",
    ]
    command = [sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", "workshop_api/depot"]
    checked = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=depot.root / "generated"
    )
    assert "Success" in checked.stdout, checked.stdout


USE = """
from workshop_api.depot.v1 import Bolt, Nut, Operations
class Wire:
    def send(self, request):
        print(request.method, request.path, dict(request.query), request.body)
        if request.query.get("nextPageToken"):
            return {"items": [{"kind": 'nut "M8"', "name": "n"}], "nextPageToken": ""}
        return {"items": [{"kind": "bolt", "name": "b", "labels": {"a": {"type": "text", "text_value": "x"}}}], "nextPageToken": "2"}
api = Operations(Wire())
bolt, nut = api.get_parts(only_new=True, order="ASC")
print(type(bolt).__name__, type(nut).__name__)
assert bolt.labels["a"].text_value == "x"
api.create_part({"name": "a", "part": {"kind": 'nut "M8"', "name": "n", "width": 8}})
api.delete_part('ab"')
api.update_part("ab", Bolt(name="b"))
try:
    api.class_("A")
except ValueError as error:
    print(str(error)[:26])
"""


def test_verify_diff_and_bump_know_rest_apis(depot: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert pin(depot) == 0
    assert depot.run("generate") == 0
    capsys.readouterr()
    assert depot.run("verify") == 1
    assert "Bolt has no description" in capsys.readouterr().err
    depot.edit(
        "depot.yaml",
        lambda text: (
            text.replace("operationId: deletePart", "operationId: removePart")
            .replace("name: only-new, in: query, required: true", "name: only-new, in: query, required: false")
            .replace("width: {type: integer}", "width: {type: integer}, depth: {type: integer}")
        ),
    )
    assert depot.run("bump", "depot", "v1.1.0", "--from", str(depot.upstream), "--commit", COMMIT) == 0
    told = capsys.readouterr().out
    assert "depth" in told
    assert "only-new" in told
    assert (depot.root / "schemas/depot/v1.1.json").exists()


def changed(path: str, value: object) -> dict[str, Any]:
    """The document with one thing set, by its path in dots; a step that is no key is an index."""
    root = document()
    *steps, last = path.split("|")
    node: Any = root
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    node[int(last) if isinstance(node, list) else last] = value
    return root


PARTS = "paths|/api/depot/v1/parts|get"


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (f"{PARTS}|servers", [], "does not know this of an operation"),
        (f"{PARTS}|parameters|0", {"name": "a", "in": "header", "schema": {"type": "string"}}, "in path or query, not in 'header'"),
        (f"{PARTS}|parameters|0", {"name": "a", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}, "a parameter is a text"),
        (f"{PARTS}|parameters|0", {"$ref": "#/components/parameters/none"}, "leads nowhere"),
        (f"{PARTS}|parameters|0", {"name": "x", "in": "path", "required": True, "schema": {"type": "string"}}, "not those in the braces"),
        (f"{PARTS}|responses", {}, "every success must have the same content"),
        (f"{PARTS}|responses|200", {"content": {"text/plain": {"schema": {"type": "string"}}}}, "application/json and nothing else"),
        (f"{PARTS}|responses|200", {"content": {"application/json": {"schema": {"type": "string"}}}}, "refers to a definition of an object"),
        ("components|schemas|Named|properties|name|not", {}, "does not know 'not'"),
        ("components|schemas|Named|properties|inner", {"type": "object", "properties": {}}, "an object without a name"),
        ("components|schemas|Named|properties|any", {"type": "object"}, "says what its values are"),
        ("components|schemas|Named|properties|list", {"type": "array"}, "says what its items are"),
        ("components|schemas|Named|properties|kind", {"type": "integer"}, "inherited twice, with different 'type'"),
        ("components|schemas|Named|required", ["nothing"], "there is no field 'nothing'"),
        ("components|schemas|Named|allOf", [{"$ref": "#/components/schemas/Bolt"}], "inherits from itself"),
        ("components|schemas|Named|additionalProperties", {"type": "string"}, "fields, or any; not both"),
        ("components|schemas|Part|discriminator|mapping", {"bolt": "#/components/schemas/Bolt"}, "must be in the discriminator's mapping"),
        ("components|schemas|Part|discriminator|propertyName", "colour", "has no field 'colour'"),
        ("components|schemas|Part|discriminator", None, "expected an object"),
        ("components|schemas|Page|properties|nextPageToken", {"$ref": "#/components/schemas/None"}, "leads nowhere"),
        ("paths", {}, "no operation below"),
    ],
)  # fmt: skip
def test_what_a_pin_cannot_say_is_refused_with_its_place(path: str, value: object, why: str) -> None:
    with pytest.raises(SchemaError, match=why):
        read(changed(path, value))


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('rest = "/api/depot/v1"', 'rest = "api"', "a path is written like"),
        ('rest = "/api/depot/v1"', 'rest = "/api/depot/v1"\nkinds = ["Part"]', "has unknown keys: kinds"),
        ('openapi = "depot.yaml"\n', "", "openapi must be a non-empty string"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    depot: Workshop, capsys: pytest.CaptureFixture[str], before: str, after: str, why: str
) -> None:
    depot.edit_configuration(before, after)
    assert pin(depot) == 1
    assert why in capsys.readouterr().err


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.sampled_from(
        ["type", "properties", "allOf", "oneOf", "$ref", "items", "required", "discriminator", "in", "name", "schema"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def places(node: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, (*way, key))


PLACES = [way for way in places(document()) if way]


@settings(max_examples=int(os.environ.get("KUBEFLOW_TEST_SCHEMAS", "25")), deadline=None)
@given(st.sampled_from(PLACES), VALUES)
def test_whatever_a_document_has_it_is_read_or_refused_in_words(way: tuple[Any, ...], value: Any) -> None:
    root = document()
    node: Any = root
    for step in way[:-1]:
        node = node[step]
    node[way[-1]] = value
    try:
        api = read(root)
    except CodegenError as error:
        assert "depot.yaml" in str(error)
    else:
        pinned = {
            "openapi": "3.0.3",
            "info": {"title": "", "version": ""},
            "paths": dict(api.paths),
            "components": {"schemas": dict(api.definitions)},
        }
        json.dumps(pinned)

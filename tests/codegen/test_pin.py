"""`codegen pin` keeps facts, drops prose, merges by path, and fails on any disagreement with nothing written."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from codegen import config
from codegen.pins.lock import sha256
from codegen.upstream.openapi import read_definitions
from codegen.upstream.source import open_source
from tests.codegen.conftest import COMMIT, ROOT, Workshop, released

REF = "#/components/schemas/"


def pinned(workshop: Workshop) -> dict[str, Any]:
    assert workshop.pin() == 0
    result: dict[str, Any] = json.loads((workshop.root / "schemas/workshop/v1.2.json").read_text("utf-8"))
    return result


def test_a_pin_merges_names_with_constraints_and_keeps_what_the_kinds_reach(workshop: Workshop) -> None:
    document = pinned(workshop)
    schemas = document["components"]["schemas"]
    assert sorted(schemas) == [
        "io.k8s.apimachinery.pkg.api.resource.Quantity",
        "io.k8s.apimachinery.pkg.apis.meta.v1.EmbeddedObjectMeta",
        "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
        "workshop.v1.Arm",
        "workshop.v1.Robot",
        "workshop.v1.RobotList",
        "workshop.v1.RobotSpec",
    ]
    spec = schemas["workshop.v1.RobotSpec"]
    assert spec["required"] == ["model"]
    assert spec["properties"]["model"] == {"type": "string", "minLength": 1, "maxLength": 20}
    assert spec["properties"]["armCount"] == {"type": "integer", "format": "int32", "default": 2, "minimum": 0}
    assert spec["properties"]["batteryUUIDs"]["items"] == {"type": "string", "maxLength": 36}
    assert spec["properties"]["class"]["enum"] == ["Walker", 'say "hi"\n', "\\"]
    assert spec["properties"]["from"] == {"$ref": REF + "workshop.v1.Arm"}
    assert schemas["workshop.v1.Arm"]["properties"]["name"] == {"type": "string", "maxLength": 9}
    assert schemas["workshop.v1.Robot"]["x-kubernetes-validations"][0]["message"] == "too long"


def test_what_holds_for_every_use_of_a_scalar_type_moves_to_the_type(workshop: Workshop) -> None:
    schemas = pinned(workshop)["components"]["schemas"]
    quantity = schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity["pattern"] == "^[0-9]+m?$"
    assert quantity["oneOf"] == [{"type": "integer"}, {"type": "string"}]
    assert schemas["workshop.v1.Arm"]["properties"]["reach"] == {
        "$ref": REF + "io.k8s.apimachinery.pkg.api.resource.Quantity"
    }


def test_metadata_in_a_template_admits_only_what_the_crd_admits(workshop: Workshop) -> None:
    schemas = pinned(workshop)["components"]["schemas"]
    embedded = "io.k8s.apimachinery.pkg.apis.meta.v1.EmbeddedObjectMeta"
    assert schemas["workshop.v1.RobotSpec"]["properties"]["template"] == {"$ref": REF + embedded}
    assert sorted(schemas[embedded]["properties"]) == ["labels", "name"]


def test_no_prose_and_no_noise_reach_a_pin(workshop: Workshop) -> None:
    text = json.dumps(pinned(workshop))
    assert "prose" not in text
    assert '"default": {}' not in text
    assert '"default": ""' not in text


def test_a_pin_is_a_valid_openapi_document_and_lists_the_kinds(workshop: Workshop) -> None:
    document = pinned(workshop)
    assert list(OpenAPIV30SpecValidator(document).iter_errors()) == []
    (kind,) = document["x-kinds"]
    assert kind["kind"] == "Robot"
    assert kind["scope"] == "Cluster"
    assert kind["subresources"] == []
    assert kind["printerColumns"] == [{"name": "Model", "type": "string", "jsonPath": ".spec.model"}]


def test_the_lock_proves_where_a_pin_came_from(workshop: Workshop) -> None:
    pinned(workshop)
    (entry,) = tomllib.loads((workshop.root / "schemas/lock.toml").read_text("utf-8"))["pin"]
    assert entry["component"] == "workshop"
    assert entry["version"] == "v1.2.3"
    assert entry["repository"] == "https://example.org/workshop"
    assert entry["commit"] == COMMIT
    assert entry["sha256"] == sha256((workshop.root / "schemas/workshop/v1.2.json").read_bytes())
    assert entry["sources"] == {
        name: sha256((workshop.upstream / name).read_bytes()) for name in ("openapi.json", "robots.yaml")
    }


def test_pinning_twice_gives_the_same_bytes_whatever_the_order_upstream(workshop: Workshop) -> None:
    pinned(workshop)
    first = (workshop.root / "schemas/workshop/v1.2.json").read_bytes()

    def reordered(text: str) -> str:
        document = json.loads(text)
        document["components"]["schemas"] = dict(reversed(document["components"]["schemas"].items()))
        return json.dumps(document)

    workshop.edit("openapi.json", reordered)
    pinned(workshop)
    assert (workshop.root / "schemas/workshop/v1.2.json").read_bytes() == first


def set_in(pointer: str, value: Any) -> Callable[[str], str]:
    """Return a change of a JSON document: the value at `pointer` (slashes) becomes `value`."""

    def change(text: str) -> str:
        document = json.loads(text)
        *parents, last = pointer.split("/")
        node = document
        for step in parents:
            node = node[step]
        node[last] = value
        return json.dumps(document)

    return change


SPEC = "components/schemas/workshop.v1.RobotSpec/properties"


@pytest.mark.parametrize(
    ("file", "change", "where", "problem"),
    [
        ("openapi.json", lambda text: text[:-9], "openapi.json#:", "not JSON"),
        ("openapi.json", lambda text: text.replace('"paths": [],', '"paths": [], "paths": [],'), "openapi.json#:", "twice"),
        ("openapi.json", set_in(f"{SPEC}/from", {"$ref": REF + "workshop.v1.Leg"}),
         "openapi.json#/components/schemas/workshop.v1.RobotSpec/properties/from/$ref", "leads nowhere"),
        ("openapi.json", set_in(f"{SPEC}/from", {"$ref": "other.json#/Leg"}), "properties/from/$ref", "leads nowhere"),
        ("openapi.json", set_in(f"{SPEC}/model", {"type": "string", "discriminator": {}}),
         "properties/model/discriminator", "does not know the keyword 'discriminator'"),
        ("openapi.json", set_in(f"{SPEC}/model", {"allOf": [{"type": "string"}, {"type": "string"}]}),
         "properties/model/allOf", "only an `allOf` around one `$ref`"),
        ("openapi.json", set_in(f"{SPEC}/model", {"type": "text"}), "properties/model", "not valid OpenAPI"),
        ("openapi.json", set_in(f"{SPEC}/model", 3), "properties/model", "expected an object, found integer"),
        ("openapi.json", set_in("components/schemas", []), "openapi.json#/components/schemas", "expected an object"),
        ("openapi.json", set_in(f"{SPEC}/model", {"type": "integer"}), "spec/properties/model", "`type` is 'string' here"),
        ("openapi.json", set_in(f"{SPEC}/legs", {"type": "integer"}), "openAPIV3Schema/properties/spec", "has: legs"),
        ("openapi.json", set_in("components/schemas/workshop.v1.RobotSpec/required", ["class"]), "properties/spec", "`required`"),
        ("openapi.json", set_in(f"{SPEC}/armCount/format", "int64"), "properties/armCount", "`format` is 'int32' here"),
        ("robots.yaml", lambda text: text.replace("kind: CustomResourceDefinition", "kind: Pod"), "no CRD for Robot of", "no CRD at all"),
        ("robots.yaml", lambda text: "a: b: c", "robots.yaml#:", "not YAML"),
        ("robots.yaml", lambda text: text.replace("- name: v1\n", "- name: v2\n"), "no CRD for Robot of workshop.example/v1",
         "robots.yaml has Robot of workshop.example/v2"),
        ("robots.yaml", lambda text: text.replace("group: workshop.example", "group: other.example"), "no CRD for Robot of workshop.example/v1",
         "robots.yaml has Robot of other.example/v1"),
        ("robots.yaml", lambda text: text.replace("class: {type: string,", "class: {type: string, const: a,"),
         "properties/class/const", "does not know the keyword 'const'"),
        ("robots.yaml", lambda text: text.replace("class: {type: string,", "class: {description: x,"),
         "properties/class", "not structural: every node needs a `type`"),
        ("robots.yaml", lambda text: text.replace("class: {type: string,", "class: {type: string, properties: {},"),
         "properties/class/properties", "not structural"),
        ("robots.yaml", lambda text: text.replace("items: *arm", "maxItems: 1"), "properties/arms", "array without `items`"),
        ("robots.yaml", lambda text: text.replace("class: {type: string,", "class: {type: string, anyOf: [{const: a}],"),
         "properties/class/anyOf/0/const", "does not know the keyword 'const'"),
        ("robots.yaml", lambda text: text.replace("name: {type: string}\n                  labels", "nick: {type: string}\n                  labels"),
         "properties/template", "ObjectMeta has no field 'nick'"),
        ("robots.yaml", lambda text: text.replace("items: *arm", "items: {type: object, required: [name], properties: {name: "
         "{type: string, maxLength: 8}, reach: *quantity}}"), "arms/items/properties/name", "differ from those of the same field"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_named_with_the_place_in_it(
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    file: str,
    change: Callable[[str], str],
    where: str,
    problem: str,
) -> None:
    workshop.edit(file, change)
    assert workshop.pin() == 1
    message = capsys.readouterr().err
    assert where in message
    assert problem in message
    assert workshop.written() == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["pin", "robots", "v1.2.3", "--from", "."], "unknown component 'robots'; pyproject.toml has: workshop"),
        (["pin", "workshop", "1.2", "--from", ".", "--commit", COMMIT], "a version is written like 'v2.3.0'"),
        (["pin", "workshop", "v1.2.3", "--from", "/nowhere", "--commit", COMMIT], "'/nowhere' is none"),
        (["pin", "workshop", "v1.2.3", "--from", "UPSTREAM"], "--commit"),
        (["pin", "workshop", "v1.2.3", "--from", "UPSTREAM", "--commit", "main"], "--commit"),
        (["pin", "workshop", "v1.2.3", "--from", "EMPTY", "--commit", COMMIT], "nothing matches '*.yaml'"),
        (["generate"], "workshop v1.2.3 is not pinned"),
        (["verify"], "manifest.json is missing"),
    ],
)
def test_a_command_that_cannot_be_done_says_why(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"UPSTREAM": str(workshop.upstream), "EMPTY": str(tmp_path / "empty")}
    assert workshop.run(*(places.get(argument, argument) for argument in arguments)) == 1
    assert problem in capsys.readouterr().err
    assert workshop.written() == []


def swagger(text: str) -> str:
    """Return an OpenAPI 3.0 document in the words of Swagger 2.0, which writes references beside other keywords."""
    document = json.loads(text.replace("#/components/schemas/", "#/definitions/"))
    definitions = document.pop("components")["schemas"]
    for definition in definitions.values():
        for node in definition.get("properties", {}).values():
            if "allOf" in node:
                node.update(node.pop("allOf")[0])
    del document["openapi"]
    return json.dumps({"swagger": "2.0", **document, "definitions": definitions})


def test_a_swagger_2_document_gives_the_same_pin(workshop: Workshop) -> None:
    before = pinned(workshop)
    workshop.edit("openapi.json", swagger)
    assert pinned(workshop) == before


def test_a_reference_out_of_a_swagger_2_document_leads_to_another_pin(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_metadata(text: str) -> str:
        document = json.loads(swagger(text))
        link = document["definitions"]["workshop.v1.Robot"]["properties"]["metadata"]
        link["$ref"] = "https://example.org/kubernetes.json#/definitions/v1.ObjectMeta"
        return json.dumps(document)

    others: dict[str, Any] = {
        "io.k8s.meta.v1.ObjectMeta": {"type": "object", "properties": {"name": {"type": "string"}}}
    }
    workshop.edit("openapi.json", without_metadata)
    document = open_source(str(workshop.upstream)).read("openapi.json")
    found = read_definitions(document, None, others)
    assert found["workshop.v1.Robot"]["properties"] == {
        "apiVersion": {"type": "string"}, "kind": {"type": "string"},
        "metadata": {"$ref": REF + "io.k8s.meta.v1.ObjectMeta"}, "spec": {"$ref": REF + "workshop.v1.RobotSpec"},
    }  # fmt: skip
    assert found["io.k8s.meta.v1.ObjectMeta"] == others["io.k8s.meta.v1.ObjectMeta"]
    assert workshop.pin() == 1
    message = capsys.readouterr().err
    assert "openapi.json#/definitions/workshop.v1.Robot/properties/metadata/$ref: the reference" in message
    assert "leads nowhere" in message


def test_fields_that_only_one_document_requires_are_a_patch(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.edit("openapi.json", set_in("components/schemas/workshop.v1.RobotSpec/required", ["class", "model"]))
    assert workshop.pin() == 1
    assert "properties/spec: `required` is ['model'] here but ['class', 'model']" in capsys.readouterr().err
    place = "/components/schemas/workshop.v1.RobotSpec/required"
    (workshop.root / "schemas").mkdir(exist_ok=True)
    (workshop.root / "schemas/patches.toml").write_text(
        f'[[upstream]]\ncomponent = "workshop"\nfile = "openapi.json"\nat = "{place}"\nset = ["model"]\n'
        'reason = "The server takes a robot without a class."\n',
        "utf-8",
    )
    assert pinned(workshop)["components"]["schemas"]["workshop.v1.RobotSpec"]["required"] == ["model"]


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("openapi.json", set_in("components/schemas/workshop.v1.RobotSpec/required", ["class", "model"])),
        ("openapi.json", set_in("components/schemas/workshop.v1.RobotSpec/properties/wheels", {"type": "integer"})),
        ("openapi.json", set_in("components/schemas/workshop.v1.RobotSpec/properties/model/type", "integer")),
        ("robots.yaml", lambda text: text.replace("model: {type: string,", "wheels: {type: integer}\n              model: {type: string,")),
        ("robots.yaml", lambda text: text.replace("enum: [Walker,", "enum: [Runner,")),
        ("robots.yaml", lambda text: text.replace("              arms:\n                type: array\n                items: *arm", "              arms:\n                type: array\n                items:\n                  type: object\n                  required: [name]\n                  properties: {name: {type: string, maxLength: 8}, reach: *quantity}")),
    ],
    ids=["required", "a field of OpenAPI", "type", "a field of the CRD", "enum", "constraints of one type at two places"],
)  # fmt: skip
def test_the_patch_that_a_message_names_is_one_that_helps(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], file: str, change: Callable[[str], str]
) -> None:
    workshop.edit(file, change)
    for _ in range(3):  # another disagreement may come to light
        if workshop.pin() == 0:
            break
        message = capsys.readouterr().err
        assert "Where the other is right, say so in schemas/patches.toml, with the reason:" in message
        entry = message[message.index("[[upstream]]") :]
        path = workshop.root / "schemas/patches.toml"
        before = path.read_text("utf-8") if path.exists() else ""
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{before}\n{entry}\n", "utf-8")
    assert (workshop.root / "schemas/workshop/v1.2.json").exists()
    assert "[pin.patches]" in (workshop.root / "schemas/lock.toml").read_text("utf-8")


def test_an_object_of_which_nothing_is_said_is_any_object(workshop: Workshop) -> None:
    anything = {"type": "object", "additionalProperties": True}
    workshop.edit("openapi.json", set_in("components/schemas/workshop.v1.RobotSpec/properties/payload", anything))
    opaque = "payload: {type: object, x-kubernetes-preserve-unknown-fields: true}\n              model: {type: string,"
    workshop.edit("robots.yaml", lambda text: text.replace("model: {type: string,", opaque))
    schemas = pinned(workshop)["components"]["schemas"]
    payload = schemas["workshop.v1.RobotSpec"]["properties"]["payload"]
    assert payload["allOf"][0]["$ref"].endswith(".unstructured.Unstructured")


def test_releases_with_the_same_documents_are_proven_by_all_of_them(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.edit_configuration('kinds = ["Robot"]', 'kinds = ["Robot"]\nidentical = { "v1.1.0" = "*.*" }')
    other = tmp_path / "other"
    shutil.copytree(workshop.upstream, other)
    command = ["pin", "workshop", "v1.2.3", "--from", str(workshop.upstream), "--commit", COMMIT]
    assert workshop.run(*command) == 1
    assert "give --identical v1.1.0=FOLDER" in capsys.readouterr().err
    assert workshop.run(*command, "--identical", f"v1.1.0={other}") == 0
    (entry,) = tomllib.loads((workshop.root / "schemas/lock.toml").read_text("utf-8"))["pin"]
    files = ("openapi.json", "robots.yaml")
    assert entry["identical"]["v1.1.0"] == {name: sha256((workshop.upstream / name).read_bytes()) for name in files}
    (other / "robots.yaml").write_text("", "utf-8")
    assert workshop.run(*command, "--identical", f"v1.1.0={other}") == 1
    assert "robots.yaml differs between the pinned release and v1.1.0: pin v1.1.0 on its own" in capsys.readouterr().err


CONFIG_MAP = "kind: ConfigMap\n"


def garage(text: str) -> str:
    """Return the CRD of another kind."""
    return text.replace("Robot", "Garage").replace("robot", "garage")


def test_a_file_may_hold_several_documents_and_other_kinds_are_told_of(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.edit("robots.yaml", lambda text: f"---\n{CONFIG_MAP}---\n{garage(text)}---\n{text}---\n")
    (workshop.upstream / "old.yaml").write_text(
        garage((workshop.upstream / "robots.yaml").read_text("utf-8")).replace("name: v1\n", "name: v0\n"), "utf-8"
    )
    assert workshop.pin() == 0
    printed = capsys.readouterr().out
    assert "note: robots.yaml has Garage of workshop.example/v1, which pyproject.toml does not take" in printed
    assert "note: old.yaml has Garage of workshop.example/v0, which pyproject.toml does not take" in printed


def test_in_a_file_of_several_documents_a_place_begins_with_their_number(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "class: {type: string, const: a,"
    workshop.edit("robots.yaml", lambda text: f"{CONFIG_MAP}---\n{text}".replace("class: {type: string,", wrong))
    assert workshop.pin() == 1
    assert "robots.yaml#/1/spec/versions/0/" in capsys.readouterr().err


def test_one_kind_in_two_files_is_refused(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    (workshop.upstream / "again.yaml").write_text((workshop.upstream / "robots.yaml").read_text("utf-8"), "utf-8")
    assert workshop.pin() == 1
    assert "Robot of workshop.example/v1 is also defined by again.yaml" in capsys.readouterr().err


def test_a_key_of_a_list_that_its_items_lack_is_refused(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    keyed = (
        "x-kubernetes-list-type: map\n                x-kubernetes-list-map-keys: [serial]\n                items: *arm"
    )
    workshop.edit("robots.yaml", lambda text: text.replace("items: *arm", keyed))
    assert workshop.pin() == 1
    message = capsys.readouterr().err
    assert "properties/arms/x-kubernetes-list-map-keys" in message
    assert "'serial' is no field of the items" in message


UPSTREAM = os.environ.get("KUBEFLOW_TEST_UPSTREAM")
TRAINER = config.load(ROOT).component("trainer")
NEWEST_TRAINER = ROOT / "schemas" / TRAINER.pin_file(TRAINER.versions[-1])


@pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with the control planes' releases")
def test_the_committed_pins_are_what_upstream_says_today(tmp_path: Path) -> None:
    from codegen.commands.pin import build, others
    from codegen.pins import lock
    from codegen.pins.patches import upstream as upstream_patches
    from codegen.upstream.patching import PatchedSource
    from codegen.upstream.source import open_source

    configuration = config.load(ROOT)
    pins = lock.read(ROOT / "schemas")
    assert pins
    for pin in pins:
        component = configuration.component(pin.component)
        patches = upstream_patches(ROOT / "schemas", pin.component, pin.version)
        source = PatchedSource(open_source(str(released(component, pin.version))), patches)
        built = build(component, pin.version, source, others(ROOT / "schemas", component))
        assert built.content == (ROOT / "schemas" / pin.file).read_bytes()
        assert {document.name: document.sha256 for document in built.documents} == pin.sources


@pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with the control planes' releases")
def test_the_swagger_2_document_of_katib_is_read() -> None:
    from codegen.commands.pin import build

    katib = dataclasses.replace(config.load(ROOT).component("katib"), openapi="pkg/apis/v1beta1/swagger.json")
    others = json.loads(NEWEST_TRAINER.read_text("utf-8"))["components"]["schemas"]
    source = open_source(str(Path(str(UPSTREAM)) / "katib/v0.18.0"))
    schemas = json.loads(build(katib, "v0.18.0", source, [others]).content)["components"]["schemas"]
    assert schemas["katib.v1beta1.Experiment"]["properties"]["metadata"]["$ref"].endswith(".meta.v1.ObjectMeta")
    assert "io.k8s.api.core.v1.Container" in schemas

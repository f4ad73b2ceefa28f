"""A component that has CRDs only: its types get names, and Kubernetes' own types are recognised by all they have."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from codegen.commands.pin import build
from codegen.errors import CodegenError, SchemaError
from codegen.schema.naming import singular
from codegen.upstream.source import open_source
from codegen.upstream.structural import Inliner
from tests.codegen.crds import KNOWN, REF, built, component, definitions, manifest

CORE = "io.k8s.api.core.v1"


def written_out(name: str) -> dict[str, Any]:
    """Return what a CRD has where it uses the Kubernetes type `name`."""
    return copy.deepcopy(dict(Inliner("pins", KNOWN).definition(name)))


def spec_of(folder: Path, **fields: Any) -> dict[str, Any]:
    """Return the pinned fields of a spec that has `fields` in its CRD."""
    pin = built(folder, manifest({"type": "object", "properties": fields}))
    properties: dict[str, Any] = definitions(pin)["gadget.v1.GadgetSpec"]["properties"]
    return properties


ARM = {"type": "object", "properties": {"reach": {"type": "integer"}}}


def test_types_are_named_for_where_they_stand(tmp_path: Path) -> None:
    crd = manifest(
        {
            "type": "object",
            "required": ["left"],
            "properties": {
                "left": ARM,
                "arms": {"type": "array", "items": ARM},
                "spares": {"type": "object", "additionalProperties": ARM},
            },
        },
        {"x-kubernetes-validations": [{"rule": "size(self.metadata.name) <= 63", "message": "too long"}]},
    )
    found = definitions(built(tmp_path, crd))
    own = {name.removeprefix("gadget.v1."): node for name, node in found.items() if name.startswith("gadget.")}
    assert sorted(own) == ["Gadget", "GadgetList", "GadgetSpec", "GadgetSpecArm", "GadgetSpecLeft", "GadgetSpecSpares"]
    assert own["GadgetSpec"]["required"] == ["left"]
    assert own["GadgetSpec"]["properties"]["arms"]["items"] == {"$ref": f"{REF}gadget.v1.GadgetSpecArm"}
    assert own["Gadget"]["properties"]["metadata"]["$ref"].endswith(".ObjectMeta")
    assert own["Gadget"]["x-kubernetes-validations"][0]["message"] == "too long"


def test_a_name_does_not_change_because_a_sibling_came(tmp_path: Path) -> None:
    holder = {"type": "object", "properties": {"arm": ARM}}
    before = definitions(built(tmp_path, manifest({"type": "object", "properties": {"right": holder}})))
    both = {"type": "object", "properties": {"left": holder, "right": holder}}
    after = definitions(built(tmp_path, manifest(both)))
    for name in before.keys() - {"gadget.v1.GadgetSpec"}:
        assert after[name] == before[name]


def test_names_are_configured_by_place(tmp_path: Path) -> None:
    both = {"type": "object", "properties": {"left": ARM, "arms": {"type": "array", "items": ARM}}}
    found = definitions(built(tmp_path, manifest(both), names={"Gadget.spec.left": "Arm", "Gadget.spec.arms[]": "Arm"}))
    assert "gadget.v1.Arm" in found
    assert found["gadget.v1.GadgetSpec"]["properties"]["left"] == {"$ref": f"{REF}gadget.v1.Arm"}
    assert not [name for name in found if name.startswith("gadget.v1.GadgetSpecA")]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (
            {"Gadget.spec.*": "Arm"},
            "#/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/leg: another type",
        ),
        ({"Gadget.spec.tail": "Tail"}, "the pattern 'Gadget.spec.tail' of `names` matches no type"),
    ],
)
def test_a_configured_name_fits_one_type(tmp_path: Path, names: dict[str, str], problem: str) -> None:
    leg = {"type": "object", "properties": {"joints": {"type": "integer"}}}
    with pytest.raises(CodegenError, match="gadget") as refused:
        built(tmp_path, manifest({"type": "object", "properties": {"arm": ARM, "leg": leg}}), names=names)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    "name", [f"{CORE}.Toleration", f"{CORE}.PodSpec", "io.k8s.api.batch.v1.JobTemplateSpec", f"{CORE}.EnvVar"]
)
def test_a_type_of_kubernetes_is_recognised_by_all_it_has(tmp_path: Path, name: str) -> None:
    wordy = {**written_out(name), "description": "Upstream's prose.", "nullable": True}
    fields = spec_of(tmp_path, part=wordy, parts={"type": "array", "items": written_out(name)})
    assert fields["part"] == {"allOf": [{"$ref": REF + name}], "nullable": True}
    assert fields["parts"]["items"] == {"$ref": REF + name}


def with_pattern(schema: dict[str, Any]) -> None:
    schema["properties"]["key"]["pattern"] = "^[a-z]+$"


def without_a_field(schema: dict[str, Any]) -> None:
    del schema["properties"]["value"]


def with_a_field(schema: dict[str, Any]) -> None:
    schema["properties"]["colour"] = {"type": "string"}


def of_another_type(schema: dict[str, Any]) -> None:
    schema["properties"]["tolerationSeconds"] = {"type": "string"}


def with_a_required_field(schema: dict[str, Any]) -> None:
    schema["required"] = ["key"]


def with_a_default(schema: dict[str, Any]) -> None:
    schema["properties"]["operator"]["default"] = "Equal"


CHANGES = [with_pattern, without_a_field, with_a_field, of_another_type, with_a_required_field, with_a_default]


@pytest.mark.parametrize("change", CHANGES)
def test_what_differs_from_a_type_of_kubernetes_is_a_type_of_its_own_and_told(tmp_path: Path, change: Any) -> None:
    schema = written_out(f"{CORE}.Toleration")
    change(schema)
    pin = built(tmp_path, manifest({"type": "object", "properties": {"part": schema}}))
    found = definitions(pin)
    assert found["gadget.v1.GadgetSpec"]["properties"]["part"] == {"$ref": f"{REF}gadget.v1.GadgetSpecPart"}
    assert found["gadget.v1.GadgetSpecPart"]["properties"].keys() == schema["properties"].keys()
    (note,) = pin.notes
    assert "gadget.v1.GadgetSpecPart (Gadget.spec.part) is a type of its own" in note
    assert f"like {CORE}.Toleration, but for " in note


def test_the_shapes_that_were_taken_for_kubernetes_types_are_not(tmp_path: Path) -> None:
    """A template with other contents, a pair with patterns, a metric with fields of its own."""
    template = {"type": "object", "properties": {"metadata": {"type": "object"}, "spec": {"type": "object", "properties": {
        "port": {"type": "integer"}}}}}  # fmt: skip
    pair = {"type": "object", "required": ["name", "value"], "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"}, "value": {"type": "string"}}}  # fmt: skip
    metric = {"type": "object", "properties": {"metric": {"type": "object", "properties": {
        "backend": {"type": "string"}}}, "target": {"type": "object", "properties": {"value": {"type": "string"}}}}}  # fmt: skip
    fields = spec_of(tmp_path, template=template, pair=pair, podmetric=metric)
    for name in ("template", "pair", "podmetric"):
        assert fields[name] == {"$ref": f"{REF}gadget.v1.GadgetSpec{name.capitalize()}"}


def test_types_that_only_their_names_tell_apart_are_recognised_by_the_field(tmp_path: Path) -> None:
    header = written_out(f"{CORE}.HTTPHeader")
    fields = spec_of(tmp_path, httpHeaders={"type": "array", "items": header}, notes={"type": "array", "items": header})
    assert fields["httpHeaders"]["items"] == {"$ref": f"{REF}{CORE}.HTTPHeader"}
    assert fields["notes"]["items"] == {"$ref": f"{REF}gadget.v1.GadgetSpecNote"}


def test_types_below_a_configured_name_are_named_after_it_and_may_stand_at_several_places(tmp_path: Path) -> None:
    holder = {"type": "object", "properties": {"arm": ARM}}
    fields = {"left": holder, "right": holder}
    names = {"Gadget.spec.left": "Side", "Gadget.spec.right": "Side"}
    found = definitions(built(tmp_path, manifest({"type": "object", "properties": fields}), names=names))
    assert sorted(name for name in found if name.startswith("gadget.v1.S")) == ["gadget.v1.Side", "gadget.v1.SideArm"]


def test_what_is_nearly_a_type_of_kubernetes_can_be_named_after_it_with_all_below(tmp_path: Path) -> None:
    probe = written_out(f"{CORE}.Probe")
    del probe["properties"]["httpGet"]["required"], probe["properties"]["grpc"]["required"]
    names = {"Gadget.spec.check": f"{CORE}.Probe"}
    pin = built(tmp_path, manifest({"type": "object", "properties": {"check": probe}}), names=names)
    own = sorted(name for name in definitions(pin) if name.startswith("gadget.v1.") and "Gadget" not in name)
    assert own == ["gadget.v1.GRPCAction", "gadget.v1.HTTPGetAction", "gadget.v1.Probe"]
    assert [note for note in pin.notes if note.startswith("gadget.v1.Probe (Gadget.spec.check) is a type of its own")]


UPSTREAM = {
    "swagger": "2.0",
    "definitions": {
        "v1.Gadget": {"properties": {"spec": {"$ref": "#/definitions/v1.Plan"}, "gone": {"$ref": "#/definitions/x.Y"}}},
        "v1.Plan": {
            "properties": {
                "left": {"$ref": "#/definitions/v1.Arm"},
                "arms": {"type": "array", "items": {"$ref": "#/definitions/v1.Arm"}},
                "spares": {"additionalProperties": {"$ref": "#/definitions/other.Spare"}},
                "probe": {"$ref": "#/definitions/v1.Probe"},
                "pull": {"$ref": "#/definitions/v1.LocalObjectReference"},
            }
        },
        "v1.Arm": {"properties": {"reach": {"type": "string"}}},
    },
}


def test_names_and_nothing_else_come_from_upstreams_document(tmp_path: Path) -> None:
    leg = {"type": "object", "properties": {"joints": {"type": "integer"}}}
    probe = written_out(f"{CORE}.Probe")
    del probe["properties"]["httpGet"]["required"]
    fields = {
        "left": ARM,
        "arms": {"type": "array", "items": ARM},
        "spares": {"type": "object", "additionalProperties": leg},
        "probe": probe,
        "pull": written_out(f"{CORE}.LocalObjectReference"),
        "other": leg,
    }
    (tmp_path / "crd.yaml").write_text(json.dumps(manifest({"type": "object", "properties": fields})), "utf-8")
    (tmp_path / "swagger.json").write_text(json.dumps(UPSTREAM), "utf-8")
    named = dataclasses.replace(component(), names_from="swagger.json")
    pin = build(named, "v1.0.0", open_source(str(tmp_path)), [KNOWN])
    found = definitions(pin)
    own = {name.removeprefix("gadget.v1."): node for name, node in found.items() if name.startswith("gadget.")}
    assert sorted(own) == ["Arm", "Gadget", "GadgetList", "HTTPGetAction", "Plan", "PlanOther", "Probe", "Spare"]
    assert own["Arm"]["properties"]["reach"] == {"type": "integer"}
    assert own["Plan"]["properties"]["pull"] == {"$ref": f"{REF}{CORE}.LocalObjectReference"}
    assert {document.name for document in pin.documents} == {"crd.yaml", "swagger.json"}


def test_the_kubernetes_types_are_those_of_the_version_that_fits(tmp_path: Path) -> None:
    older = copy.deepcopy(KNOWN)
    del older[f"{CORE}.Toleration"]["properties"]["tolerationSeconds"]
    old = Inliner("pins", older).definition(f"{CORE}.Toleration")
    crd = manifest({"type": "object", "properties": {"tolerations": {"type": "array", "items": dict(old)}}})
    (tmp_path / "crd.yaml").write_text(json.dumps(crd), "utf-8")
    for states, shared in (([KNOWN, older], True), ([older, KNOWN], True), ([KNOWN], False)):
        found = definitions(build(component(), "v1.0.0", open_source(str(tmp_path)), states))
        assert ("gadget.v1.GadgetSpecToleration" not in found) == shared
        fields = found[f"{CORE}.Toleration"]["properties"] if shared else {}
        assert "tolerationSeconds" not in fields


def test_a_quantity_is_known_by_its_pattern(tmp_path: Path) -> None:
    quantity = written_out("io.k8s.apimachinery.pkg.api.resource.Quantity")
    either = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
    fields = spec_of(tmp_path, memory=quantity, port=either, share={**either, "pattern": "^[0-9]+%$"})
    assert fields["memory"]["$ref"].endswith(".Quantity")
    assert fields["port"]["$ref"].endswith(".IntOrString")
    assert fields["share"]["allOf"][0]["$ref"].endswith(".IntOrString")
    assert fields["share"]["pattern"] == "^[0-9]+%$"


def test_without_another_pin_there_are_no_kubernetes_types_to_recognise(tmp_path: Path) -> None:
    built(tmp_path, manifest({"type": "object"}))
    with pytest.raises(SchemaError, match="pin a component with OpenAPI first"):
        build(component(), "v1.0.0", open_source(str(tmp_path)), [{}])


@pytest.mark.parametrize(
    ("many", "one"),
    [("tolerations", "toleration"), ("policies", "policy"), ("hostAliases", "hostAlias"), ("statuses", "status"),
     ("addresses", "address"), ("env", "env"), ("status", "status"), ("envFrom", "envFrom"), ("class", "class")],
)  # fmt: skip
def test_one_of_many(many: str, one: str) -> None:
    assert singular(many) == one

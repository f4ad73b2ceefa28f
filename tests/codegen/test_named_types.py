"""A component that has CRDs only: its types get names, and Kubernetes' own types are recognised by their fields."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from codegen import config
from codegen.commands.pin import build
from codegen.config import Component
from codegen.errors import SchemaError
from codegen.schema.naming import singular
from codegen.upstream.source import open_source
from tests.codegen.conftest import ROOT, Workshop

REF = "#/components/schemas/"


def crd_only(root: Path) -> Component:
    return dataclasses.replace(config.load(root).component("workshop"), openapi=None, definitions="gadget.v1")


def known() -> dict[str, Any]:
    pinned: dict[str, Any] = json.loads((ROOT / "schemas/trainer/v2.3.json").read_text("utf-8"))
    return dict(pinned["components"]["schemas"])


def test_types_are_named_for_where_they_stand(workshop: Workshop) -> None:
    content, documents = build(crd_only(workshop.root), "v1.2.3", open_source(str(workshop.upstream)), known())
    schemas = json.loads(content)["components"]["schemas"]
    own = sorted(name for name in schemas if name.startswith("gadget."))
    assert own == [
        "gadget.v1.Robot",
        "gadget.v1.RobotList",
        "gadget.v1.RobotSpec",
        "gadget.v1.RobotSpecArm",
        "gadget.v1.RobotSpecFrom",
        "gadget.v1.RobotSpecTemplate",
    ]
    spec = schemas["gadget.v1.RobotSpec"]
    assert spec["required"] == ["model"]
    assert spec["properties"]["arms"]["items"] == {"$ref": REF + "gadget.v1.RobotSpecArm"}
    assert spec["properties"]["load"] == {"$ref": REF + "io.k8s.apimachinery.pkg.api.resource.Quantity"}
    assert schemas["gadget.v1.Robot"]["properties"]["metadata"]["$ref"].endswith(".ObjectMeta")
    assert schemas["gadget.v1.Robot"]["x-kubernetes-validations"][0]["message"] == "too long"
    assert [document.name for document in documents] == ["robots.yaml"]


def test_kubernetes_types_are_recognised(workshop: Workshop) -> None:
    workshop.edit(
        "robots.yaml",
        lambda text: text.replace(
            "class: {type: string}",
            "class: {type: object, properties: {effect: {type: string}, key: {type: string}, operator: {type: string}, "
            "tolerationSeconds: {type: integer}, value: {type: string}}}",
        ),
    )
    content, _ = build(crd_only(workshop.root), "v1.2.3", open_source(str(workshop.upstream)), known())
    spec = json.loads(content)["components"]["schemas"]["gadget.v1.RobotSpec"]
    assert spec["properties"]["class"] == {"$ref": REF + "io.k8s.api.core.v1.Toleration"}


def test_an_opaque_crd_needs_an_openapi_document(workshop: Workshop) -> None:
    text = (workshop.upstream / "robots.yaml").read_text("utf-8")
    head = text[: text.index("        description: Upstream's prose.\n        type: object")]
    opaque = "        type: object\n        x-kubernetes-preserve-unknown-fields: true\n"
    (workshop.upstream / "robots.yaml").write_text(head + opaque, "utf-8")
    with pytest.raises(SchemaError, match="an OpenAPI document is needed"):
        build(crd_only(workshop.root), "v1.2.3", open_source(str(workshop.upstream)), known())


def test_without_another_pin_there_are_no_kubernetes_types_to_recognise(workshop: Workshop) -> None:
    with pytest.raises(SchemaError, match="pin a component with OpenAPI first"):
        build(crd_only(workshop.root), "v1.2.3", open_source(str(workshop.upstream)), {})


@pytest.mark.parametrize(
    ("many", "one"),
    [("tolerations", "toleration"), ("policies", "policy"), ("hostAliases", "hostAlias"), ("statuses", "status"),
     ("addresses", "address"), ("env", "env"), ("status", "status"), ("envFrom", "envFrom"), ("class", "class")],
)  # fmt: skip
def test_one_of_many(many: str, one: str) -> None:
    assert singular(many) == one

"""Manifests out: what a pin gives back is what upstream's CRDs say, without their prose."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen import config
from codegen.errors import SchemaError
from codegen.pins.crd_manifests import manifests, pinned_crds
from codegen.schema.jsontypes import Object
from tests.codegen.conftest import ROOT, Workshop, released

UPSTREAM = os.environ.get("KUBEFLOW_TEST_UPSTREAM")
TRAINER = config.load(ROOT).component("trainer")
# What schemas/patches.toml adds to TrainJob for the webhook's sake; patches are of the newest pin alone.
PATCHED = [(("spec", "versions", "0", "schema", "openAPIV3Schema", "required"), ["spec"], None)]


def differences(ours: Any, theirs: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield every place where two documents differ. Upstream's prose and the order of `required` do not count."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key == "description" and isinstance(theirs.get(key), str):
                assert key not in ours
                continue
            yield from differences(ours.get(key), theirs.get(key), (*path, key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs) and path[-1] != "required":
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, (*path, str(index)))
    elif path[-1:] == ("required",) and ours and theirs:
        assert sorted(ours) == sorted(theirs)
    elif ours != theirs or type(ours) is not type(theirs):
        yield path, ours, theirs


@pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with the control planes' releases")
@pytest.mark.parametrize("version", TRAINER.pinned)
def test_a_manifest_is_upstreams_without_its_prose(version: str) -> None:
    found = pinned_crds(ROOT, TRAINER, version)
    assert len(found) == len(TRAINER.kinds_in(version))
    for name, manifest in found.items():
        file = (released(TRAINER, version) / "manifests/base/crds" / name).with_suffix(".yaml")
        theirs = yaml.load(file.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        del theirs["metadata"]["annotations"]  # names the tool that wrote it
        newest = version in (TRAINER.versions[-1], TRAINER.preview)
        patched = PATCHED if newest and name == "trainer.kubeflow.org_trainjobs.json" else []
        assert list(differences(manifest, theirs)) == patched


def test_no_prose_reaches_a_manifest(workshop: Workshop, tmp_path: Path) -> None:
    assert workshop.pin() == 0
    assert workshop.run("crds", "workshop", "1.2", "--out", str(tmp_path / "out")) == 0
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "workshop.example_robots.json"
    assert "prose" not in file.read_text("utf-8")
    manifest = json.loads(file.read_text("utf-8"))
    (version,) = manifest["spec"]["versions"]
    assert manifest["spec"]["scope"] == "Cluster"
    assert version["additionalPrinterColumns"] == [{"jsonPath": ".spec.model", "name": "Model", "type": "string"}]
    root = version["schema"]["openAPIV3Schema"]
    assert root["properties"]["metadata"] == {"type": "object"}
    assert root["x-kubernetes-validations"] == [{"rule": "size(self.metadata.name) <= 63", "message": "too long"}]
    spec = root["properties"]["spec"]
    assert spec["required"] == ["model"]
    assert spec["properties"]["armCount"] == {"type": "integer", "format": "int32", "default": 2, "minimum": 0}
    assert spec["properties"]["load"] == {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "pattern": "^[0-9]+m?$",
        "x-kubernetes-int-or-string": True,
    }
    assert sorted(spec["properties"]["template"]["properties"]) == ["labels", "name"]


@pytest.mark.parametrize("version", ["v1.2.3", "v1.2", "1.2.3", "1.2"])
def test_a_version_may_be_written_shortly(workshop: Workshop, tmp_path: Path, version: str) -> None:
    assert workshop.pin() == 0
    assert workshop.run("crds", "workshop", version, "--out", str(tmp_path / "out")) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("workshop", "2.0"), "workshop 2.0 is not pinned; schemas/lock.toml has: v1.2.3"),
        (("garage", "1.2"), "unknown component 'garage'; pyproject.toml has: workshop"),
    ],
)
def test_what_is_not_pinned_is_answered_with_what_is(
    workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], problem: str
) -> None:
    assert workshop.pin() == 0
    assert workshop.run("crds", *arguments, "--out", str(tmp_path / "out")) == 1
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_type_that_refers_to_itself_is_refused() -> None:
    link: Object = {"$ref": "#/components/schemas/w.Robot"}
    definitions: Object = {
        "w.Robot": {"type": "object", "properties": {"twin": link}},
        "w.RobotList": {"type": "object"},
    }
    facts: Object = {
        "kind": "Robot",
        "definition": "w.Robot",
        "listKind": "RobotList",
        "plural": "robots",
        "group": "w",
        "version": "v1",
        "scope": "Cluster",
    }
    with pytest.raises(SchemaError, match="refers to itself"):
        manifests("pin.json", {"components": {"schemas": definitions}, "x-kinds": [facts]})

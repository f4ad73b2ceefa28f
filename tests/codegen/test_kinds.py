"""One component has kinds of several groups and versions, and kinds that came with a later minor or come with a preview."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_api import trainer
from kubeflow_api.trainer.v1alpha1 import OptimizationJob, check
from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

from codegen import config
from codegen.comparison.contract import from_crds, pinned
from codegen.errors import CodegenError
from codegen.pins import lock
from codegen.pins.crd_manifests import pinned_crds
from kubeflow.core.availability import Availability, Field
from kubeflow.core.errors import InvalidInput
from tests.codegen.conftest import COMMIT, ROOT, Workshop
from tests.codegen.crds import crd

GARAGE = """\
[tool.codegen]
package = "workshop_api"
shared = ["io.k8s."]

[tool.codegen.components.garage]
repository = "https://example.org/garage"
versions = ["v1.0.0"]
crds = "*.yaml"
group = "garage.example"
version = "v1"
definitions = "garage.v1"
kinds = ["Lift", "garage.example/v1alpha1/Lift", "pit.example/v1/Stop"]
further = { "garage.example/v1alpha1" = "garage.v1alpha1", "pit.example/v1" = "pit.v1" }

[tool.codegen.modules]
"garage.v1" = "garage.v1"
"garage.v1alpha1" = "garage.v1alpha1"
"pit.v1" = "pit.v1"
"""


def spec(**fields: str) -> dict[str, Any]:
    """Return the schema of a kind whose spec has fields of these types."""
    properties = {name: {"type": kind} for name, kind in fields.items()}
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def of_group(manifest: Mapping[str, Any], group: str, **further: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CRD in another group, with further versions."""
    (version,) = manifest["spec"]["versions"]
    versions = [
        version,
        *({**version, "name": name, "storage": False, "schema": {"openAPIV3Schema": s}} for name, s in further.items()),
    ]
    plural = manifest["spec"]["names"]["plural"]
    return {
        **manifest,
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {**manifest["spec"], "group": group, "versions": versions},
    }


LIFT = of_group(crd(spec(height="integer"), "Lift"), "garage.example", v1alpha1=spec(metres="string"))
STOP = of_group(crd(spec(tyres="integer"), "Stop"), "pit.example")


@pytest.fixture
def garage(workshop: Workshop) -> Workshop:
    """A checkout with one component of three groups and versions, which is pinned beside this checkout's Trainer."""
    table = (ROOT / "pyproject.toml").read_text("utf-8")
    rest = table[table.index("[tool.codegen.components.trainer]") : table.index("[tool.codegen.components.katib]")]
    modules = table[table.index("[tool.codegen.modules]\n") : table.index("[tool.ruff]")].partition("\n")[2]
    (workshop.root / "pyproject.toml").write_text(
        GARAGE.replace("[tool.codegen.components.garage]", f"{rest}\n[tool.codegen.components.garage]") + modules,
        "utf-8",
    )
    shutil.copytree(ROOT / "schemas/trainer", workshop.root / "schemas/trainer")
    pins = [each for each in lock.read(ROOT / "schemas") if each.component == "trainer"]
    (workshop.root / "schemas/lock.toml").write_text(lock.render(pins), "utf-8")
    for file in workshop.upstream.iterdir():
        file.unlink()
    for name, manifest in {"lift": LIFT, "stop": STOP}.items():
        (workshop.upstream / f"{name}.yaml").write_text(json.dumps(manifest), "utf-8")
    return workshop


def pin(garage: Workshop, version: str = "v1.0.0") -> int:
    return garage.run("pin", "garage", version, "--from", str(garage.upstream), "--commit", COMMIT)


def test_one_pin_has_kinds_of_several_groups_and_versions(garage: Workshop, tmp_path: Path) -> None:
    assert pin(garage) == 0
    document = json.loads((garage.root / "schemas/garage/v1.0.json").read_text("utf-8"))
    assert [entry["definition"] for entry in document["x-kinds"]] == [
        "garage.v1.Lift",
        "garage.v1alpha1.Lift",
        "pit.v1.Stop",
    ]
    component = config.load(garage.root).component("garage")
    manifests = pinned_crds(garage.root, component, "1.0")
    assert sorted(manifests) == ["garage.example_lifts.json", "pit.example_stops.json"]
    versions: Any = manifests["garage.example_lifts.json"]["spec"]
    assert [(each["name"], each["storage"]) for each in versions["versions"]] == [("v1", True), ("v1alpha1", False)]
    ours = pinned(garage.root, component, "1.0")
    theirs = from_crds("crds", [LIFT, STOP], component)
    assert set(ours.kinds) == set(theirs.kinds) == set(component.kinds)


def test_each_group_and_version_has_a_package_with_models_and_a_client(garage: Workshop) -> None:
    assert pin(garage) == 0
    assert garage.run("generate") == 0
    code = (
        "from workshop_api.garage import v1, v1alpha1\n"
        "from workshop_api.pit.v1 import Client, Stop\n"
        "print(v1.Lift(spec=v1.LiftSpec(height=3)).to_dict())\n"
        "print(v1alpha1.Lift(spec=v1alpha1.LiftSpec(metres='3')).to_dict())\n"
        "print(Stop.API_VERSION, Client.__doc__.splitlines()[0])\n"
    )
    path = os.pathsep.join([str(garage.root / "generated"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.splitlines() == [
        "{'apiVersion': 'garage.example/v1', 'kind': 'Lift', 'spec': {'height': 3}}",
        "{'apiVersion': 'garage.example/v1alpha1', 'kind': 'Lift', 'spec': {'metres': '3'}}",
        "pit.example/v1 All kinds of `pit.example/v1` in one cluster.",
    ]
    assert garage.run("verify") == 1  # nothing of it is described


def test_a_version_that_no_crd_has_is_named(garage: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    garage.edit_configuration('"pit.example/v1/Stop"', '"pit.example/v2/Stop"')
    garage.edit_configuration('"pit.example/v1" =', '"pit.example/v2" =')
    assert pin(garage) == 1
    message = capsys.readouterr().err
    assert "no CRD for Stop of pit.example/v2; *.yaml has" in message
    assert "stop.yaml has Stop of pit.example/v1, which pyproject.toml does not take" in message


def test_a_kind_has_its_first_minor_from_the_configuration(
    garage: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (garage.upstream / "stop.yaml").unlink()
    assert pin(garage) == 1
    assert "no CRD for Stop of pit.example/v1" in capsys.readouterr().err
    garage.edit_configuration(
        'versions = ["v1.0.0"]', 'versions = ["v1.0.0", "v1.1.0"]\nsince = { "pit.example/v1/Stop" = "v1.1" }'
    )
    assert pin(garage) == 0
    (garage.upstream / "stop.yaml").write_text(json.dumps(STOP), "utf-8")
    assert pin(garage, "v1.1.0") == 0
    assert garage.run("generate") == 0
    assert pin(garage) == 0  # the older minor again, though its documents have the newer kind now
    assert "Stop of pit.example/v1, which pyproject.toml does not take" in capsys.readouterr().out
    found = (garage.root / "generated/workshop_api/pit/v1/availability.py").read_text("utf-8")
    assert 'Field("", since="1.1")' in found


def test_a_pin_that_lacks_a_kind_fails_whatever_minor_it_is_of(
    garage: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    garage.edit_configuration('versions = ["v1.0.0"]', 'versions = ["v1.0.0", "v1.1.0"]')
    assert pin(garage) == 0
    assert pin(garage, "v1.1.0") == 0
    assert garage.run("generate") == 0
    garage.edit_configuration('kinds = ["Lift", ', 'kinds = ["Lift", "Jack", ')
    assert garage.run("verify") == 1
    message = capsys.readouterr().err
    for file in ("v1.0.json", "v1.1.json"):
        assert f"schemas/garage/{file}: has no Jack, which pyproject.toml names" in message
    assert "or give its first minor in `since` of garage" in message


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('"pit.example/v1/Stop"', '"v1/Stop"', "'v1/Stop' is neither 'Name' nor 'group/version/Name'"),
        ('"pit.example/v1/Stop"', '"pit.example//Stop"', "is neither 'Name' nor"),
        ('"pit.example/v1/Stop"', '"garage.example/v1/Stop"', "of the component's own version; write 'Stop'"),
        ('"pit.example/v1/Stop"', '"pit.example/v3/Stop"', 'further: no entry for pit.example/v3 .* such as "pit.example/v3" = "garage.v3"'),
        ('versions = ["v1.0.0"]', 'versions = ["v1.0.0"]\nsince = { Jack = "v1.0" }', "'Jack' is not written so in `kinds`"),
        ('versions = ["v1.0.0"]', 'versions = ["v1.0.0"]\nunpinned_since = { Lift = "v0.9" }', "`since` has no later minor of 'Lift'"),
        ('versions = ["v1.0.0"]', 'versions = ["v1.0.0"]\nunpinned_since = { Lift = "0.9" }', "a minor is written like 'v2.4', not '0.9'"),
        ('versions = ["v1.0.0"]', 'versions = ["v1.0.0"]\nsince = { Lift = "1.0" }', "a minor is written like 'v2.4', not '1.0'"),
        ('versions = ["v1.0.0"]', 'versions = ["v1.0.0"]\nsince = { Lift = "v1.1" }', "no pinned release has 'Lift', which came with v1.1"),
        ('versions = ["v1.0.0"]', 'versions = ["v1.0.0"]\npreview = "v1.0.1"', "v1.0.1 is not newer than v1.0.0"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_says_what_to_write(garage: Workshop, before: str, after: str, problem: str) -> None:
    garage.edit_configuration(before, after)
    with pytest.raises(CodegenError, match=problem):
        config.load(garage.root)


# -- a preview -----------------------------------------------------------------------------------------------------

JOB = yaml.safe_load("""
metadata: {name: tune}
spec:
  objectives: [{metric: loss}]
  parameters: [{name: lr, searchSpace: {uniform: {min: "0.01", max: "0.1"}}}]
  trainJobTemplate: {spec: {runtimeRef: {name: torch-distributed}}}
""")


def test_a_kind_of_a_later_minor_is_not_there_before_it() -> None:
    """Its first minor is a preview now, and a release later on."""
    component = config.load(ROOT).component("trainer")
    first = component.since["OptimizationJob"].removeprefix("v")
    job = OptimizationJob.from_dict(JOB)
    for minor in AVAILABILITY.minors:
        findings = check(job, minor)
        if tuple(map(int, minor.split("."))) < tuple(map(int, first.split("."))):
            (finding,) = findings
            assert finding.since == first
            assert finding.problem.startswith(f"Trainer {minor} has no OptimizationJob; it ")
        else:
            assert findings == []
    assert check(job, f"v{first}.0") == []
    with pytest.raises(InvalidInput, match="is not known here"):
        check(job, "2.99")


def test_a_preview_is_known_for_the_kinds_that_come_with_it_only() -> None:
    rows = {"OptimizationJob": (Field("", since="1.1"),), "TrainJob": ()}
    known = Availability("Workshop", ("1.0",), rows, {"OptimizationJob": (), "TrainJob": ()}, "1.1")
    job = OptimizationJob.from_dict(JOB)
    assert known.check(job, "1.1") == []
    (finding,) = known.check(job, "1.0")
    assert str(finding) == "Workshop 1.0 has no OptimizationJob; it comes with 1.1, a preview"
    with pytest.raises(InvalidInput, match="known are 1.0"):
        known.check(trainer.v1alpha1.TrainJob.from_server({}), "1.1")


def test_models_of_a_preview_say_so_and_leave_those_of_the_release_alone(garage: Workshop) -> None:
    """The kind that a preview brings is generated; what both have stays as in the release."""
    newer = of_group(
        crd(spec(height="integer", load="integer"), "Lift"), "garage.example", v1alpha1=spec(metres="string")
    )
    (garage.upstream / "stop.yaml").unlink()
    garage.edit_configuration(
        'versions = ["v1.0.0"]',
        'versions = ["v1.0.0"]\npreview = "v1.1.0"\nsince = { "pit.example/v1/Stop" = "v1.1" }',
    )
    assert pin(garage) == 0
    (garage.upstream / "lift.yaml").write_text(json.dumps(newer), "utf-8")
    (garage.upstream / "stop.yaml").write_text(json.dumps(STOP), "utf-8")
    assert pin(garage, "v1.1.0") == 0
    assert garage.run("generate") == 0
    generated = garage.root / "generated/workshop_api"
    assert "load" not in (generated / "garage/v1/models.py").read_text("utf-8")
    assert "A preview of Garage 1.1" in (generated / "pit/v1/models.py").read_text("utf-8")
    assert "A preview" not in (generated / "garage/v1/models.py").read_text("utf-8")
    assert '"Stop": "Garage 1.1"' in (generated / "__init__.py").read_text("utf-8")
    assert "garage v1.1.0 (a preview)" in (garage.root / "docs/reference/README.md").read_text("utf-8")

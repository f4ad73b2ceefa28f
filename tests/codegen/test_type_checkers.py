"""What is generated from CRDs of any shape passes mypy and pyright in strict mode, and imports."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver import UPSTREAM
from tests.codegen import awkward, shapes
from tests.codegen.conftest import ROOT
from tests.codegen.crds import generated, imported, manifest

OURS = [manifest(case.spec, kind=case.kind) for case in (*shapes.CASES, *awkward.CASES)]
# Of other projects, with the newest release of each.
PROJECTS = (
    "jobset/v0.12.0/config/components/crd/bases/*.yaml",
    "kserve/v0.20.0/config/crd/full/*.yaml",
    "spark-operator/v2.5.2/config/crd/bases/*.yaml",
)


def of_project(pattern: str) -> list[dict[str, Any]]:
    """Return the CRDs of a project as those of gadget.example/v1, each with its stored version alone."""
    files = sorted(Path(str(UPSTREAM)).glob(pattern))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = [each for file in files for each in yaml.load_all(file.read_text("utf-8"), loader) if each]
    return [_as_gadget(each) for each in documents if each["kind"] == "CustomResourceDefinition"]


def _as_gadget(crd: Mapping[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(crd["spec"])
    version = next(each for each in spec["versions"] if each["storage"])
    spec |= {"group": "gadget.example", "versions": [{**version, "name": "v1"}]}
    return {**crd, "metadata": {"name": f"{spec['names']['plural']}.gadget.example"}, "spec": spec}


def problems(folder: Path, crds: Sequence[Mapping[str, Any]]) -> str:
    """Return what both type checkers say of the package that is generated from some CRDs."""
    generated(folder, *crds)
    place = folder / "checkout/generated"
    found = [_mypy(place, folder / "mypy"), _pyright(place)]
    return "\n".join(filter(None, found))


def _mypy(place: Path, cache: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--cache-dir", str(cache)]
    path = os.pathsep.join([str(ROOT), str(place)])
    result = subprocess.run(
        [*command, "--follow-imports", "silent", "-p", "gadget_api"],
        capture_output=True, text=True, check=False, cwd=place, env={**os.environ, "MYPYPATH": path},
    )  # fmt: skip
    assert "source file" in result.stdout, result.stdout + result.stderr
    return result.stdout if result.returncode else ""


def _pyright(place: Path) -> str:
    project = place / "pyrightconfig.json"
    settings = {"include": ["gadget_api"], "typeCheckingMode": "strict", "extraPaths": [str(ROOT), str(place)]}
    project.write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    result = subprocess.run(
        [*command, "--project", str(project)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    report = json.loads(result.stdout)
    assert report["summary"]["filesAnalyzed"] >= 10
    errors = [entry for entry in report["generalDiagnostics"] if entry["severity"] == "error"]
    return "\n".join(f"{each['file']}:{each['range']['start']['line'] + 1}: {each['message']}" for each in errors)


def test_every_shape_passes_both_type_checkers(tmp_path: Path) -> None:
    assert problems(tmp_path, OURS) == ""


@pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM is not set")
def test_the_crds_of_other_projects_pass_both_type_checkers(tmp_path: Path) -> None:
    crds = [of_project(pattern) for pattern in PROJECTS]
    assert all(crds)
    assert problems(tmp_path, [crd for project in crds for crd in project]) == ""  # in one run, which reads less


def test_every_class_and_builder_of_every_shape_loads(tmp_path: Path) -> None:
    with imported(tmp_path, *OURS) as package:
        for name in package.__all__:
            assert getattr(package, name)
        builders = [name for name in package.__all__ if name.endswith("Builder")]
        assert len(builders) > len(awkward.CASES) - 5

"""A checkout in miniature: its own configuration, descriptions and upstream documents, the real templates."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from codegen.__main__ import main
from codegen.config import Component

ROOT = Path(__file__).parents[2]
INPUTS = Path(__file__).parent / "inputs"
DESCRIPTIONS = Path(__file__).parent / "docs"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

PYPROJECT = """\
[tool.codegen]
package = "workshop_api"

[tool.codegen.components.workshop]
repository = "https://example.org/workshop"
versions = ["v1.2.3"]
openapi = "openapi.json"
crds = "*.yaml"
group = "workshop.example"
version = "v1"
definitions = "workshop.v1"
kinds = ["Robot"]

[tool.codegen.modules]
"workshop.v1" = "workshop.v1"
"io.k8s.apimachinery.pkg.apis.meta.v1" = "k8s.meta.v1"

[tool.codegen.types]
"io.k8s.apimachinery.pkg.api.resource.Quantity" = "kubeflow.core.quantity.QuantityLike"
"""


# Where the documents of REST APIs lie, which have folders of their own.
REST_FOLDERS = {
    "model-registry": "model-registry-v1-fork/7f15cb00",
    "model-registry-v1alpha3": "model-registry/v0.3.8",
}


def released(component: Component, release: str) -> Path:
    """Return the folder with upstream's documents of a release; a preview was made from its project's main branch."""
    upstream = Path(os.environ["KUBEFLOW_TEST_UPSTREAM"])
    if component.name in REST_FOLDERS:
        return upstream / REST_FOLDERS[component.name]
    folder = upstream / component.name
    if release != component.preview:
        return folder / release
    (main,) = folder.glob("main-*")
    return main


@dataclass(frozen=True)
class Workshop:
    """A small checkout at `root`, and the upstream release that it pins, at `upstream`."""

    root: Path
    upstream: Path

    def run(self, *arguments: str) -> int:
        return main(["--root", str(self.root), *arguments])

    def pin(self) -> int:
        return self.run("pin", "workshop", "v1.2.3", "--from", str(self.upstream), "--commit", COMMIT)

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        """Replace the text of an upstream file; the change must change something."""
        path = self.upstream / file
        before = path.read_text("utf-8")
        after = change(before)
        assert after != before
        path.write_text(after, "utf-8")

    def edit_configuration(self, before: str, after: str) -> None:
        """Replace a text of pyproject.toml, which must be there once."""
        path = self.root / "pyproject.toml"
        text = path.read_text("utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), "utf-8")

    def written(self) -> list[str]:
        """Return what the commands have written so far."""
        folders = [self.root / "schemas", self.root / "generated", self.root / "docs"]
        files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        names = (path.relative_to(self.root).as_posix() for path in files)
        return sorted(name for name in names if not name.startswith("schemas/docs/"))

    def describe(self, change: Callable[[str], str], file: str = "workshop.v1.yaml") -> None:
        """Replace the text of a file of descriptions; the change must change something."""
        path = self.root / "schemas/docs" / file
        before = path.read_text("utf-8") if path.exists() else ""
        after = change(before)
        assert after != before
        path.write_text(after, "utf-8")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT, "utf-8")
    shutil.copytree(ROOT / "templates", root / "templates")
    shutil.copytree(ROOT / "codegen", root / "codegen", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(DESCRIPTIONS, root / "schemas" / "docs")
    shutil.copytree(INPUTS, tmp_path / "upstream")
    return Workshop(root, tmp_path / "upstream")

"""docs/compatibility.md says what the pins, the lock and schemas/compatibility.toml say today."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codegen import config
from codegen.config import minor
from codegen.errors import CodegenError
from codegen.minors import compatibility
from tests.codegen.conftest import ROOT


def test_the_page_is_what_would_be_written() -> None:
    written = (ROOT / compatibility.PAGE).read_text("utf-8")
    assert written == compatibility.render(ROOT, config.load(ROOT)), "run `make generate`"


def test_every_pinned_release_has_its_kubernetes() -> None:
    assert compatibility.missing(ROOT, config.load(ROOT)) == []


def test_a_row_names_what_was_tested_on_the_same_kubernetes() -> None:
    page = (ROOT / compatibility.PAGE).read_text("utf-8")
    assert "| SDK | Kubernetes | Kubeflow Trainer | Kubeflow Katib (optimizer) |" in page
    assert "| 1.31..1.34 | 2.1 | 0.18 (on 1.31; no trials of TrainJobs), 0.19 (on 1.31..1.34) |" in page
    assert "| 1.32..1.35 | 2.3 | 0.19 (on 1.32..1.34) |" in page
    assert "| `spec.podSpecOverrides` |  | 2.0 | `spec.podTemplateOverrides`" in page


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("schemas", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def edit(checkout: Path, before: str, after: str) -> None:
    path = checkout / "schemas/compatibility.toml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


def test_a_release_without_facts_is_something_to_do_and_no_failure(checkout: Path) -> None:
    configuration = config.load(checkout)
    before = compatibility.missing(checkout, configuration)
    release = "v2.2.0"
    edit(checkout, f'version = "{release}"', 'version = "v2.99.0"')
    (todo,) = set(compatibility.missing(checkout, configuration)) - set(before)
    assert f"add the Kubernetes versions of trainer {release} to schemas/compatibility.toml" in todo
    assert (
        f"| {minor(release).removeprefix('v')} |" not in compatibility.render(checkout, configuration).split("## ")[0]
    )


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('tested = ["1.29", "1.32"]', 'tested = ["1.32", "1.29"]', "trainer v2.0.0: 1.32 comes after 1.29"),
        ('tested = ["1.29", "1.32"]', 'tested = ["1.29"]', "the entry .* is wrong"),
        ('types = "1.32"', 'typos = "1.32"', "the entry .* is wrong"),
    ],
)
def test_a_wrong_entry_is_named(checkout: Path, before: str, after: str, problem: str) -> None:
    edit(checkout, before, after)
    with pytest.raises(CodegenError, match=problem):
        compatibility.render(checkout, config.load(checkout))

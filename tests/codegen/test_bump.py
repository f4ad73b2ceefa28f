"""`codegen bump` takes up a release in one step, and a step that fails leaves nothing changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen import config
from codegen.commands.bump import predecessor, with_version, with_versions
from codegen.config import minor
from codegen.errors import CodegenError
from codegen.pins import lock
from tests.codegen.conftest import COMMIT, PYPROJECT, ROOT, Workshop, released


@pytest.fixture
def generated(workshop: Workshop) -> Workshop:
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    return workshop


def bump(workshop: Workshop, version: str, *arguments: str) -> int:
    return workshop.run("bump", "workshop", version, "--from", str(workshop.upstream), "--commit", COMMIT, *arguments)


def snapshot(workshop: Workshop) -> dict[str, bytes]:
    files = (path for path in workshop.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(workshop.root).as_posix(): path.read_bytes() for path in files}


def release(workshop: Workshop) -> None:
    """Make the upstream documents a later release: `class` goes, `wheels` comes, the model's name gets shorter."""

    def crd(text: str) -> str:
        renamed = re.sub(r"class: \{type: string.*\}", "wheels: {type: integer}", text)
        return renamed.replace("maxLength: 20", "maxLength: 10")

    def openapi(text: str) -> str:
        document = json.loads(text)
        fields = document["components"]["schemas"]["workshop.v1.RobotSpec"]["properties"]
        del fields["class"]
        fields["wheels"] = {"type": "integer"}
        return json.dumps(document)

    workshop.edit("robots.yaml", crd)
    workshop.edit("openapi.json", openapi)


def test_a_new_minor_is_configured_pinned_compared_generated_and_verified(
    generated: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    release(generated)
    capsys.readouterr()
    assert bump(generated, "v1.3.0") == 0
    printed = capsys.readouterr().out
    assert config.load(generated.root).component("workshop").versions == ("v1.2.3", "v1.3.0")
    assert [pin.version for pin in lock.read(generated.root / "schemas")] == ["v1.2.3", "v1.3.0"]
    assert "wheels: int" in (generated.root / "generated/workshop_api/workshop/v1/models.py").read_text("utf-8")
    assert "workshop v1.2.3 → workshop v1.3.0" in printed
    assert "field removed in RobotSpec (Robot.spec.class): class" in printed
    assert "model maxLength 20 → 10" in printed
    assert "verified: 2 pin(s)" in printed
    assert "/tmp" not in printed.replace(str(generated.root), "")
    assert "to do: schemas/docs/workshop.v1.yaml" in printed
    assert generated.run("verify") == 1
    message = capsys.readouterr().err
    assert "wheels" in message
    assert "changed since" not in message


def test_the_new_package_says_what_the_older_minor_lacks(generated: Workshop) -> None:
    release(generated)
    assert bump(generated, "v1.3.0") == 0
    code = (
        "from workshop_api.workshop.v1 import Robot, check\n"
        "robot = Robot(spec={'model': 'x' * 9, 'wheels': 4})\n"
        "print(*check(robot, '1.2'), check(robot, '1.3'), sep='|')\n"
        "print(*check(Robot.from_server({'spec': {'model': 'x' * 15, 'class': 'a'}}), 'v1.3'), sep='|')\n"
    )
    path = os.pathsep.join([str(generated.root / "generated"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.splitlines() == [
        "spec.wheels: Workshop 1.2 does not have it; it came with 1.3|[]",
        "spec.model: Workshop 1.3 takes only 10 characters or fewer"
        "|spec.class: Workshop 1.3 does not have it; 1.2 was the last that had it",
    ]


def test_a_patch_release_takes_the_place_of_its_minor(generated: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    release(generated)
    assert bump(generated, "v1.2.4", "--format", "markdown") == 0
    assert "# workshop v1.2.3 → workshop v1.2.4" in capsys.readouterr().out
    assert config.load(generated.root).component("workshop").versions == ("v1.2.4",)
    assert [pin.version for pin in lock.read(generated.root / "schemas")] == ["v1.2.4"]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda text: text.replace("kind: CustomResourceDefinition", "kind: Pod"),
            "no CRD for Robot of workshop.example/v1",
        ),
        (lambda text: text.replace("wheels: {type: integer}", "wheels: {type: string}"), "`type` is 'string' here"),
        # It pins, and cannot be rendered: generation is a later step.
        (
            lambda text: text.replace(
                "wheels: {type: integer}", "wheels: {type: integer, x-kubernetes-validations: [{rule: self.spin()}]}"
            ),
            "cannot lower 'self.spin()'",
        ),
    ],
)
def test_whatever_fails_nothing_is_changed(
    generated: Workshop, capsys: pytest.CaptureFixture[str], spoil: Callable[[str], str], problem: str
) -> None:
    release(generated)
    generated.edit("robots.yaml", spoil)
    before = snapshot(generated)
    assert bump(generated, "v1.3.0") == 1
    assert problem in capsys.readouterr().err
    assert snapshot(generated) == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["bump", "robots", "v1.3.0", "--from", "."], "unknown component 'robots'; pyproject.toml has: workshop"),
        (["bump", "workshop", "1.3", "--from", "."], "a version is written like 'v2.3.0'"),
        (["bump", "workshop", "v1.3.0", "--from", "/nowhere"], "'/nowhere' is none"),
    ],
)
def test_a_wrong_command_says_why(
    generated: Workshop, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    before = snapshot(generated)
    assert generated.run(*arguments) == 1
    assert problem in capsys.readouterr().err
    assert snapshot(generated) == before


def test_the_configuration_is_edited_and_everything_else_in_it_left_alone() -> None:
    text = PYPROJECT.replace('versions = ["v1.2.3"]', 'versions = [  # oldest first\n  "v1.2.3",\n]  # newest last')
    edited = with_versions(text, "workshop", ["v1.2.3", "v1.3.0"])
    assert edited == PYPROJECT.replace('["v1.2.3"]', '["v1.2.3", "v1.3.0"]  # newest last')
    real = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = zip(real.splitlines(), with_versions(real, "trainer", ["v9.9.9"]).splitlines(), strict=True)
    (edited_line,) = [new for old, new in lines if old != new]
    assert edited_line.startswith('versions = ["v9.9.9"]')
    with pytest.raises(CodegenError, match=r"no `versions = \[...\]` below \[tool.codegen.components.robots\]"):
        with_versions(text, "robots", [])


def test_versions_are_ordered_as_numbers() -> None:
    assert with_version(["v2.9.0", "v2.2.0"], "v2.10.0") == ("v2.2.0", "v2.9.0", "v2.10.0")
    assert with_version(["v2.2.0", "v2.9.0"], "v2.2.1") == ("v2.2.1", "v2.9.0")
    assert predecessor(["v2.2.0", "v2.9.0"], "v2.10.0") == "v2.9.0"
    assert predecessor(["v2.2.0", "v2.9.0"], "v2.2.1") == "v2.2.0"
    assert predecessor(["v2.2.0"], "v2.1.0") is None


TRAINER = config.load(ROOT).component("trainer")


def checkout(folder: Path, change: Callable[[str], str] = lambda text: text) -> Path:
    """Return a copy of this checkout, with its pyproject.toml changed."""
    root = folder / "checkout"
    for name in ("codegen", "schemas", "templates", "generated", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "pyproject.toml").write_text(change((ROOT / "pyproject.toml").read_text("utf-8")), "utf-8")
    return root


def bump_trainer(root: Path, version: str, source: Path, commit: str) -> str:
    command = [sys.executable, "-m", "codegen", "--root", str(root), "bump", "trainer", version]
    command += ["--from", str(source), "--commit", commit]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif("KUBEFLOW_TEST_UPSTREAM" not in os.environ, reason="KUBEFLOW_TEST_UPSTREAM is not set")
def test_make_bump_takes_up_trainer_again(tmp_path: Path) -> None:
    """The newest Trainer is taken away from a copy of this checkout, and comes back the same."""
    *older, newest = TRAINER.versions
    # A kind that came with it was there before as a preview: without one, no pin has it.
    previewed = minor(newest) in TRAINER.since.values()

    def before(text: str) -> str:
        table = "[tool.codegen.components.trainer]\n"
        text = with_versions(text, "trainer", older)
        return text.replace(table, f'{table}preview = "{newest}"\n') if previewed else text

    root = checkout(tmp_path, before)
    pins = lock.read(root / "schemas")
    (pin,) = [pin for pin in pins if (pin.component, pin.version) == ("trainer", newest)]
    if not previewed:
        lock.remove(root / "schemas", pin)
    printed = bump_trainer(root, newest, released(TRAINER, newest), pin.commit)
    assert f"trainer {older[-1]} → trainer {newest}" in printed
    assert (root / "schemas/lock.toml").read_bytes() == (ROOT / "schemas/lock.toml").read_bytes()
    assert (root / "generated/manifest.json").read_bytes() == (ROOT / "generated/manifest.json").read_bytes()


@pytest.mark.skipif("KUBEFLOW_TEST_UPSTREAM" not in os.environ, reason="KUBEFLOW_TEST_UPSTREAM is not set")
def test_a_preview_becomes_a_release_and_the_minor_before_it_can_still_be_bumped(tmp_path: Path) -> None:
    preview, newest = TRAINER.preview, TRAINER.versions[-1]
    if preview is None:
        pytest.skip("no preview is pinned")
    root = checkout(tmp_path)
    printed = bump_trainer(root, preview, released(TRAINER, preview), COMMIT)
    assert f"no preview any more: {preview}" in printed
    component = config.load(root).component("trainer")
    assert (component.preview, component.versions) == (None, (*TRAINER.versions, preview))
    assert "PREVIEWS" not in (root / "generated/kubeflow_api/__init__.py").read_text("utf-8")
    assert "A preview" not in (root / "generated/kubeflow_api/trainer/v1alpha1/models.py").read_text("utf-8")
    patch = f"{newest.rpartition('.')[0]}.99"
    printed = bump_trainer(root, patch, released(TRAINER, newest), COMMIT)
    assert "does not take" not in printed
    assert config.load(root).component("trainer").versions == (*TRAINER.versions[:-1], patch, preview)
    files = {pin.version: pin.file for pin in lock.read(root / "schemas") if pin.component == "trainer"}
    kinds = [entry["kind"] for entry in json.loads((root / "schemas" / files[patch]).read_text("utf-8"))["x-kinds"]]
    assert kinds == [kind.kind for kind in TRAINER.kinds_in(newest)]
    assert set(kinds) < {kind.kind for kind in TRAINER.kinds_in(preview)}


def test_a_bump_past_the_preview_takes_its_pin_away(generated: Workshop) -> None:
    generated.edit_configuration('versions = ["v1.2.3"]', 'versions = ["v1.2.3"]\npreview = "v1.3.0"')
    assert generated.run("pin", "workshop", "v1.3.0", "--from", str(generated.upstream), "--commit", COMMIT) == 0
    assert bump(generated, "v1.4.0") == 0
    assert config.load(generated.root).component("workshop").versions == ("v1.2.3", "v1.4.0")
    assert [pin.version for pin in lock.read(generated.root / "schemas")] == ["v1.2.3", "v1.4.0"]
    assert not (generated.root / "schemas/workshop/v1.3.json").exists()

"""The same input gives the same bundle everywhere, and what a job carries can be got back out of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import Bundle, DamagedBundle, bundle, bundle_annotations
from kubeflow.packaging.__main__ import main
from kubeflow.packaging.bundles.inspection import unpack_object
from tests.packaging.cases import plain
from tests.packaging.launch import ROOT
from tests.packaging.test_loader import six_hundred_kib

SESSION = """
import helper_of_main, random
NAMES = {"b", "a", "c", "dd", "ee"}
def second(): return helper_of_main.X
def train(x, y=1): return sorted(NAMES), second(), random.random()
from kubeflow.packaging import bundle
print(bundle(train, args={"x": {"q", "w", "e", 1, 2.5}}, requirements=["a", "b"]).digest)
"""


def test_hash_seeds_and_folders_do_not_change_the_digest(tmp_path: Path) -> None:
    digests = set()
    for number in range(4):
        folder = tmp_path / f"copy {number}"
        folder.mkdir()
        (folder / "session.py").write_text(SESSION)
        (folder / "helper_of_main.py").write_text("X = 1\n")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(number)}
        cwd = folder if number % 2 else tmp_path
        done = subprocess.run(
            [sys.executable, folder / "session.py"],
            env=env,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1


def test_any_difference_changes_the_digest() -> None:
    made = [
        bundle(plain.leave, args={"code": 0}),
        bundle(plain.leave, args={"code": False}),
        bundle(plain.leave, args={"code": 0}, requirements=["x"]),
        bundle(plain.leave, args={"code": 0}, index_urls=["https://example.org/simple"]),
        bundle(plain.leave, hyperparameters=["code"]),
        bundle(plain.sleep_until_told),
    ]
    assert len({b.digest for b in made}) == len(made)


def trainjob(made: Bundle, form: str, *, katib: bool = False) -> str:
    command = made.command(("torchrun",)) if form == "plain" else made.shell_command(("torchrun",))
    if katib:
        command = [*command[:2], f"{command[2]} 1>/var/log/x 2>&1 && echo completed > /x/$$$$.pid"]
    env = [{"name": n, "value": v} for n, v in made.shell_environment().items()] if form != "plain" else []
    trainer = {"command": command[:2], "args": command[2:], "env": [*env, {"name": "X", "valueFrom": {}}]}
    metadata = {"name": "x", "bundle_annotations": bundle_annotations(made)}
    return yaml.safe_dump({"kind": "TrainJob", "metadata": metadata, "spec": {"trainer": trainer}})


@pytest.mark.parametrize("form", ["plain", "shell", "katib", "large plain", "large shell"])
def test_unpack_gives_the_files_back(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = six_hundred_kib(tmp_path) if "large" in form else None
    made = bundle(plain.fail, requirements=["torch"], code_dir=folder)
    manifest = tmp_path / "job.yaml"
    manifest.write_text(trainjob(made, "plain" if "plain" in form else "shell", katib=form == "katib"))
    assert main(["unpack", str(manifest), str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert made.digest in printed
    assert "launcher: torchrun" in printed
    assert "requirements: torch" in printed
    found = {
        p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert found == dict(made.files())
    assert found["tests/packaging/cases/plain.py"] == Path(plain.__file__).read_bytes()


def test_unpack_refuses_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "job.yaml"
    manifest.write_text("kind: TrainJob\nspec: {trainer: {command: [python, train.py]}}\n")
    assert main(["unpack", str(manifest), str(tmp_path / "out")]) == 1
    assert "holds no bundle" in capsys.readouterr().err
    manifest.write_text(trainjob(bundle(plain.fail), "plain"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert main(["unpack", str(manifest), str(tmp_path / "full")]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main(["unpack", str(tmp_path / "none"), str(tmp_path / "out")]) == 1


def test_unpack_refuses_what_was_changed_and_names_that_lead_out(tmp_path: Path) -> None:
    from kubeflow.packaging.bundles.contents import Contents
    from kubeflow.packaging.bundles.encoding import arguments, argv, encode_document
    from kubeflow.packaging.bundles.inspection import write_files

    document = yaml.safe_load(trainjob(bundle(plain.fail), "plain"))
    words = document["spec"]["trainer"]["args"]
    middle = len(words[-1]) // 2
    words[-1] = words[-1][:middle] + ("A" if words[-1][middle] != "A" else "B") + words[-1][middle + 1 :]
    with pytest.raises(DamagedBundle):
        unpack_object(document)
    for name in ("../x", "/etc/x", "a/../../x", "a//b"):
        payload = encode_document(Contents("x", (), (), {name: b""}, ()), frozenset())
        command = argv("python", arguments(payload, ("python",), install=False))
        with pytest.raises(InvalidInput, match="leads out of it"):
            write_files(unpack_object({"command": command}), tmp_path / "out")
        done = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 78
        assert "leads out of it" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_object_says_what_it_runs() -> None:
    made = bundle(plain.fail)
    assert bundle_annotations(made) == {
        "sdk.kubeflow.org/function": "fail",
        "sdk.kubeflow.org/bundle-digest": f"sha256:{made.digest}",
    }


def test_a_description_is_for_people() -> None:
    text = bundle(plain.tuned, hyperparameters=["lr"], requirements=["torch>=2"]).describe()
    assert text.startswith("tuned: 1 files, ")
    for part in ("installs first: torch>=2", "filled in at the start: lr", "tests/packaging/cases/plain.py"):
        assert part in text


@pytest.mark.parametrize("python", ["", "py$(x)", "a'b", 'a"b', "a\nb", "a`b"])
def test_an_interpreter_that_a_shell_would_read_differently_is_refused(python: str) -> None:
    for form in (bundle(plain.fail).command, bundle(plain.fail).shell_command):
        with pytest.raises(InvalidInput, match="is not the path of an interpreter"):
            form(python=python)

"""What of a folder or a project is sent: ignore rules, scripts, modules, hostile names."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError, bundle
from tests.packaging.cases import plain
from tests.packaging.launch import launch, run_bundle, user_session


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def sent(root: Path) -> set[str]:
    """The files of a workspace that travel, without the ones that come with every bundle."""
    without = set(bundle(plain.version).files())
    return set(bundle(plain.version, code_dir=root).files()) - without


def test_ignore_files_are_obeyed_as_by_git(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".gitignore": "*.log\n/data/\n!keep.log\nbuild\n",
            ".kubeflowignore": "notes.md\n!needed.log\n",
            "a.log": "",
            "keep.log": "",
            "needed.log": "",
            "notes.md": "",
            "data/big.bin": "",
            "sub/data/small.bin": "",
            "sub/.gitignore": "*.tmp\n!back.log\n",
            "sub/x.tmp": "",
            "sub/back.log": "",
            "sub/build/x": "",
            ".git/config": "",
            "__pycache__/x.pyc": "",
            "ünï cøde.txt": "",
        },
    )
    assert sent(tmp_path) == {
        ".gitignore", ".kubeflowignore", "keep.log", "needed.log", "sub/data/small.bin", "sub/.gitignore",
        "sub/back.log", "ünï cøde.txt",
    }  # fmt: skip


def hostile(root: Path, kind: str) -> str:
    """Put one hostile entry into a workspace; return the reason that is expected."""
    if kind == "link out":
        (root / "evil").symlink_to("/etc/passwd")
        return "it is a link out of the workspace, to /etc/passwd"
    if kind == "link to folder":
        (root / "evil").symlink_to("/etc")
        return "it is a link out of the workspace, to /etc"
    if kind == "relative link out":
        (root / "evil").symlink_to("../../x")
        return "it is a link out of the workspace"
    if kind == "fifo":
        os.mkfifo(root / "evil")
        return "neither a file nor a folder"
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(root / "evil"))
        return "neither a file nor a folder"
    if kind == "device":
        try:
            os.mknod(root / "evil", 0o020600, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("may not make devices")
        return "neither a file nor a folder"
    if kind == "backslash":
        (root / "evil\\..\\x").write_text("")
        return "backslash or a control character"
    if kind == "newline":
        (root / "evil\nx").write_text("")
        return "backslash or a control character"
    if kind == "secret":
        (root / ".env").write_text("TOKEN=1")
        return "it usually holds credentials"
    if kind == "loop":
        (root / "evil").symlink_to("evil")
        return "it cannot be read"
    Path(os.fsdecode(os.fsencode(root) + b"/evil\xff")).write_text("")
    return "not valid text"


@pytest.mark.parametrize(
    "kind",
    ["link out", "link to folder", "relative link out", "fifo", "socket", "device", "backslash", "newline", "secret",
     "loop", "bytes"],
)  # fmt: skip
def test_hostile_entries_are_refused_and_can_be_excluded(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    words = hostile(tmp_path, kind)
    with pytest.raises(PackagingError) as caught:
        bundle(plain.version, code_dir=tmp_path)
    assert words in str(caught.value)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    (tmp_path / ".kubeflowignore").write_text("evil*\n.env\n")
    assert bundle(plain.version, code_dir=tmp_path).digest


def test_links_inside_and_executable_files_arrive(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "w",
        {
            "run.sh": "#!/bin/sh\necho ran $0\n",
            "train.py": "import os\nos.system('./run.sh')\nprint(open('alias.txt').read())",
            "real.txt": "text",
        },
    )
    (folder / "run.sh").chmod(0o755)
    (folder / "alias.txt").symlink_to("real.txt")
    ended = run_bundle(bundle("train.py", code_dir=folder), tmp_path / "job")
    assert ended.stdout == "ran ./run.sh\ntext\n", ended.stderr


def test_a_large_file_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "model.ckpt").open("wb") as stream:
        stream.truncate(3 * 1024**3)
    with pytest.raises(PackagingError, match=r"file model.ckpt: it has 3,072 MiB"):
        bundle(plain.version, code_dir=tmp_path)


SCRIPT = """\
import argparse, sys
from lib.inner import tripled
from lib import other

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    parser.add_argument("--flag", action="store_true")
    parser.add_argument("--items", nargs="*")
    parser.add_argument("--size", type=int)
    given = parser.parse_args()
    print(__name__, given, tripled(2), other.NAME, sys.argv[0].rsplit("/", 1)[-1])

if __name__ == "__main__":
    main()
"""
PROJECT = {
    "train.py": SCRIPT,
    "lib/__init__.py": "",
    "lib/inner.py": "from .deeper import THREE\ndef tripled(x): return x * THREE\n",
    "lib/deeper.py": "THREE = 3\n",
    "lib/other.py": "NAME = 'other'\n",
    "lib/unused.py": "1 / 0\n",
    "lib/__main__.py": "print('package', __package__)\n",
}
ARGUMENTS = {"lr": 0.1, "flag": True, "items": ["a b", "$c"], "none": None, "off": False}
PRINTED = "__main__ Namespace(lr=0.1, flag=True, items=['a b', '$c'], size=7) 6 other train.py\n"


@pytest.mark.parametrize("shell", [False, True], ids=["plain", "shell"])
def test_a_script_ships_what_it_imports_and_takes_options(shell: bool, tmp_path: Path) -> None:
    root = write(tmp_path / "p", PROJECT)
    made = bundle(root / "train.py", args=ARGUMENTS, hyperparameters=["size"])
    assert "lib/deeper.py" in made.files()
    assert "lib/unused.py" in made.files()  # of the same package
    ended = run_bundle(made, tmp_path / "job", shell=shell, extra={"KUBEFLOW_PARAMETER_size": "7"})
    assert ended.stdout == PRINTED, ended.stderr


def test_a_module_runs_as_by_dash_m(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(tmp_path / "p", PROJECT))
    monkeypatch.syspath_prepend(str(tmp_path / "p"))
    ended = run_bundle(bundle(module="lib"), tmp_path / "job")
    assert ended.stdout == "package lib\n", ended.stderr
    ended = run_bundle(bundle(module="train", args=["--lr", "0.5"]), tmp_path / "job2")
    assert ended.stdout.startswith("__main__ Namespace(lr=0.5"), ended.stderr
    assert run_bundle(bundle(module="json.tool", args=["--help"]), tmp_path / "job3").code == 0
    with pytest.raises(PackagingError, match="there is no such module in its package"):
        bundle(module="lib.nowhere")


def test_a_script_that_fails_reports_its_own_lines(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"train.py": "def f():\n    raise OSError(5, 'gone')\n\nf()\n"})
    ended = run_bundle(bundle(root / "train.py"), tmp_path / "job")
    error = ended.outcomes[0].error
    assert error is not None
    assert [(f.file, f.line) for f in error.frames] == [("train.py", 4), ("train.py", 2)]
    assert "runpy" not in ended.stderr


PACKAGE_MAIN = """\
from . import consts
from .consts import K as renamed

def helper():
    return consts.K + renamed

def train():
    from .consts import K
    return helper(), K

if __name__ == "__main__":
    import json, sys
    from kubeflow.packaging import bundle
    json.dump(bundle(train).command(python=sys.executable), open(sys.argv[1], "w"))
"""


def test_functions_of_a_module_that_was_started_by_dash_m_keep_their_relative_imports(tmp_path: Path) -> None:
    root = write(tmp_path, {"app/__init__.py": "", "app/consts.py": "K = 7\n", "app/main.py": PACKAGE_MAIN})
    user_session(["-m", "app.main", str(tmp_path / "out.json")], cwd=root)
    ended = launch(json.loads((tmp_path / "out.json").read_text()), tmp_path / "job")
    assert ended.outcomes[0].result == (14, 7), ended.stderr
    assert ended.stderr == ""


def constant() -> int:
    return 1


@pytest.mark.parametrize("given", [{}, {"requirements": ["numpy"]}, {"requirements": ["numpy @ https://host/n.whl"]}])
def test_a_function_is_packaged_where_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, list[str]]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    assert bundle(constant, requirements=given.get("requirements", ())).command()


@pytest.mark.parametrize(
    "given", [{"requirements": ["./n.whl"]}, {"requirements": ["-r needs.txt"]}, {"code_dir": "code"}]
)
def test_a_relative_path_says_that_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(InvalidInput, match=r"has been deleted: os\.chdir\(\)"):
        bundle(constant, **given)

"""The user's modules and packages, laid out on disk as people do: what is theirs, and what travels with a module."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.packaging.launch import Ended, launch, user_session

SESSION = """
if __name__ == "__main__":
    import json, sys
    from kubeflow.packaging import PackagingError, bundle
    try:
        made = bundle(train, **BUNDLE)
        print(json.dumps({"command": made.command(python=sys.executable), "here": train(), "files": sorted(made.files()),
                          "external": made.external, "error": ""}), file=open(OUT, "w"))
    except PackagingError as error:
        print(json.dumps({"error": str(error)}), file=open(OUT, "w"))
"""


def project(root: Path, files: Mapping[str, str]) -> Path:
    """Lay files out below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def session(root: Path, text: str, how: str = "{}") -> dict[str, object]:
    """Run a user's script that packages its `train`; return what it says about the bundle."""
    out = root.parent / "said.json"
    ending = SESSION.replace("BUNDLE", how).replace("OUT", repr(str(out)))
    (root / "session.py").write_text(textwrap.dedent(text) + ending)
    user_session(["session.py"], cwd=root)
    said: dict[str, object] = json.loads(out.read_text())
    return said


def run(said: dict[str, object], directory: Path) -> Ended:
    command = said["command"]
    assert isinstance(command, list), said
    return launch(command, directory)


def the_same_there(root: Path, text: str, how: str = "{}") -> dict[str, object]:
    """Package `train` and run it as a job; it must return what it returned here."""
    said = session(root, text, how)
    assert said["error"] == ""
    ended = run(said, root.parent / "job")
    assert ended.raw.get("result") == said["here"], ended.stderr
    return said


# -- names that the standard library and installed packages have, too -------------------------------------------


@pytest.mark.parametrize("name", ["profile", "platform", "traceback", "code", "queue", "numpy", "statistics"])
def test_a_module_of_the_user_that_is_called_like_another_one_wins_there_as_here(name: str, tmp_path: Path) -> None:
    root = project(tmp_path / "p", {f"own/{name}.py": f"WHOSE = 'the {name} of the user'\n"})
    text = f"""
    import sys
    loaded = {{n: sys.modules.pop(n) for n in list(sys.modules) if n.partition(".")[0] == {name!r}}}
    sys.path.insert(0, "own")
    import {name}
    sys.path.pop(0)
    def train():
        import {name} as again
        return {name}.WHOSE + again.WHOSE
    """
    the_same_there(root, text)


def test_a_package_of_that_name_with_submodules_wins_too(tmp_path: Path) -> None:
    files = {"code/__init__.py": "", "code/model.py": "from . import parts\nN = parts.N\n", "code/parts.py": "N = 3\n"}
    root = project(tmp_path / "p", files)
    the_same_there(root, "import code.model\ndef train(): return code.model.N\n")


def test_what_is_loaded_decides_and_not_the_file_that_lies_there(tmp_path: Path) -> None:
    """With `code_dir` the file travels, and the name still means what it means here."""
    root = project(tmp_path / "p", {"app/profile.py": "WHOSE = 'user'\n", "app/used.py": "import profile\n"})
    text = """
    import profile, sys
    sys.path.insert(0, "app")
    import used
    def train(): return hasattr(used.profile, "WHOSE")
    """
    said = the_same_there(root, text, "{'code_dir': 'app'}")
    assert said["here"] is False
    assert "profile.py" in str(said["files"])


def test_a_failure_is_told_when_the_user_has_a_traceback_module(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"traceback.py": "", "asyncio.py": ""})
    text = """
    import traceback, asyncio
    def train():
        traceback, asyncio
        if __file__.endswith("kubeflow_main.py"): raise ValueError("mine")
    """
    ended = run(session(root, text), tmp_path / "job")
    assert ended.outcomes[0].error is not None
    assert ended.outcomes[0].error.type == "ValueError"
    assert ended.outcomes[0].error.message == "mine"


def test_a_script_finds_what_lies_beside_it_first(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"train.py": "import colorsys, platform\nprint(colorsys.N, platform.N)\n",
                                    "colorsys.py": "N = 1\n", "platform.py": "N = 2\n"})  # fmt: skip
    command = "import json, sys\nfrom kubeflow.packaging import bundle\n"
    command += f"json.dump(bundle({str(root / 'train.py')!r}).command(python=sys.executable), open('c.json', 'w'))"
    user_session(["-c", command], cwd=tmp_path)
    here = subprocess.run([sys.executable, "train.py"], cwd=root, capture_output=True, text=True, check=True).stdout
    ended = launch(json.loads((tmp_path / "c.json").read_text()), tmp_path / "job")
    assert (ended.stdout, here) == ("1 2\n", "1 2\n"), ended.stderr


# -- what is installed, and what is the user's ------------------------------------------------------------------


def installed(folder: Path, name: str, text: str, *, record: bool = True) -> None:
    """Put a package into a folder as `pip install --target` does."""
    project(folder, {f"{name}/__init__.py": text, f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                     f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\n"})  # fmt: skip
    if record:
        (folder / f"{name}-1.0.dist-info/RECORD").write_text(f"{name}/__init__.py,,\n{name}-1.0.dist-info/RECORD,,\n")


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_what_was_installed_into_a_folder_of_the_path_is_not_the_users(record: bool, tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"libs/mine.py": "import vendored\nN = vendored.N\n"})
    installed(root / "libs", "vendored", "import os\nN = 5\nLOCK = open(os.devnull)\n", record=record)
    text = """
    import sys
    sys.path.insert(0, "libs")
    import vendored, mine
    def train(): return vendored.N + mine.N
    """
    said = the_same_there(root, text)  # on this machine the folder is there
    assert "mine.py" in str(said["files"])
    assert "vendored" not in str(said["files"])
    assert said["external"] == ["vendored"]


def test_a_vendored_copy_without_metadata_and_one_inside_a_package_are_the_users(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"third_party/plain/__init__.py": "N = 1\n", "app/__init__.py": "", "app/_vendor/__init__.py": "",
                                    "app/use.py": "from app._vendor import inner\nN = inner.N\n"})  # fmt: skip
    installed(root / "app/_vendor", "inner", "N = 2\n")
    text = """
    import sys
    sys.path.append("third_party")
    import plain
    from app import use
    def train(): return plain.N + use.N
    """
    said = the_same_there(root, text)
    assert {"plain/__init__.py", "app/_vendor/inner/__init__.py"} <= set(str(said["files"]).split("'"))


def test_modules_in_a_zip_file_travel_and_those_of_a_wheel_do_not(tmp_path: Path) -> None:
    import zipfile

    root = project(tmp_path / "p", {})
    root.mkdir()
    with zipfile.ZipFile(root / "own.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "from .deep import N\n")
        archive.writestr("zipped/deep.py", "N = 4\n")
        archive.writestr("zipped/data.txt", "text")
    with zipfile.ZipFile(root / "lib-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("wheeled.py", "N = 5\n")
        archive.writestr("lib-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n")
        archive.writestr("lib-1.0.dist-info/RECORD", "wheeled.py,,\nlib-1.0.dist-info/METADATA,,\n")
    text = """
    import os, pkgutil, sys
    sys.path[1:1] = [os.path.abspath("own.zip"), os.path.abspath("lib-1.0-py3-none-any.whl")]
    import zipped, wheeled
    def train(): return [zipped.N + wheeled.N, pkgutil.get_data("zipped", "data.txt").decode()]
    """
    said = the_same_there(root, text)
    assert said["external"] == ["wheeled"]


def test_an_editable_package_is_the_users_and_tells_its_version_and_entry_points(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {
        "src/edited/__init__.py": "from importlib import metadata\nVERSION = metadata.version('edited-tool')\n"
        "def plugins(): return sorted(p.load()() for p in metadata.entry_points(group='edited.plugins'))\n",
        "src/outside.py": "def answer(): return 42\n",
        "site/edited_tool-2.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: edited-tool\nVersion: 2.5\n",
        "site/edited_tool-2.5.dist-info/RECORD": "__editable__.edited.pth,,\n",
        "site/edited_tool-2.5.dist-info/direct_url.json": '{"url": "file:///p", "dir_info": {"editable": true}}',
        "site/edited_tool-2.5.dist-info/entry_points.txt": "[edited.plugins]\na = outside:answer\n",
    })  # fmt: skip
    text = """
    import sys
    sys.path[1:1] = ["site", "src"]
    import edited
    def train(): return [edited.VERSION, edited.plugins()]
    """
    said = the_same_there(root, text)
    assert said["here"] == ["2.5", [42]]


# -- the package that a module belongs to -----------------------------------------------------------------------

KINDS = {
    "importlib.resources": (
        "from importlib import resources\ndef get(): return resources.files(__package__).joinpath('data/a.txt').read_text()\n", "ab"),
    "resources by name": ("from importlib.resources import files\ndef get(): return (files('pkg') / 'data' / 'a.txt').read_text()\n", "ab"),
    "pkgutil.get_data": ("import pkgutil\ndef get(): return pkgutil.get_data(__name__, 'data/a.txt').decode()\n", "ab"),
    "__file__": ("from pathlib import Path\ndef get(): return open(Path(__file__).parent / 'data' / 'a.txt').read()\n", "ab"),
    "os.path": ("import os\nHERE = os.path.dirname(os.path.abspath(__file__))\ndef get(): return open(os.path.join(HERE, 'data', 'a.txt')).read()\n", "ab"),
    "computed": ("import importlib\ndef get(name='one'): return importlib.import_module(f'pkg.plugins.{name}').N\n", "1"),
    "relative": ("import importlib\ndef get(name='one'): return importlib.import_module('.plugins.' + name, __package__).N\n", "1"),
    "__import__": ("def get(name='one'): return __import__('pkg.plugins.%s' % name, fromlist=['N']).N\n", "1"),
    "iter_modules": ("import pkgutil, importlib\nfrom . import plugins\ndef get():\n"
                     "    return [importlib.import_module(plugins.__name__ + '.' + m.name).N for m in pkgutil.iter_modules(plugins.__path__) if not m.ispkg]\n", "1, 2"),
    "walk_packages": ("import pkgutil\nimport pkg.plugins\ndef get(): return sorted(m.name for m in pkgutil.walk_packages(pkg.plugins.__path__, 'pkg.plugins.'))\n", "deep.three"),
    "lazy": ("import pkg.lazy\ndef get(): return pkg.lazy.two.N\n", "2"),
    "path": ("import pkg.extended\ndef get():\n    from pkg.extended import far\n    return far.N\n", "9"),
    "glob": ("from pathlib import Path\ndef get(): return sorted(p.name for p in Path(__file__).parent.rglob('*.txt'))\n", "a.txt"),
}  # fmt: skip
PACKAGE = {
    "pkg/__init__.py": "from .reader import get\n",
    "pkg/data/a.txt": "ab",
    "pkg/data/types.pyi": "x: int\n",
    "pkg/plugins/__init__.py": "",
    "pkg/plugins/one.py": "import shared\nN = shared.N\n",
    "pkg/plugins/two.py": "N = 2\n",
    "pkg/plugins/deep/__init__.py": "",
    "pkg/plugins/deep/three.py": "N = 3\n",
    "pkg/lazy/__init__.py": "import importlib\ndef __getattr__(name): return importlib.import_module(__name__ + '.' + name)\n",
    "pkg/lazy/two.py": "N = 2\n",
    "pkg/extended/__init__.py": "import os\n__path__.append(os.path.join(os.path.dirname(__file__), '..', 'far_away'))\n",
    "pkg/far_away/far.py": "N = 9\n",
    "shared.py": "N = 1\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_travels_as_a_whole(kind: str, tmp_path: Path) -> None:
    reader, words = KINDS[kind]
    root = project(tmp_path / "p", PACKAGE | {"pkg/reader.py": reader})
    said = the_same_there(root, "def train():\n    import pkg\n    return pkg.get()\n")
    assert words in str(said["here"])
    assert "pkg/data/types.pyi" in str(said["files"])


LOOSE = {
    "file beside a module": {"mod.py": "from pathlib import Path\nHERE = Path(__file__).resolve().parent\ndef get(): return (HERE / 'vocab.txt').read_text()\n", "vocab.txt": "v"},
    "computed file": {"mod.py": "import os\ndef get(n='a'): return open(f'{os.path.dirname(__file__)}/conf/{n}.json').read()\n", "conf/a.json": "1"},
    "folder": {"mod.py": "import os\nD = os.path.join(os.path.dirname(__file__), 'conf')\ndef get(): return sorted(os.listdir(D))\n", "conf/a.json": "1"},
    "plugins in a folder without __init__": {"mod.py": "import importlib\ndef get(n='a'): return importlib.import_module(f'plugins.{n}').N\n", "plugins/a.py": "import plugins.b\nN = plugins.b.N\n", "plugins/b.py": "N = 2\n"},
    "pkgutil over such a folder": {"mod.py": "import pkgutil, plugins\ndef get(): return [m.name for m in pkgutil.iter_modules(plugins.__path__)]\n", "plugins/a.py": "", "plugins/b.py": ""},
    "files of a folder that is a module, too": {"mod.py": "from importlib import resources\ndef get(): return resources.files('assets').joinpath('x.txt').read_text()\n", "assets/x.txt": "x"},
    "a file loaded as a module": {"mod.py": "import importlib.util, os\ndef get(n='b'):\n    s = importlib.util.spec_from_file_location(n, os.path.join(os.path.dirname(__file__), 'parts', n + '.py'))\n    m = importlib.util.module_from_spec(s); s.loader.exec_module(m); return m.N\n", "parts/b.py": "N = 7\n"},
    "a module named in a table": {"mod.py": "import importlib\nTABLE = {'x': 'late.one'}\ndef get(k='x'): return importlib.import_module(TABLE[k]).N\n", "late/one.py": "N = 1\n"},
}  # fmt: skip


@pytest.mark.parametrize("kind", LOOSE)
def test_what_a_module_without_a_package_looks_for_travels(kind: str, tmp_path: Path) -> None:
    root = project(tmp_path / "p", LOOSE[kind] | {"other.csv": "no", "unused.py": "1 / 0\n"})
    said = the_same_there(root, "import mod\ndef train(): return mod.get()\n")
    assert "other.csv" not in str(said["files"])
    assert "unused.py" not in str(said["files"])


def test_the_function_of_a_script_looks_for_modules_by_a_name_that_is_an_argument(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"late/one.py": "N = 1\n"})
    text = """
    import importlib
    def train(name="late.one"): return importlib.import_module(name).N
    """
    the_same_there(root, text, "{'args': {'name': 'late.one'}}")


def test_a_file_that_is_read_and_cannot_come_is_named(tmp_path: Path) -> None:
    root = project(tmp_path / "p", PACKAGE | {
        "pkg/reader.py": "from pathlib import Path\nHERE = Path(__file__).parent\ndef get():\n    a = open(HERE / 'data' / 'a.txt')\n"
        "    return a, open(HERE.parent.parent / 'above.txt')\n",
        ".gitignore": "*.txt\n",
        "../above.txt": "",
    })  # fmt: skip
    error = str(session(root, "import pkg\ndef train(): return pkg.get()\n")["error"])
    assert (
        "file pkg/data/a.txt (pkg/reader.py:4): the code reads it, and the ignore rules exclude it. Write `!a.txt`"
        in error
    )
    assert "above.txt (pkg/reader.py:5): the code reads it, and it lies outside of the folder that is sent" in error


def test_large_data_is_left_out_and_told_when_the_code_may_read_it(tmp_path: Path) -> None:
    import secrets

    plain = {"pkg/__init__.py": "N = 1\n", "pkg/other.py": "", "pkg/weights.bin": ""}
    root = project(tmp_path / "p", plain)
    (root / "pkg/weights.bin").write_bytes(secrets.token_bytes(2_000_000))
    said = the_same_there(root, "import pkg\ndef train(): return pkg.N\n")
    assert "pkg/other.py" in str(said["files"])
    assert "weights.bin" not in str(said["files"])
    (root / "pkg/other.py").write_text(
        "import os\ndef load(n): return open(os.path.join(os.path.dirname(__file__), n + '.bin'))\n"
    )
    error = str(session(root, "import pkg.other\ndef train(): return pkg.N\n")["error"])
    assert (
        "file pkg/weights.bin (pkg/other.py:2): the code may read it, and with its 1,953 KiB it does not fit" in error
    )


def test_files_that_usually_hold_credentials_stay_here(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"pkg/__init__.py": "N = 1\n", "pkg/.env": "TOKEN=1\n", "pkg/.netrc": ""})
    said = the_same_there(root, "import pkg\ndef train(): return pkg.N\n")
    assert ".env" not in str(said["files"])

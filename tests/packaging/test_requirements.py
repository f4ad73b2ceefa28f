"""The loader installs what the job asks for: with uv or pip, as anyone, once per node. Against a local
index.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kubeflow.packaging import Bundle, PackagingError, bundle
from tests.packaging.cases import plain
from tests.packaging.launch import environment, launch

UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin") or ""


class Index:
    """A package index on this machine that holds `tinypkg`, and counts who asked for it."""

    def __init__(self, root: Path) -> None:
        folder = root / "simple" / "tinypkg"
        folder.mkdir(parents=True)
        wheel = folder / "tinypkg-1.0-py3-none-any.whl"
        files = {
            "tinypkg.py": "VALUE = 'installed'\n",
            "tinypkg-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tinypkg\nVersion: 1.0\n",
            "tinypkg-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).decode().rstrip('=')},{len(t)}\n"
            for n, t in files.items()
        )
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in {**files, "tinypkg-1.0.dist-info/RECORD": record}.items():
                archive.writestr(name, text)
        (folder / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
        self.visits = 0
        index = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: object, **kwargs: object) -> None:
                super().__init__(*args, directory=str(root), **kwargs)  # type: ignore[arg-type]

            def do_GET(self) -> None:
                index.visits += self.path.rstrip("/").endswith("tinypkg")
                super().do_GET()

            def log_message(self, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index")
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment without pip."""
    root = tmp_path_factory.mktemp("bare")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(root)
    return root / "bin" / "python"


def needing(index: Index, *requirements: str) -> Bundle:
    return bundle(plain.import_installed, requirements=requirements or ["tinypkg>=1"], index_urls=[index.url])


def path_with(*programs: str | None) -> dict[str, str]:
    folders = [str(Path(p).parent) for p in programs if p]
    return {
        "PATH": os.pathsep.join([*folders, "/usr/bin", "/bin"]),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def only(program: str | None, directory: Path) -> dict[str, str]:
    """A PATH on which `program` is the only thing that is not the system's."""
    directory.mkdir(parents=True, exist_ok=True)
    if program:
        (directory / Path(program).name).symlink_to(program)
    return {**path_with(), "PATH": f"{directory}:/usr/bin:/bin"}


@pytest.mark.skipif(UV is None, reason="needs uv")
def test_uv_installs_where_it_is_present(index: Index, bare: Path, tmp_path: Path) -> None:
    ended = launch(needing(index).command(python=str(bare)), tmp_path / "job", only(UV, tmp_path / "bin"))
    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == ["installed", ""]
    assert ended.stdout == ""  # what the installer says is not the job's output
    again = launch(
        needing(index, "tinypkg").command(python=str(bare)), tmp_path / "again", only(None, tmp_path / "none")
    )
    assert again.code == 0, again.stderr


def test_neither_uv_nor_pip_is_said_in_words(index: Index, tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "env")
    command = needing(index).command(python=str(tmp_path / "env/bin/python"))
    ended = launch(command, tmp_path / "job", only(None, tmp_path / "bin"))
    assert ended.code == 78
    assert "needs tinypkg>=1, and its image has neither uv nor pip" in ended.stderr


@pytest.mark.skipif(UV is None, reason="needs uv")
def test_one_rank_installs_and_the_others_wait(index: Index, tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "env")
    command = needing(index).command(python=str(tmp_path / "env/bin/python"))
    variables = {
        **only(UV, tmp_path / "bin"),
        "KUBEFLOW_RUN_ID": "r1",
        "TMPDIR": str(tmp_path),
        "UV_NO_CACHE": "1",
    }
    ranks = [
        subprocess.Popen(
            command,
            env=environment(tmp_path / "out", {**variables, "RANK": str(rank)}),
            stderr=subprocess.PIPE,
        )
        for rank in range(4)
    ]
    errors = [rank.communicate()[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * 4, errors
    assert sum(b"tinypkg" in text for text in errors) == 1
    assert index.visits == 1


@pytest.mark.skipif(UV is None, reason="needs uv")
def test_what_one_rank_could_not_install_stops_all(index: Index, tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "env")
    command = needing(index, "tinypkg==9").command(python=str(tmp_path / "env/bin/python"))
    variables = {**only(UV, tmp_path / "bin"), "KUBEFLOW_RUN_ID": "r2", "TMPDIR": str(tmp_path)}
    first = launch(command, tmp_path, variables)
    second = launch(command, tmp_path, variables)
    for ended in (first, second):
        assert ended.code == 78
        assert "installing tinypkg==9 failed (exit code 1)" in ended.stderr
    assert "No solution found" in first.stderr
    assert "No solution found" not in second.stderr


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="changes the user")
@pytest.mark.skipif(not SYSTEM_PYTHON, reason="the interpreters of pyenv are root's alone")
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_installs_for_a_user_with_a_read_only_home(index: Index, installer: str, tmp_path: Path) -> None:
    import tempfile

    elsewhere = Path(tempfile.mkdtemp(prefix="open-", dir="/var/tmp"))
    (elsewhere / "home").mkdir(mode=0o555)
    work = elsewhere / "work"
    work.mkdir()
    elsewhere.chmod(0o755)
    work.chmod(0o777)
    python, program = SYSTEM_PYTHON, None
    if installer == "uv":
        if UV is None:
            pytest.skip("needs uv")
        program = shutil.copy(UV, elsewhere / "uv")
        subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", elsewhere / "env"], check=True)
        python = str(elsewhere / "env/bin/python")
    elif subprocess.run([python, "-m", "pip", "-V"], capture_output=True, check=False).returncode:
        pytest.skip("the system's Python has no pip")
    command = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        *needing(index).command(python=python),
    ]
    variables = {**path_with(str(program) if program else None), "HOME": str(elsewhere / "home")}
    ended = launch(command, work, variables)
    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == ["installed", ""]
    shutil.rmtree(elsewhere)


@pytest.mark.skipif(UV is None or not shutil.which("mpirun"), reason="needs uv and Open MPI")
def test_ranks_of_mpirun_share_one_installation(index: Index, tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "env")
    launcher = ("mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "3", "python")
    made = needing(index).command(launcher, python=str(tmp_path / "env/bin/python"))
    ended = launch(made, tmp_path / "job", {**only(UV, tmp_path / "bin"), "UV_NO_CACHE": "1"})
    assert ended.code == 0, ended.stderr
    assert [o.result for o in ended.outcomes] == [["installed", str(rank)] for rank in range(3)]
    assert index.visits == 1


def test_a_backend_that_prepared_the_environment_switches_it_off(index: Index, bare: Path, tmp_path: Path) -> None:
    made = bundle(plain.version, requirements=["tinypkg>=1"], index_urls=[index.url])
    ended = launch(made.command(python=str(bare), install=False), tmp_path)
    assert ended.code == 0, ended.stderr
    assert index.visits == 0


@pytest.mark.parametrize(
    ("requirements", "urls", "words"),
    [
        (["--pre"], [], "is not a requirement"),
        (["torch >= "], [], "is not a requirement"),
        (["x @ file:///home/me/x"], [], "path on this machine"),
        (["x @ https://me:pw@host/x.whl"], [], "user name or a password"),
        ([], ["https://me:pw@host/simple"], "index URL #1"),
        ([], ["host/simple"], "no http, https or file URL"),
    ],
)
def test_bad_requirements_are_refused_here(requirements: list[str], urls: list[str], words: str) -> None:
    with pytest.raises(PackagingError, match=words) as caught:
        bundle(plain.version, requirements=requirements, index_urls=urls)
    assert "pw" not in str(caught.value)

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


def add(folder: Path, version: str, text: str) -> Path:
    """Add a wheel of `tinypkg` to a folder, and return its file."""
    wheel = folder / f"tinypkg-{version}-py3-none-any.whl"
    info = f"tinypkg-{version}.dist-info"
    files = {
        "tinypkg.py": f"VALUE = {text!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tinypkg\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).decode().rstrip('=')},{len(t)}\n"
        for n, t in files.items()
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, content)
    return wheel


class Index:
    """A package index on this machine that holds `tinypkg`, and counts who asked for it."""

    def __init__(self, root: Path) -> None:
        folder = root / "simple" / "tinypkg"
        folder.mkdir(parents=True)
        self.wheel = add(folder, "1.0", "installed")
        add(folder, "2.0rc1", "early")
        links = (f'<a href="{wheel.name}">{wheel.name}</a>' for wheel in sorted(folder.glob("*.whl")))
        (folder / "index.html").write_text("\n".join(links))
        self.visits = 0
        self.password = ""
        index = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: object, **kwargs: object) -> None:
                super().__init__(*args, directory=str(root), **kwargs)  # type: ignore[arg-type]

            def do_GET(self) -> None:
                wanted = base64.b64encode(f"me:{index.password}".encode()).decode()
                if index.password and self.headers.get("Authorization") != f"Basic {wanted}":
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", "Basic realm=index")
                    self.end_headers()
                    return
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


@pytest.fixture(params=["pip", "uv"])
def installs(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """An interpreter of its own and a PATH, on which there is one installer."""
    if request.param == "uv" and UV is None:
        pytest.skip("needs uv")
    venv.EnvBuilder(with_pip=request.param == "pip", symlinks=True).create(tmp_path / "env")
    variables = only(UV if request.param == "uv" else None, tmp_path / "bin")
    return str(tmp_path / "env/bin/python"), {**variables, "UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"}


FILES = {
    "bounds.txt": "tinypkg<2\n",
    "bounded.txt": "-c bounds.txt\ntinypkg  # the newest\n",
    "early.txt": "--pre\ntinypkg\n",
    "exact.txt": "tinypkg==1.0 \\\n --hash=sha256:{digest}\n",
    "wrong.txt": "tinypkg==1.0 --hash=sha256:" + "0" * 64 + "\n",
}


@pytest.mark.parametrize(
    ("file", "value"),
    [("bounded.txt", "installed"), ("early.txt", "early"), ("exact.txt", "installed"), ("wrong.txt", None)],
)
def test_a_file_of_requirements_means_the_same_to_pip_and_uv(
    file: str,
    value: str | None,
    index: Index,
    installs: tuple[str, dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    digest = hashlib.sha256(index.wheel.read_bytes()).hexdigest()
    for name, text in FILES.items():
        Path(name).write_text(text.replace("{digest}", digest))
    python, variables = installs
    made = bundle(plain.import_installed, requirements=["-r", file], index_urls=[index.url])

    ended = launch(made.command(python=python), tmp_path / "job", variables)

    if value is None:
        assert ended.code == 78
        assert "hash" in ended.stderr.lower()
    else:
        assert ended.code == 0, ended.stderr
        assert ended.outcomes[0].result == [value, ""]


@pytest.mark.parametrize("way", ["a variable in the URL", "the index of a Secret"])
def test_the_password_of_an_index_comes_from_the_environment(
    way: str, index: Index, installs: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    index.password = "secret-word"
    python, variables = installs
    place = index.url.removeprefix("http://")
    if way == "a variable in the URL":
        urls, given = [f"http://me:${{INDEX_TOKEN}}@{place}"], {"INDEX_TOKEN": "secret-word"}
    else:
        urls, given = [], {"PIP_INDEX_URL": f"http://me:secret-word@{place}"}
    made = bundle(plain.import_installed, requirements=["tinypkg"], index_urls=urls)
    command = made.command(python=python)

    if urls:
        unset = launch(command, tmp_path / "unset", variables)
        assert unset.code == 78
        assert "INDEX_TOKEN, and no such environment variable is set" in unset.stderr
    ended = launch(command, tmp_path / "job", {**variables, **given})

    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == ["installed", ""]
    refused = launch(
        bundle(plain.import_installed, requirements=["tinypkg==9"], index_urls=urls).command(python=python),
        tmp_path / "refused",
        {**variables, **given},
    )
    assert refused.code == 78
    for text in (ended.stderr, refused.stderr, " ".join(command)):
        assert "secret-word" not in text


@pytest.mark.parametrize(
    ("requirements", "urls", "words"),
    [
        (["torch >= "], [], "is not a requirement"),
        (["x @ file:///home/me/x"], [], "there is no file or folder /home/me/x"),
        (["x @ https://me:pw@host/x.whl"], [], "user name or a password"),
        ([], ["https://me:pw@host/simple"], "index URL #1"),
        ([], ["host/simple"], "no http, https or file URL"),
    ],
)
def test_bad_requirements_are_refused_here(requirements: list[str], urls: list[str], words: str) -> None:
    with pytest.raises(PackagingError, match=words) as caught:
        bundle(plain.version, requirements=requirements, index_urls=urls)
    assert "pw" not in str(caught.value)

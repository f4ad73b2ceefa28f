"""The registry of this machine: what is special to it. What every registry does: test_registry.py."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.hub import ModelConflict, ModelRegistryClient, RegistryUnavailable


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.joblib").write_bytes(b"weights")
    (folder / "sub" / "notes.txt").write_text("notes")
    return folder


def client(tmp_path: Path) -> ModelRegistryClient:
    return ModelRegistryClient(state_dir=tmp_path / "state")


def kept(uri: str) -> Path:
    assert uri.startswith("file:///")
    return Path(uri.removeprefix("file://"))


def test_the_files_of_a_version_are_its_own(tmp_path: Path, model: Path) -> None:
    registry = client(tmp_path)
    uri = registry.register_model("iris", str(model), version="1").uri
    (model / "model.joblib").write_bytes(b"other")
    assert kept(uri).is_relative_to(tmp_path / "state" / "registry" / "artifacts")
    assert (kept(uri) / "model.joblib").read_bytes() == b"weights"
    assert (kept(uri) / "sub" / "notes.txt").read_text() == "notes"
    with pytest.raises(ModelConflict, match="has other content: uri is"):
        registry.register_model("iris", str(model), version="1")


def test_the_same_content_is_kept_once_whatever_its_folder_is_called(tmp_path: Path, model: Path) -> None:
    registry = client(tmp_path)
    first = registry.register_model("iris", model.as_uri(), version="1").uri
    moved = model.rename(tmp_path / "elsewhere")
    assert registry.register_model("iris", str(moved), version="1").uri == first
    assert registry.register_model("rose", str(moved), version="1").uri == first
    assert registry.register_model("rose", first, version="2").uri == first
    assert len([*(tmp_path / "state" / "registry" / "artifacts").iterdir()]) == 1


def test_a_file_keeps_its_name(tmp_path: Path, model: Path) -> None:
    uri = client(tmp_path).register_model("iris", str(model / "model.joblib"), version="1").uri
    assert kept(uri).name == "model.joblib"
    assert kept(uri).read_bytes() == b"weights"


@pytest.mark.parametrize("uri", ["nothing-here", "file:///nothing/here", "file://other-host/srv/model"])
def test_files_that_are_not_there_are_refused_before_anything_is_stored(tmp_path: Path, uri: str) -> None:
    registry = client(tmp_path)
    with pytest.raises(InvalidInput, match="there is no|names the machine"):
        registry.register_model("iris", uri, version="1")
    assert [*registry.list_models()] == []


def test_a_store_of_a_newer_kubeflow_is_left_alone(tmp_path: Path) -> None:
    registry = client(tmp_path)
    assert [*registry.list_models()] == []
    file = tmp_path / "state" / "registry" / "registry.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RegistryUnavailable, match="written by a newer kubeflow"):
        next(iter(client(tmp_path).list_models()))


def test_a_file_that_is_no_store_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "state" / "registry" / "registry.sqlite3"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(RegistryUnavailable, match="is damaged"):
        next(iter(client(tmp_path).list_models()))


REGISTER = """
    import sys
    from kubeflow.hub import ModelRegistryClient
    registry = ModelRegistryClient(state_dir=sys.argv[1])
    for number in range(int(sys.argv[3]), int(sys.argv[4])):
        registry.register_model("iris", sys.argv[2], version=str(number), metadata={"number": number})
        print(number, flush=True)
"""


def start(tmp_path: Path, model: Path, first: int, last: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(REGISTER),
        str(tmp_path / "state"),
        str(model),
        str(first),
        str(last),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_several_processes_register_at_once(tmp_path: Path, model: Path) -> None:
    processes = [start(tmp_path, model, first, first + 15) for first in (0, 10, 20)]  # overlapping: some are there
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0, 0, 0]
    versions = [*client(tmp_path).list_model_versions("iris")]
    assert sorted(int(version.name) for version in versions) == [*range(35)]
    assert {version.uri for version in versions} == {versions[0].uri}


def test_a_process_that_is_killed_leaves_whole_versions_only(tmp_path: Path, model: Path) -> None:
    (model / "model.joblib").write_bytes(os.urandom(4 << 20))
    for round_number in range(int(os.environ.get("KUBEFLOW_TEST_ROUNDS", "3"))):
        (model / "round.txt").write_text(str(round_number))
        process = start(tmp_path, model, 100 * round_number, 100 * round_number + 90)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 * (1 + round_number % 3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    registry = client(tmp_path)
    versions = [*registry.list_model_versions("iris")]
    assert versions
    assert all(kept(version.uri).is_dir() and "number" in version.metadata for version in versions)
    registry.register_model("iris", str(model), version="after")
    left = [path.name for path in (tmp_path / "state" / "registry" / "artifacts").iterdir()]
    assert [name for name in left if name.startswith(".partial")] == []


def test_where_it_is_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "mine"))
    assert ModelRegistryClient().registry == f"the local model registry in '{tmp_path}/mine/registry'"
    monkeypatch.setenv("KUBEFLOW_MODEL_REGISTRY", "local")
    assert "the local model registry" in repr(ModelRegistryClient())


def test_what_belongs_to_servers_is_refused() -> None:
    with pytest.raises(InvalidInput, match="belongs to a server"):
        ModelRegistryClient("local", user_token="secret")
    with pytest.raises(InvalidInput, match="belong to a server"):
        ModelRegistryClient(port=8080)

"""Requirements that are files, folders and repositories: installed by pip, found again, and built anew when they change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError
from kubeflow.trainer import (
    CustomTrainer,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
    options,
)
from tests.local.test_environments import PrivateIndex
from tests.local.tiny_reader import tell
from tests.local.wheels import add_project, add_wheel
from tests.trainer.runtimes import PLAIN

WAIT = 240  # seconds; pip is slow on a busy machine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory. No index can be reached: what is installed is here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    return tmp_path


@pytest.fixture
def client(folder: Path) -> TrainerClient:
    return TrainerClient(LocalProcessBackendConfig(state_dir=folder / "state"))


def result(client: TrainerClient, *requirements: str, **settings: object) -> object:
    train = partial(client.train, PLAIN, train_func=tell, packages_to_install=list(requirements))
    job = train(**settings)
    client.wait_for_job_status(job, timeout=WAIT)
    return client.get_job_result(job)


def environments(folder: Path) -> int:
    return len([path for path in (folder / "state" / "environments").iterdir() if path.name != "locks"])


def test_a_folder_is_installed_and_built_anew_when_its_source_has_changed(client: TrainerClient, folder: Path) -> None:
    project = add_project(folder / "pkg", "kubeflow_test_tiny", "first")

    assert result(client, "./pkg") == "first"
    os.utime(project / "kubeflow_test_tiny.py")
    (project / "__pycache__").mkdir(exist_ok=True)
    (project / "__pycache__" / "left.pyc").touch()
    assert result(client, "kubeflow_test_tiny @ ./pkg") == "first"
    assert result(client, "./pkg") == "first"
    assert environments(folder) == 2  # of two ways to write it
    add_project(project, "kubeflow_test_tiny", "second")
    assert result(client, "./pkg") == "second"


def test_an_editable_folder_is_read_where_it_lies(client: TrainerClient, folder: Path) -> None:
    project = add_project(folder / "pkg", "kubeflow_test_tiny", "first")

    assert result(client, "-e", "pkg") == "first"
    add_project(project, "kubeflow_test_tiny", "second")
    assert result(client, "-e ./pkg") == "second"
    assert environments(folder) == 1


def test_a_wheel_is_another_one_when_its_content_is(client: TrainerClient, folder: Path) -> None:
    wheel = add_wheel(folder / "wheels", "kubeflow_test_tiny", "first")

    assert result(client, str(wheel.relative_to(folder))) == "first"
    os.utime(wheel, ns=(1, 1))
    assert result(client, wheel.as_uri()) == "first"
    add_wheel(folder / "wheels", "kubeflow_test_tiny", "second")
    assert result(client, str(wheel.relative_to(folder))) == "second"


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_branch_that_moves_is_installed_anew_and_a_commit_is_not(client: TrainerClient, folder: Path) -> None:
    repository = folder / "repository"
    add_project(repository / "inner", "kubeflow_test_tiny", "first")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "first")
    commit = git(repository, "rev-parse", "HEAD")
    url = f"git+{repository.as_uri()}"

    assert result(client, f"{url}@main#egg=kubeflow_test_tiny&subdirectory=inner") == "first"
    assert result(client, f"{url}@{commit}#egg=kubeflow_test_tiny&subdirectory=inner") == "first"
    assert environments(folder) == 1
    add_project(repository / "inner", "kubeflow_test_tiny", "second")
    git(repository, "commit", "-q", "-a", "-m", "second")
    git(repository, "tag", "-a", "v2", "-m", "v2")
    assert result(client, f"{url}@main#egg=kubeflow_test_tiny&subdirectory=inner") == "second"
    assert result(client, f"kubeflow_test_tiny @ {url}@v2#subdirectory=inner") == "second"
    assert result(client, f"{url}@{commit}#egg=kubeflow_test_tiny&subdirectory=inner") == "first"


def test_a_repository_that_is_not_there_fails_in_its_words(client: TrainerClient, folder: Path) -> None:
    job = client.train(PLAIN, train_func=tell, packages_to_install=[f"git+{(folder / 'nowhere').as_uri()}"])

    assert client.wait_for_job_status(job, {"Failed"}, timeout=WAIT).status == "Failed"
    assert "nowhere" in client.explain(job)


def test_a_file_of_requirements_with_constraints_hashes_and_links(client: TrainerClient, folder: Path) -> None:
    add_wheel(folder / "wheels", "kubeflow_test_tiny", "new", version="2.0")
    wheel = add_wheel(folder / "wheels", "kubeflow_test_tiny", "old", version="1.0")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "bounds.txt").write_text("kubeflow_test_tiny<2\n")
    links = f"--find-links {(folder / 'wheels' / 'kubeflow-test-tiny')}\n"
    (folder / "requirements.txt").write_text(f"{links}-c bounds.txt\nkubeflow_test_tiny  # of ours\n")
    (folder / "pinned.txt").write_text(f"{links}kubeflow_test_tiny==1.0 \\\n  --hash=sha256:{digest}\n")
    (folder / "wrong.txt").write_text(f"{links}kubeflow_test_tiny==1.0 --hash=sha256:{'0' * 64}\n")

    assert result(client, "-r requirements.txt") == "old"
    assert result(client, "-r", "pinned.txt") == "old"
    assert result(client, "--find-links wheels/kubeflow-test-tiny", "kubeflow_test_tiny") == "new"
    job = client.train(PLAIN, train_func=tell, packages_to_install=["-r wrong.txt"])
    assert client.wait_for_job_status(job, {"Failed"}, timeout=WAIT).status == "Failed"
    assert "DO NOT MATCH THE HASHES" in client.explain(job)


def test_what_is_installed_and_within_its_constraint_needs_no_environment(client: TrainerClient, folder: Path) -> None:
    (folder / "bounds.txt").write_text("psutil>=1\nkubeflow-test-none<2\n")
    job = client.train(
        PLAIN, train_func=print, func_args={}, packages_to_install=["psutil", "-c bounds.txt", "--pre", "# nothing"]
    )
    client.wait_for_job_status(job, timeout=WAIT)

    assert not (folder / "state" / "environments").exists()


@pytest.fixture
def private(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The host of an index that wants a password."""
    monkeypatch.delenv("PIP_NO_INDEX")
    add_wheel(folder / "index", "kubeflow_test_tiny", "private")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(PrivateIndex, directory=str(folder / "index"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def told(folder: Path) -> list[Path]:
    """All files of jobs that hold the password, but for the environment that a job takes over."""
    files = (path for path in (folder / "state").rglob("*") if path.is_file() and path.name != "plan.json")
    return [path for path in files if b"secret-word" in path.read_bytes()]


@pytest.mark.parametrize("way", ["variable", "pip", "netrc", "option"])
def test_credentials_of_an_index_come_from_the_environment_or_netrc(
    way: str, private: str, client: TrainerClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {
        "variable": [f"http://me:${{INDEX_TOKEN}}@{private}/"],
        "pip": [],
        "netrc": [f"http://{private}/"],
        "option": [],
    }[way]
    more = [f"--index-url http://me:${{INDEX_TOKEN}}@{private}/"] if way == "option" else []
    if way in ("variable", "option"):
        with pytest.raises(InvalidInput, match="environment variable INDEX_TOKEN, which is not set"):
            result(client, *more, "kubeflow_test_tiny", pip_index_urls=urls)
        monkeypatch.setenv("INDEX_TOKEN", "secret-word")
    elif way == "pip":
        monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret-word@{private}/")
    else:
        (folder / "netrc").write_text("machine 127.0.0.1 login me password secret-word\n")
        monkeypatch.setenv("NETRC", str(folder / "netrc"))

    assert result(client, *more, "kubeflow_test_tiny", pip_index_urls=urls) == "private"
    assert told(folder) == []


def test_an_index_that_refuses_tells_no_password(private: str, client: TrainerClient, folder: Path) -> None:
    os.environ["INDEX_TOKEN"] = "wrong-secret-word"
    try:
        job = client.train(
            PLAIN,
            train_func=tell,
            packages_to_install=["kubeflow_test_tiny"],
            pip_index_urls=[f"http://me:${{INDEX_TOKEN}}@{private}/"],
        )
        assert client.wait_for_job_status(job, {"Failed"}, timeout=WAIT).status == "Failed"
    finally:
        del os.environ["INDEX_TOKEN"]
    assert "secret-word" not in client.explain(job)
    assert told(folder) == []


PLAIN_CREDENTIALS = "https://me:secret-word@example.org/simple"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pip_index_urls": [PLAIN_CREDENTIALS]}, r"\$\{INDEX_USER\}.*~/.netrc.*options.SecretEnv"),
        ({"pip_index_urls": PLAIN_CREDENTIALS}, r"write pip_index_urls=\['https://\$\{INDEX_USER\}"),
        ({"packages_to_install": [f"--extra-index-url {PLAIN_CREDENTIALS}"]}, r"\$\{INDEX_USER\}"),
        ({"packages_to_install": ["git+https://secret-word@h/a/b"]}, r"\$\{GIT_TOKEN\}"),
        ({"env": {"PIP_INDEX_URL": PLAIN_CREDENTIALS}}, r"or use ~/.netrc; on a cluster.*SecretEnv\(.*PIP_INDEX_URL"),
        ({"env": {"UV_INDEX": f"https://a {PLAIN_CREDENTIALS}"}}, r"env\['UV_INDEX'\] holds"),
    ],
)
def test_credentials_in_a_job_are_refused_and_not_told(
    client: TrainerClient, arguments: dict[str, object], words: str
) -> None:
    for one in (client, TrainerClient(KubernetesBackendConfig(offline=True))):
        with pytest.raises(InvalidInput, match=words) as caught:
            one.train(train_func=tell, dry_run=True, **arguments)  # type: ignore[call-overload]
        assert "secret-word" not in str(caught.value)


def test_a_trainer_shows_no_credentials() -> None:
    trainer = CustomTrainer(
        tell, pip_index_urls=[PLAIN_CREDENTIALS], packages_to_install=["git+https://secret-word@h/a"]
    )

    assert "secret-word" not in repr(trainer)


@pytest.mark.parametrize(
    "requirement",
    [
        "./pkg",
        "-e ./pkg",
        "a @ ./pkg",
        "--find-links pkg",
        "--find-links file:///wheels",
        "-c bounds.txt",
        "a @ git+file:///pkg",
        "--extra-index-url file:///wheels",
    ],
)
def test_a_path_is_refused_for_a_cluster_with_what_to_do(requirement: str, client: TrainerClient, folder: Path) -> None:
    add_project(folder / "pkg", "a", "text")
    (folder / "bounds.txt").write_text("a @ ./pkg\n")
    for one in (client, TrainerClient(KubernetesBackendConfig(offline=True))):
        with pytest.raises(PackagingError, match="nodes of a cluster do not see it. Send your own code with code_dir="):
            one.train(train_func=tell, packages_to_install=[requirement, "b"], dry_run=True)


def test_an_index_on_this_machine_is_refused_for_a_cluster() -> None:
    client = TrainerClient(KubernetesBackendConfig(offline=True))
    with pytest.raises(PackagingError, match="index URL 'file:///wheels': it is on this machine"):
        client.train(train_func=tell, packages_to_install=["b"], pip_index_urls=["file:///wheels"], dry_run=True)


def test_a_cluster_takes_the_password_from_a_secret() -> None:
    client = TrainerClient(KubernetesBackendConfig(offline=True))
    job = client.train(
        train_func=tell,
        packages_to_install=["a"],
        pip_index_urls=["https://me:${INDEX_TOKEN}@example.org/simple"],
        options=[options.SecretEnv("index", ["INDEX_TOKEN"])],
        dry_run=True,
    )

    assert job.spec.trainer is not None
    (variable,) = job.spec.trainer.env or []
    assert variable.name == "INDEX_TOKEN"
    assert variable.value is None

"""What a job on this machine fetches before it trains: from files, a Hub and an S3 server, all on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypedDict

import pytest
import yaml

from kubeflow.core.errors import InvalidInput
from kubeflow.local import fetch
from kubeflow.local.job.plan import NodePlan
from kubeflow.trainer import (
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    KubernetesBackendConfig,
    S3DatasetInitializer,
    S3ModelInitializer,
    TrainerClient,
    Unsupported,
)
from kubeflow.trainer.backends.localprocess import fetch_stage

TOKEN = "hf_secret-word"


def files_in(directory: Path) -> dict[str, str]:
    return {path.relative_to(directory).as_posix(): path.read_text() for path in directory.rglob("*") if path.is_file()}


def run(step: NodePlan) -> subprocess.CompletedProcess[str]:
    return subprocess.run(step.argv, env=dict(step.env), capture_output=True, text=True, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("data/train.json", "data/test.json", "weights.bin", "sub/weights.bin", "README"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text(name)
    return tmp_path / "source"


def test_files_of_this_machine_are_linked_but_for_what_the_patterns_leave_out(source: Path, tmp_path: Path) -> None:
    both = Initializer(
        dataset=HuggingFaceDatasetInitializer(f"file://{source}", ignore_patterns=["data/", "README"]),
        model=S3ModelInitializer(f"file://{source}/data/train.json"),
    )
    fetch_stage.check(both)

    dataset, model = fetch_stage.plan(both, tmp_path / "workspace", os.environ)

    assert (dataset.name, model.name) == ("dataset-initializer", "model-initializer")
    done = run(dataset)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 file(s), 26 bytes" in done.stdout
    assert run(model).returncode == 0
    assert files_in(tmp_path / "workspace/dataset") == {
        "weights.bin": "weights.bin",
        "sub/weights.bin": "sub/weights.bin",
    }
    assert files_in(tmp_path / "workspace/model") == {"train.json": "data/train.json"}


def test_what_stands_for_an_artifact_is_fetched_as_it() -> None:
    from kubeflow.core.artifact import Artifact
    from kubeflow.hub import ModelArtifact, ModelVersion
    from kubeflow.trainer.types.initializers import initializer_of

    version = ModelVersion(name="1", artifact_source=ModelArtifact(name="iris", uri="s3://models/iris/1"))
    expected = Initializer(model=Artifact("s3://models/iris/1", "model"))
    assert Initializer(model=version) == initializer_of(version) == expected
    with pytest.raises(InvalidInput, match="dataset takes a dataset, and s3://models/iris/1 is a model"):
        Initializer(dataset=version)
    anything: Any = 7
    with pytest.raises(InvalidInput, match="initializer takes Initializer or Artifact, not 7"):
        initializer_of(anything)


def test_a_pattern_means_the_same_for_every_source_as_for_the_hub(source: Path, tmp_path: Path) -> None:
    model = Initializer(model=HuggingFaceModelInitializer(f"file://{source}"))  # its default leaves *.bin out
    (step,) = fetch_stage.plan(model, tmp_path, os.environ)

    run(step)

    assert sorted(files_in(tmp_path / "model")) == ["README", "data/test.json", "data/train.json"]


def test_links_in_a_circle_are_followed_once(source: Path, tmp_path: Path) -> None:
    (source / "data/back").symlink_to(source)

    names = fetch.fetch(f"file://{source}", tmp_path / "into", [], "dataset")

    assert len(names) == 5


@pytest.mark.parametrize("ignored", [[], ["*"]])
def test_an_empty_dataset_fails_in_words(tmp_path: Path, ignored: list[str]) -> None:
    (tmp_path / "source").mkdir()
    if ignored:
        (tmp_path / "source/file").touch()
    dataset = Initializer(dataset=HuggingFaceDatasetInitializer(f"file://{tmp_path}/source", ignore_patterns=ignored))
    (step,) = fetch_stage.plan(dataset, tmp_path, os.environ)

    done = run(step)

    assert done.returncode == 1
    assert done.stderr.startswith(f"kubeflow: file://{tmp_path}/source could not be fetched: there is nothing")
    assert done.stderr.count("\n") == 1


def test_what_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"There is no .*/nowhere"):
        fetch_stage.check(Initializer(dataset=S3DatasetInitializer(f"file://{tmp_path}/nowhere")))


def test_a_data_cache_is_for_clusters() -> None:
    cache = DataCacheInitializer("cache://schema/table", metadata_loc="s3://b/m.json", num_data_nodes=2)

    with pytest.raises(Unsupported, match="HuggingFaceDatasetInitializer"):
        fetch_stage.check(Initializer(dataset=cache))


def test_a_secret_of_a_cluster_is_refused_here() -> None:
    with pytest.raises(Unsupported, match="'my-keys' names a Secret of a cluster"):
        fetch_stage.check(Initializer(dataset=S3DatasetInitializer("s3://a/b", secret="my-keys")))


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [
        (HuggingFaceDatasetInitializer("hf://a/b"), "huggingface_hub", "huggingface"),
        (S3DatasetInitializer("s3://a/b"), "boto3", "s3"),
    ],
)
def test_a_missing_extra_is_named_before_anything_starts(
    source: HuggingFaceDatasetInitializer | S3DatasetInitializer,
    module: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # how Python marks what cannot be imported

    with pytest.raises(InvalidInput, match=rf"pip install 'kubeflow\[{extra}\]'"):
        fetch_stage.check(Initializer(dataset=source))


def test_variables_reach_what_fetches_here_and_on_a_cluster() -> None:
    initializer = Initializer(
        dataset=HuggingFaceDatasetInitializer("hf://org/d", env={"HF_ENDPOINT": "https://hub.example.com"}),
        model=S3ModelInitializer("s3://bucket/m", region="eu-1", env={"HTTPS_PROXY": "http://proxy:3128"}),
    )

    dataset, model = fetch_stage.plan(initializer, Path("workspace"), {"HF_ENDPOINT": "https://other"})
    assert dataset.env["HF_ENDPOINT"] == "https://hub.example.com"
    assert model.env["HTTPS_PROXY"] == "http://proxy:3128"
    client = TrainerClient(KubernetesBackendConfig(offline=True, trainer_version="2.3"))
    job = client.train("torchtune-llama3.2-1b", initializer=initializer, dry_run=True)
    written = yaml.safe_load(job.to_yaml())["spec"]["initializer"]
    assert {"name": "HF_ENDPOINT", "value": "https://hub.example.com"} in written["dataset"]["env"]
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in written["model"]["env"]
    assert {"name": "REGION", "value": "eu-1"} in written["model"]["env"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ACCESS_TOKEN", "write access_token="),
        ("HF_TOKEN", "write access_token="),
        ("STORAGE_URI", "write storage_uri="),
        ("IGNORE_PATTERNS", "write ignore_patterns="),
        ("ENDPOINT", "leave it out"),
    ],
)
def test_a_variable_that_a_field_sets_is_refused_with_the_field(name: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        HuggingFaceModelInitializer("hf://org/m", env={name: "value"})


def test_secrets_are_on_no_command_line() -> None:
    secrets = ("hf_abc", "AKIA", "s3cret")
    both = Initializer(
        dataset=S3DatasetInitializer("s3://b/p", access_key_id="AKIA", secret_access_key="s3cret", region="eu-1"),
        model=HuggingFaceModelInitializer("hf://a/b", access_token="hf_abc"),
    )
    environ = {"AWS_SESSION_TOKEN": "of somebody else", "AWS_PROFILE": "other", "PATH": "/bin"}

    dataset, model = fetch_stage.plan(both, Path("/w"), environ)

    assert not [word for step in (dataset, model) for word in step.argv for secret in secrets if secret in word]
    assert model.env["HF_TOKEN"] == "hf_abc"
    assert {name: value for name, value in dataset.env.items() if name.startswith("AWS")} == {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_REGION": "eu-1",
        "AWS_DEFAULT_REGION": "eu-1",
    }
    assert "HF_TOKEN" not in dataset.env


class Hub(BaseHTTPRequestHandler):
    """A Hugging Face Hub of one private dataset."""

    FILES: Mapping[str, str] = {"data/train.json": "train", "data/x.bin": "weights", "README.md": "read me"}
    COMMIT = "0123456789abcdef0123456789abcdef01234567"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        if path.startswith("/api/datasets/org/private"):
            siblings = [{"rfilename": name, "size": len(text)} for name, text in self.FILES.items()]
            if "/tree/" in path:
                entries = [
                    {"type": "file", "path": name, "size": len(text), "oid": "0" * 40}
                    for name, text in self.FILES.items()
                ]
                return self._answer(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
            body = {"id": "org/private", "sha": self.COMMIT, "siblings": siblings, "private": True}
            return self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        name = path.removeprefix(f"/datasets/org/private/resolve/{self.COMMIT}/")
        if name not in self.FILES:
            return self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        headers = {"ETag": f'"{name.replace("/", "-")}"', "X-Repo-Commit": self.COMMIT}
        return self._answer(200, self.FILES[name].encode(), headers)

    def _answer(self, code: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a process that knows a Hub on loopback and has a cache of its own."""
    pytest.importorskip("huggingface_hub", reason="needs the extra kubeflow[huggingface]")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        yield {
            **inherited,
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path / "hf"),
            "NO_PROXY": "127.0.0.1",
        }
        server.shutdown()
        thread.join()


def test_a_private_dataset_comes_from_the_hub(hub: dict[str, str], tmp_path: Path) -> None:
    private = HuggingFaceDatasetInitializer("hf://org/private", ignore_patterns=["*.bin"], access_token=TOKEN)
    (step,) = fetch_stage.plan(Initializer(dataset=private), tmp_path, hub)

    done = run(step)

    assert done.returncode == 0, done.stderr
    assert files_in(tmp_path / "dataset") == {"data/train.json": "train", "README.md": "read me"}
    assert TOKEN not in done.stdout + done.stderr


def test_a_path_inside_a_dataset_keeps_its_place(hub: dict[str, str], tmp_path: Path) -> None:
    private = HuggingFaceDatasetInitializer("hf://org/private/data", access_token=TOKEN)
    (step,) = fetch_stage.plan(Initializer(dataset=private), tmp_path, hub)

    assert run(step).returncode == 0
    assert files_in(tmp_path / "dataset") == {"data/train.json": "train", "data/x.bin": "weights"}


def test_a_repository_that_the_hub_does_not_show_says_what_may_be_wrong(hub: dict[str, str], tmp_path: Path) -> None:
    (step,) = fetch_stage.plan(
        Initializer(dataset=HuggingFaceDatasetInitializer("hf://org/private")), tmp_path, {**hub, "HF_TOKEN": "wrong"}
    )

    done = run(step)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the Hub has no dataset org/private, or it is private" in done.stderr
    assert "access_token=" in done.stderr


class Store(TypedDict):
    """What initializers need to reach a store."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[Store]:
    """An S3 server with a bucket `bucket`; yields what initializers need to reach it."""
    pytest.importorskip("boto3", reason="needs the extra kubeflow[s3]")
    server_module = pytest.importorskip("moto.server", reason="needs moto[server]")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    botocore = pytest.importorskip("botocore.session")
    client = botocore.get_session().create_client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="me", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket="bucket")
    for name in ("data/train.json", "data/deep/test.json", "data/x.bin", "other.txt", "database/not-this"):
        client.put_object(Bucket="bucket", Key=name, Body=name.encode())
    client.put_object(Bucket="bucket", Key="data/", Body=b"")  # how consoles make folders
    client.put_object(Bucket="bucket", Key="evil/../../out", Body=b"out")
    client.close()
    yield {"endpoint": endpoint, "access_key_id": "me", "secret_access_key": "secret", "region": "us-east-1"}
    server.stop()


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")} | {"NO_PROXY": "127.0.0.1"}


def test_objects_below_a_prefix_come_from_s3(s3: Store, tmp_path: Path) -> None:
    both = Initializer(
        dataset=S3DatasetInitializer("s3://bucket/data", ignore_patterns=["*.bin"], **s3),
        model=S3ModelInitializer("s3://bucket/other.txt", role_arn="arn:aws:iam::123456789012:role/reader", **s3),
    )

    for step in fetch_stage.plan(both, tmp_path, without_aws(os.environ)):
        done = run(step)
        assert done.returncode == 0, done.stderr

    assert files_in(tmp_path / "dataset") == {"train.json": "data/train.json", "deep/test.json": "data/deep/test.json"}
    assert files_in(tmp_path / "model") == {"other.txt": "other.txt"}


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://bucket/nothing", "there is nothing"),
        ("s3://no-such-bucket/data", "correct storage_uri"),
        ("s3://bucket/evil", "outside of its directory"),
    ],
)
def test_what_s3_does_not_have_or_must_not_give_fails_in_words(
    s3: Store, tmp_path: Path, uri: str, reason: str
) -> None:
    (step,) = fetch_stage.plan(
        Initializer(dataset=S3DatasetInitializer(uri, **s3)), tmp_path / "workspace", without_aws(os.environ)
    )

    done = run(step)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
    assert not (tmp_path / "out").exists()

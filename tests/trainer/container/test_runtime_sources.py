"""Where runtimes of jobs in containers come from: what is pinned, folders, URLs, repositories; and that only what is named is asked."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime

from kubeflow.core.errors import KubeflowError
from kubeflow.trainer import ContainerBackendConfig, InvalidInput, RuntimeNotFound, TrainerClient, TrainingRuntimeSource
from kubeflow.trainer.backends.container.runtime_sources import RuntimeSources
from kubeflow.trainer.backends.container.step_templates import step_templates
from kubeflow.trainer.runtimes.known_runtimes import from_model
from kubeflow.trainer.runtimes.shipped_manifests import INITIALIZER_IMAGES, shipped_manifests
from tests.apiserver import UPSTREAM
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.stage import documents, release

MINE: dict[str, Any] = {
    "apiVersion": "trainer.kubeflow.org/v1alpha1",
    "kind": "ClusterTrainingRuntime",
    "metadata": {"name": "mine"},
    "spec": {
        "mlPolicy": {"numNodes": 3, "torch": {}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                            "spec": {
                                "template": {
                                    "spec": {
                                        "containers": [
                                            {
                                                "name": "node",
                                                "image": "example.com/mine",
                                                "env": [{"name": "A", "value": "b"}],
                                                "resources": {"limits": {"cpu": 2}},
                                            }
                                        ]
                                    }
                                }
                            },
                        },
                    }
                ]
            }
        },
    },
}
TAGS = {"kind": "Kustomization", "images": [{"name": "example.com/mine", "newTag": "v7"}]}


def written(folder: Path, **files: object) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A web server at loopback: `answers` by path, `asked` in order."""
    answers: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = answers.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vars(running).update(answers=answers, asked=asked)
    threading.Thread(target=partial(running.serve_forever, poll_interval=0.01), daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def archive(**files: object) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            data = yaml.safe_dump(content).encode()
            entry = tarfile.TarInfo(f"trainer-abc/manifests/base/runtimes/{name}.yaml")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        other = tarfile.TarInfo("trainer-abc/examples/other.yaml")
        data = yaml.safe_dump({**MINE, "metadata": {"name": "other"}}).encode()
        other.size = len(data)
        tar.addfile(other, io.BytesIO(data))
    return stream.getvalue()


def upstream() -> Mapping[str, Mapping[str, Any]]:
    """The manifests of the newest Trainer, with the tags that its overlay sets."""
    if not UPSTREAM:
        pytest.skip("no releases to compare with: set KUBEFLOW_TEST_UPSTREAM")
    overlay = yaml.safe_load((release("2.3") / "overlays/runtimes/kustomization.yaml").read_text())
    text = "\n---\n".join(
        yaml.safe_dump(document)
        for document in documents(release("2.3") / "base/runtimes")
        if "Cluster" in document["kind"]
    )
    for image in overlay["images"]:
        text = text.replace(f"image: {image['name']}\n", f"image: {image['name']}:{image['newTag']}\n")
    return {document["metadata"]["name"]: document for document in yaml.safe_load_all(text)}


def test_what_is_pinned_is_what_the_newest_trainer_ships() -> None:
    theirs = upstream()
    ours = {from_model(ClusterTrainingRuntime.from_server(each)).name: each for each in shipped_manifests()}

    assert set(ours) == set(theirs)
    for name, manifest in ours.items():
        mine, original = (ClusterTrainingRuntime.from_server(each) for each in (manifest, theirs[name]))
        assert from_model(mine) == from_model(original)
        templates, originals = step_templates(manifest), step_templates(theirs[name])
        assert set(templates) == set(originals)
        for step, template in templates.items():
            known = {"TRAIN_JOB_NAME"}  # of the data cache, for which these runtimes are refused
            assert template == type(template)(
                **{field: getattr(originals[step], field) for field in template.__slots__ if field != "unset"}
            ), (name, step)
            assert set(originals[step].unset) <= known
    assert {
        template.image for each in ours.values() for step, template in step_templates(each).items() if step != "node"
    } == {*INITIALIZER_IMAGES.values()}


def test_the_default_asks_nobody(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{server.server_port}"
    for variable in ("GITHUB_SERVER_URL", "HTTP_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, address)
    client = TrainerClient(ContainerBackendConfig(state_dir=tmp_path))

    runtimes = {runtime.name: runtime for runtime in client.list_runtimes()}

    assert runtimes["torch-distributed"].trainer.image == "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime"
    assert runtimes["torchtune-llama3.2-1b"].pretrained_model == "hf://meta-llama/Llama-3.2-1B-Instruct"
    assert runtimes["torch-distributed-with-cache"].missing == ("data cache",)
    assert client.get_runtime("torch-distributed") == runtimes["torch-distributed"]
    assert vars(server)["asked"] == []


def test_a_folder_is_read_anew_with_the_tags_beside_it_and_the_first_source_counts(tmp_path: Path) -> None:
    folder = written(tmp_path / "runtimes", a=MINE, kustomization=TAGS, b={"kind": "ConfigMap"})
    also = {**MINE, "metadata": {"name": "torch-distributed"}}
    (folder / "c.yaml").write_text(yaml.safe_dump_all([also, {"kind": "Secret"}]))
    sources = RuntimeSources(TrainingRuntimeSource(sources=[f"file://{folder}", "github://kubeflow/trainer"]))

    mine = sources.named("mine")

    assert (mine.runtime.trainer.image, mine.runtime.trainer.num_nodes) == ("example.com/mine:v7", 3)
    assert sources.named("torch-distributed").runtime.trainer.image == "example.com/mine:v7"
    assert sources.named("jax-distributed").runtime.trainer.framework == "jax"
    (folder / "d.yaml").write_text(yaml.safe_dump({**MINE, "metadata": {"name": "later"}}))
    assert "later" in [known.runtime.name for known in sources.all()]
    node = step_templates(mine.model.to_dict())["node"]
    assert (node.env, node.limits) == ({"A": "b"}, {"cpu": "2"})
    only = RuntimeSources(TrainingRuntimeSource(sources=[str(folder)]))
    with pytest.raises(RuntimeNotFound, match=r"Available: mine, torch-distributed, later.*github://kubeflow/trainer"):
        only.named("xgboost-distributed")


def test_a_repository_that_is_named_is_asked_once(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", f"http://127.0.0.1:{server.server_port}")
    vars(server)["answers"]["/example/trainer/archive/v2.4.tar.gz"] = archive(mine=MINE, kustomization=TAGS)
    named = RuntimeSources(TrainingRuntimeSource(sources=["github://example/trainer/manifests/base@v2.4"]))

    assert [known.runtime.name for known in named.all()] == ["mine"]
    assert named.named("mine").runtime.trainer.image == "example.com/mine:v7"

    assert vars(server)["asked"] == ["/example/trainer/archive/v2.4.tar.gz"]
    gone = RuntimeSources(TrainingRuntimeSource(sources=["github://example/gone"]))
    with pytest.raises(
        KubeflowError, match=r"/example/gone/archive/HEAD.tar.gz cannot be read: .*Not Found.*runtime_source"
    ):
        gone.all()


@needs_openssl
def test_a_url_is_read_by_tls_with_the_authorities_of_the_machine(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    server.socket = authority.here.serving().wrap_socket(server.socket, server_side=True)
    vars(server)["answers"]["/runtimes.yaml"] = yaml.safe_dump_all([MINE, TAGS]).encode()
    url = f"https://127.0.0.1:{server.server_port}/runtimes.yaml"
    with pytest.raises(KubeflowError, match="certificate"):
        RuntimeSources(TrainingRuntimeSource(sources=[url])).all()

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))

    assert (
        RuntimeSources(TrainingRuntimeSource(sources=[url])).named("mine").runtime.trainer.image
        == "example.com/mine:v7"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("runtimes", "depends on where the program runs: write '/"),
        ("http://example.com/a.yaml", "write 'https://example.com/a.yaml'"),
        ("githb://kubeflow/trainer", "Did you mean 'github'"),
        ("github://kubeflow", "github://owner/repository/path@revision"),
        ("file://runtimes", "'file:///' and an absolute path"),
        ("https:///a.yaml", "names no host"),
    ],
)
def test_a_source_of_another_form_is_refused(source: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        TrainingRuntimeSource(sources=[source])


def test_what_is_not_there_and_what_is_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no '/nowhere/at/all'"):
        RuntimeSources(TrainingRuntimeSource(sources=["/nowhere/at/all"])).all()
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(InvalidInput, match=r"bad\.yaml, which runtime_source names, is no YAML"):
        RuntimeSources(TrainingRuntimeSource(sources=[str(tmp_path)])).all()

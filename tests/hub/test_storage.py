"""Files of models to a real S3 server, and from a Hub on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.hub import (
    ModelRegistryClient,
    OCIUploadParams,
    RegistryDenied,
    RegistryUnavailable,
    S3UploadParams,
    upload_artifact,
)
from tests.trainer.test_initializers import TOKEN, Hub


@pytest.fixture
def store() -> Iterator[dict[str, str]]:
    """An S3 server with the bucket `models`; yields what reaches it."""
    moto = pytest.importorskip("moto.server", reason="needs moto[server]")
    boto3 = pytest.importorskip("boto3", reason="needs the extra kubeflow[s3]")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    reach = {
        "endpoint_url": f"http://{host}:{port}",
        "access_key_id": "me",
        "secret_access_key": "secret",
        "region": "us-east-1",
    }
    urlopen(f"{reach['endpoint_url']}/moto-api/reset", data=b"").close()  # what servers of other tests have
    bucket(boto3, reach).create()
    yield reach
    server.stop()


def bucket(boto3: Any, reach: dict[str, str]) -> Any:
    session = boto3.session.Session("me", "secret", region_name="us-east-1")
    return session.resource("s3", endpoint_url=reach["endpoint_url"]).Bucket("models")


def objects(reach: dict[str, str]) -> dict[str, bytes]:
    boto3 = pytest.importorskip("boto3")
    return {each.key: each.get()["Body"].read() for each in bucket(boto3, reach).objects.all()}


def test_a_folder_goes_below_the_prefix_and_is_registered(store: dict[str, str], tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "model.joblib").write_bytes(b"weights")
    (model / "deep" / "large.bin").write_bytes(b"x" * (6 << 20))  # in parts
    uri = upload_artifact(model, upload_params=S3UploadParams("models", "/iris/1/", **store))  # type: ignore[arg-type]
    assert uri == "s3://models/iris/1"
    found = objects(store)
    assert {key: len(content) for key, content in found.items()} == {
        "iris/1/model.joblib": 7,
        "iris/1/deep/large.bin": 6 << 20,
    }
    registry = ModelRegistryClient(state_dir=tmp_path / "state")
    assert registry.register_model("iris", uri, version="1").uri == uri


def test_a_file_keeps_its_name(store: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"graph")
    params = S3UploadParams("models", "iris", **store)  # type: ignore[arg-type]
    assert upload_artifact(str(tmp_path / "model.onnx"), upload_params=params) == "s3://models/iris/model.onnx"
    assert objects(store) == {"iris/model.onnx": b"graph"}


def test_what_the_store_refuses_is_said_with_its_words(store: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(RegistryUnavailable, match=r"NoSuchBucket.*bucket_name="):
        upload_artifact(tmp_path, upload_params=S3UploadParams("gone", "a", **store))  # type: ignore[arg-type]
    dead = {**store, "endpoint_url": "http://127.0.0.1:9"}
    with pytest.raises(RegistryUnavailable, match="endpoint_url="):
        upload_artifact(tmp_path, upload_params=S3UploadParams("models", "a", **dead))  # type: ignore[arg-type]
    wrong = {**store, "endpoint_url": "no url"}
    with pytest.raises(InvalidInput, match="endpoint_url='no url'"):
        upload_artifact(tmp_path, upload_params=S3UploadParams("models", "a", **wrong))  # type: ignore[arg-type]


def test_without_credentials_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3", reason="needs the extra kubeflow[s3]")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    (tmp_path / "a").write_text("a")
    with pytest.raises(RegistryDenied, match="access_key_id="):
        upload_artifact(tmp_path, upload_params=S3UploadParams("models", "a", endpoint_url="http://127.0.0.1:9"))


def test_what_cannot_be_uploaded_is_refused(tmp_path: Path) -> None:
    params = S3UploadParams("models", "a")
    with pytest.raises(InvalidInput, match="there is no"):
        upload_artifact(tmp_path / "gone", upload_params=params)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="has no files"):
        upload_artifact(tmp_path / "empty", upload_params=params)
    (tmp_path / "a").write_text("a")
    with pytest.raises(InvalidInput, match="bucket_name and s3_prefix"):
        upload_artifact(tmp_path, upload_params=S3UploadParams("models", "/"))
    with pytest.raises(InvalidInput, match="belong together"):
        upload_artifact(tmp_path, upload_params=S3UploadParams("models", "a", access_key_id="me"))
    image = OCIUploadParams("busybox", "ghcr.io/me/iris:1")
    with pytest.raises(InvalidInput, match=r"FROM busybox.*docker push ghcr.io/me/iris:1.*oci://ghcr.io/me/iris:1"):
        upload_artifact(tmp_path, upload_params=image)
    wrong: Any = {"bucket_name": "models"}
    with pytest.raises(TypeError, match="not dict"):
        upload_artifact(tmp_path, upload_params=wrong)


class ModelHub(Hub):
    """A Hugging Face Hub of one private model."""

    def do_GET(self) -> None:  # noqa: N802
        self.path = self.path.replace("/api/models/", "/api/datasets/")
        if self.path.startswith("/org/"):
            self.path = f"/datasets{self.path}"
        super().do_GET()


UPLOAD = """
import json, sys
from kubeflow.hub import S3UploadParams, upload_artifact
print(upload_artifact(sys.argv[1], upload_params=S3UploadParams("models", "hub/1", **json.loads(sys.argv[2]))))
"""


def test_a_model_of_the_hugging_face_hub_goes_to_s3(store: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra kubeflow[huggingface]")
    with ThreadingHTTPServer(("127.0.0.1", 0), ModelHub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "AWS_"))},
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "NO_PROXY": "127.0.0.1",
        }

        def upload(uri: str, token: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", UPLOAD, uri, json.dumps(store)]
            environment = {**environ, "HF_TOKEN": token, "HF_HOME": str(tmp_path / token)}
            return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)

        done, refused = upload("hf://org/private", TOKEN), upload("hf://org/private", "wrong")
        server.shutdown()
        thread.join()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["s3://models/hub/1"]
    assert {key: content.decode() for key, content in objects(store).items()} == {
        f"hub/1/{name}": text for name, text in Hub.FILES.items()
    }
    assert "the Hub has no model org/private, or it is private" in refused.stderr
    assert "RegistryUnavailable" in refused.stderr

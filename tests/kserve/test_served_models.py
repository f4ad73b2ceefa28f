"""Where served models come from: a registry, a store, a function with packages; on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kubeflow.hub import ModelRegistryClient
from kubeflow.kserve import KServeClient, ModelRejected, ServiceFailed
from kubeflow.trainer import Initializer, LocalProcessBackendConfig, TrainerClient
from tests.local.wheels import add_project


def files_of_model() -> list[str]:
    return sorted(path.name for path in (Path(os.environ["KUBEFLOW_WORKSPACE"]) / "model").iterdir())


def test_a_registered_version_is_trained_on_and_served(client: KServeClient, state: Path, models: Path) -> None:
    registry = ModelRegistryClient("local", state_dir=state)
    model = registry.register_model("iris", str(models / "sklearn"), version="1", model_format_name="sklearn")
    version = registry.get_model_version("iris", "latest")
    assert Initializer(model=model) == Initializer(model=version)  # a model stands for what was registered with it

    trainer = TrainerClient(LocalProcessBackendConfig(state_dir=state))
    job = trainer.train(train_func=files_of_model, initializer=version)
    client.serve("iris", model=version)  # a pickle, which the registry of this machine keeps
    assert client.wait_for_service_status("iris", timeout=120).model_format == "sklearn"
    assert client.predict("iris", [[5.1, 3.5], [6.7, 3.1]]).tolist() == [0, 1]
    trainer.wait_for_job_status(job)
    assert trainer.get_job_result(job) == ["model.joblib"]


@pytest.fixture
def store(models: Path) -> Iterator[dict[str, str]]:
    """A store that speaks S3, with the models in `served/`; yields the environment that leads to it."""
    server_module = pytest.importorskip("moto.server", reason="needs moto[server]")
    boto3: Any = pytest.importorskip("boto3", reason="needs the extra kubeflow[s3]")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    session = boto3.session.Session("me", "secret", region_name="us-east-1")
    bucket = session.resource("s3", endpoint_url=f"http://{host}:{port}").Bucket("served")
    bucket.create()
    for name in ("onnx/model.onnx", "sklearn/model.joblib"):
        bucket.upload_file(str(models / name), name)
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    server.stop()


def test_a_model_comes_from_s3_and_a_pickle_from_there_needs_its_users_word(
    client: KServeClient, store: dict[str, str]
) -> None:
    client.serve("onnx", "s3://served/onnx", env=store)
    client.serve("pickle", "s3://served/sklearn", env=store)  # what it is shows when it is there
    client.serve("nothing", "s3://served/nothing", env=store)
    assert client.wait_for_service_status("onnx", timeout=120).model_format == "onnx"
    assert client.predict("onnx", [[5.1, 3.5], [6.7, 3.1]])["label"].tolist() == [0, 1]

    with pytest.raises(ServiceFailed, match=r"model\.joblib is a pickle, loading it executes code.*trust_pickle=True"):
        client.wait_for_service_status("pickle", timeout=120)
    with pytest.raises(ModelRejected, match="are pickles"):
        client.update("pickle", model="s3://served/sklearn", model_format="sklearn")
    client.update("pickle", model="s3://served/sklearn", model_format="sklearn", trust_pickle=True)
    client.wait_for_service_status("pickle", timeout=120)
    assert client.predict("pickle", [[5.1, 3.5], [6.7, 3.1]]).tolist() == [0, 1]

    with pytest.raises(
        ServiceFailed, match=r"s3://served/nothing could not be fetched: there is nothing: correct model="
    ):
        client.wait_for_service_status("nothing", timeout=120)


def with_package(x: Any) -> Any:
    from importlib import import_module

    scale: Any = import_module("kubeflow_test_scale")
    return x * float(scale.TEXT)


def test_a_function_has_the_packages_that_it_asks_for(client: KServeClient, tmp_path: Path) -> None:
    project = add_project(tmp_path / "scale", "kubeflow_test_scale", "4")
    client.serve("m", with_package, packages_to_install=[str(project)])
    client.wait_for_service_status("m", timeout=120)
    assert client.predict("m", np.array([2.0])).tolist() == [8.0]
    assert any(event.reason == "EnvironmentBuilding" for event in client.get_service_events("m"))

"""One suite over every registry: on this machine, and servers of both REST versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.hub import ModelRegistryClient
from tests.hub.registry_server import RegistryServer, running


@pytest.fixture(autouse=True)
def _nobodys_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBEFLOW_MODEL_REGISTRY", "KUBEFLOW_MODEL_REGISTRY_TOKEN", "MODEL_REGISTRY_SERVICE_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["v1", "v1alpha3"])
def server(request: pytest.FixtureRequest) -> Iterator[RegistryServer]:
    with running(request.param) as made:
        yield made
    assert made.complaints == []


@pytest.fixture(params=["local", "v1", "v1alpha3"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelRegistryClient]:
    if request.param == "local":
        yield ModelRegistryClient(state_dir=tmp_path / "state", author="ada")
        return
    with running(request.param) as made:
        yield ModelRegistryClient(made.url, author="ada")
    assert made.complaints == []

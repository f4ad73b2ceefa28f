"""The backends that the conformance cases run on, each with state of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.trainer import BackendConfig, LocalProcessBackendConfig, TrainerClient


@pytest.fixture
def local_config(tmp_path: Path) -> LocalProcessBackendConfig:
    return LocalProcessBackendConfig(state_dir=tmp_path / "state")


@pytest.fixture(params=["localprocess"])
def config(request: pytest.FixtureRequest) -> BackendConfig:
    """One configuration per backend that trains: a new backend joins the conformance cases here."""
    configs: dict[str, BackendConfig] = {"localprocess": request.getfixturevalue("local_config")}
    return configs[request.param]


@pytest.fixture
def client(config: BackendConfig) -> Iterator[TrainerClient]:
    client = TrainerClient(config)
    yield client
    for job in client.list_jobs():
        client.delete_job(job.name)

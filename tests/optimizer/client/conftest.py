"""Clients that drive searches on this machine, each with state of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.optimizer import OptimizerClient
from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient


@pytest.fixture
def local_config(tmp_path: Path) -> LocalProcessBackendConfig:
    return LocalProcessBackendConfig(state_dir=tmp_path / "state", grace=1)


@pytest.fixture
def client(local_config: LocalProcessBackendConfig) -> Iterator[OptimizerClient]:
    client = OptimizerClient(local_config)
    yield client
    for job in client.list_jobs():
        client.delete_job(job)
    assert TrainerClient(local_config).list_jobs() == []  # the jobs of trials go with their search

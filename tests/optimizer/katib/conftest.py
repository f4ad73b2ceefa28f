"""A cluster with Trainer and Katib, both played on a real API server, and a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.trainer import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from tests.cluster.katib.katibcontroller import Katib, labelled_namespace
from tests.cluster.stage import MISSING, REASON, Stage, stage

_numbers = itertools.count()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("katib-engine")) as running, Katib(running):
        yield running


@pytest.fixture
def namespace(cluster: Stage) -> str:
    """A namespace that has Katib's label."""
    return labelled_namespace(cluster, f"tuning-{next(_numbers)}")


@pytest.fixture
def engine(cluster: Stage, namespace: str) -> KatibEngine:
    return engine_of(cluster, namespace)


def engine_of(cluster: Stage, namespace: str) -> KatibEngine:
    config = KubernetesBackendConfig(config_file=str(cluster.kubeconfig), namespace=namespace)
    return KatibEngine(KubernetesBackend(config))

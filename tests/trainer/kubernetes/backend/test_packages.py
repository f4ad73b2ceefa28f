"""What is inside a runtime, told by a job that runs there."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from kubeflow.core.errors import KubeflowError
from kubeflow.trainer import KubernetesBackendConfig, Unsupported
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.backends.runtime_packages import runtime_packages
from tests.cluster.scenarios import REAL, Scenario, Script, scripted
from tests.cluster.stage import MISSING, REASON, Stage, stage


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cluster in which the commands of jobs run as processes of this machine."""
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("packages")) as running:
        yield running


@pytest.fixture
def backend(cluster: Stage) -> KubernetesBackend:
    return KubernetesBackend(KubernetesBackendConfig(config_file=str(cluster.kubeconfig)))


def test_python_packages_and_devices_are_listed_and_the_job_is_gone(cluster: Stage, backend: KubernetesBackend) -> None:
    cluster.controller.default = REAL

    text = backend.get_runtime_packages(backend.get_runtime("torch-distributed"))

    lines = text.splitlines()
    assert lines[0].startswith(f"Python {platform.python_version()}")
    assert f"pydantic=={version('pydantic')}" in lines
    assert lines[-1].startswith("CPUs: ")
    assert backend.list_jobs() == []


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (scripted(Script(lines=["no python3 here"], exit_code=127)), "job that lists them failed"),
        (Scenario(pull_error="manifest unknown"), "within 3 s"),
    ],
    ids=["failed", "stuck"],
)
def test_a_job_that_cannot_list_them_says_why_and_is_gone_too(
    cluster: Stage, backend: KubernetesBackend, scenario: Scenario, said: str
) -> None:
    cluster.controller.default = scenario

    with pytest.raises(KubeflowError, match=said):
        runtime_packages(backend, backend.get_runtime("torch-distributed"), timeout=3 if "within" in said else 120)

    assert backend.list_jobs() == []


def test_a_runtime_that_fetches_a_model_first_is_not_started_for_that(backend: KubernetesBackend) -> None:
    tuning = backend.get_runtime("torchtune-llama3.2-1b")

    with pytest.raises(Unsupported, match="run its image"):
        backend.get_runtime_packages(tuning)

    assert backend.list_jobs() == []

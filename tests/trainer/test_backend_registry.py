"""One registry names the backends: the variable, the configurations and the client's choice follow it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from kubeflow.trainer import (
    BackendConfig,
    ContainerBackendConfig,
    InvalidInput,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TrainerClient,
)
from kubeflow.trainer.backends.registry import BACKEND_VARIABLE, BACKENDS, DEFAULT_BACKEND, default_config

ROOT = Path(__file__).parents[2]


def test_every_configuration_of_the_union_has_one_entry_and_no_entry_another() -> None:
    classes = [entry.config for entry in BACKENDS.values()]
    assert len(classes) == len(set(classes))
    assert set(classes) == set(get_args(BackendConfig))


@pytest.mark.parametrize("name", sorted(BACKENDS))
@pytest.mark.parametrize("written", [str, str.upper, " {} ".format])
def test_every_name_works_through_the_variable(name: str, written: type[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, written(name))
    assert type(default_config()) is BACKENDS[name].config


@pytest.mark.parametrize("value", ["", "  ", None])
def test_without_the_variable_clients_are_for_a_cluster(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BACKEND_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(BACKEND_VARIABLE, value)
    assert type(default_config()) is BACKENDS[DEFAULT_BACKEND].config is KubernetesBackendConfig


def test_a_misspelt_name_is_answered_with_the_one_meant_and_all_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "localproces")
    with pytest.raises(InvalidInput, match="localprocess") as error:
        TrainerClient()
    assert all(name in str(error.value) for name in BACKENDS)


def test_the_variable_and_the_configuration_give_the_same_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path))
    monkeypatch.setenv(BACKEND_VARIABLE, "localprocess")
    assert repr(TrainerClient().backend) == repr(TrainerClient(LocalProcessBackendConfig()).backend)


def test_containers_are_a_backend_whose_engine_is_looked_for_when_a_job_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv(BACKEND_VARIABLE, "container")
    client = TrainerClient()
    assert repr(client.backend) == repr(TrainerClient(ContainerBackendConfig()).backend)
    assert "torch-distributed" in [runtime.name for runtime in client.list_runtimes()]
    assert client.list_jobs() == []
    with pytest.raises(InvalidInput, match=r"CONTAINER_HOST names an engine .*nobody\.sock does not answer"):
        client.train(train_func=print_nothing)
    assert client.list_jobs() == []


def print_nothing() -> None:
    print("nothing")


def test_an_offline_cluster_is_a_backend_too() -> None:
    assert "KubernetesBackend" in type(TrainerClient(KubernetesBackendConfig(offline=True)).backend).__name__


def test_what_is_no_configuration_is_refused_with_every_class_that_is() -> None:
    with pytest.raises(InvalidInput) as error:
        TrainerClient(LocalProcessBackendConfig)  # type: ignore[arg-type]  # the class instead of an object: a user's slip
    assert all(entry.config.__name__ in str(error.value) for entry in BACKENDS.values())


def test_the_pages_name_every_backend() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert {name for name in BACKENDS if f"`{name}`" not in page} == set()

"""What importing costs, and that every name can be had."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import kubeflow.trainer
import kubeflow.trainer.options

HEAVY = ("kubernetes", "torch", "pydantic", "yaml", "docker", "numpy", "kubeflow_api", "psutil")


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, kubeflow.trainer; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)
    assert [name for name in loaded if name.startswith("kubeflow.trainer.")] == []


def test_a_client_of_the_types_alone_loads_no_models() -> None:
    script = (
        "import sys; from kubeflow.trainer import TrainerClient, CustomTrainer, KubernetesBackendConfig, options;"
        "options.Toleration; TrainerClient(KubernetesBackendConfig(offline=True)); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)


@pytest.mark.parametrize("name", kubeflow.trainer.options.__all__)
def test_every_option_is_there(name: str) -> None:
    assert getattr(kubeflow.trainer.options, name).__name__ == name


@pytest.mark.parametrize("name", kubeflow.trainer.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(kubeflow.trainer, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    misspelt = "TrainClient"
    with pytest.raises(AttributeError, match="TrainClient'. Did you mean 'TrainerClient'?"):
        getattr(kubeflow.trainer, misspelt)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("kubeflow.trainer.types.types", "CustomTrainer"),
        ("kubeflow.trainer.constants.constants", "DATASET_PATH"),
        ("kubeflow.trainer.api.trainer_client", "TrainerClient"),
        ("kubeflow.trainer.backends.localprocess", "LocalProcessBackendConfig"),
        ("kubeflow.trainer.backends.localprocess.types", "LocalProcessBackendConfig"),
        ("kubeflow.trainer.backends.container", "ContainerBackendConfig"),
        ("kubeflow.trainer.backends.container.types", "ContainerBackendConfig"),
        ("kubeflow.common.types", "KubernetesBackendConfig"),
        ("kubeflow.trainer.backends.kubernetes", "KubernetesBackendConfig"),
        ("kubeflow.trainer.options.kubernetes", "RuntimePatch"),
        ("kubeflow.trainer.options.common", "Name"),
    ],
)
def test_published_import_paths_work(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name) is not None

"""Run under a Python with kfp by `test_with_kfp.py`, a case each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import kubeflow.pipelines
from kubeflow.pipelines import local, rights
from kubeflow.trainer import KubernetesBackendConfig

GOLDEN = Path(__file__).parent / "golden" / "chain.yaml"
WRITE = "KUBEFLOW_WRITE_GOLDENS"


def test_the_names_are_those_of_kfp() -> None:
    import kfp
    import kfp.kubeflow_client
    import kfp.kubernetes

    assert kubeflow.pipelines.dsl is kfp.dsl
    assert kubeflow.pipelines.compiler is kfp.compiler
    assert kubeflow.pipelines.components is kfp.components
    assert kubeflow.pipelines.kubernetes is kfp.kubernetes
    assert kubeflow.pipelines.Run is kfp.kubeflow_client.Run
    for name in kubeflow.pipelines.__all__:
        assert getattr(kubeflow.pipelines, name) is not None


def test_a_client_of_pipelines_takes_its_own_configuration_alone() -> None:
    import kfp.kubeflow_client

    wrong: Any = KubernetesBackendConfig(namespace="x")
    with pytest.raises(
        TypeError, match=r"takes its own configuration, not a KubernetesBackendConfig of kubeflow\.trainer"
    ):
        kubeflow.pipelines.PipelinesClient(wrong)
    client = kubeflow.pipelines.PipelinesClient(
        kubeflow.pipelines.KubernetesBackendConfig(base_url="http://127.0.0.1:9", namespace="x")
    )
    assert isinstance(client, kfp.kubeflow_client.PipelinesClient)


def test_the_compiled_chain_is_as_it_was(tmp_path: Path) -> None:
    from kubeflow.pipelines import compiler
    from tests.pipelines import chain

    compiler.Compiler().compile(chain.served, str(tmp_path / "chain.yaml"))
    text = (tmp_path / "chain.yaml").read_text("utf-8")
    if os.environ.get(WRITE) == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")


def test_the_chain_runs_here(tmp_path: Path) -> None:
    from tests.pipelines import chain

    local(state=tmp_path / "state")
    assert os.environ["KUBEFLOW_BACKEND"] == "localprocess"
    task = chain.chain(epochs=4)
    assert task.output == "the same"
    assert list((tmp_path / "state" / "pipelines").rglob("model.txt"))


def test_rights_are_those_of_the_steps() -> None:
    from tests.pipelines import chain

    text = rights(chain.tune_step, chain.fit_step, chain.serve_step, namespace="team-a")
    assert "inferenceservices" in text
    assert "experiments" in text

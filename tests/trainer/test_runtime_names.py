"""Which runtime a name stands for."""

from __future__ import annotations

import pytest

from kubeflow.trainer import KubernetesBackendConfig, RuntimeNotFound, TrainerClient
from kubeflow.trainer.jobs.names import runtime_meant

NAMES = (
    "torch-distributed",
    "torch-distributed-with-cache",
    "jax-distributed",
    "torchtune-llama3.2-1b",
    "torchtune-llama3.2-3b",
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("torch-distributed", "torch-distributed"),
        ("llama-3.2-1b", "torchtune-llama3.2-1b"),
        ("llama3.2-1B", "torchtune-llama3.2-1b"),
        ("torchtune llama 3.2 3b", "torchtune-llama3.2-3b"),
        ("Torch_Distributed", "torch-distributed"),
        ("torch", None),
        ("distributed", None),
        ("llama-3.2", None),
        ("1b", None),
        ("--", None),
        ("", None),
    ],
)
def test_punctuation_case_and_the_framework_in_front_may_differ(said: str, meant: str | None) -> None:
    assert runtime_meant(said, NAMES) == meant


def test_a_name_that_could_be_two_runtimes_is_none() -> None:
    assert runtime_meant("llama-1b", ["a-llama-1b", "b-llama-1b"]) is None
    assert runtime_meant("a-llama-1b", ["a-llama-1b", "a-llama1b"]) == "a-llama-1b"


def test_a_job_says_the_runtimes_whole_name_to_the_cluster() -> None:
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(runtime_ref="qwen-2.5-1.5b", dry_run=True)

    assert job.spec is not None
    assert job.spec.runtime_ref is not None
    assert job.spec.runtime_ref.name == "torchtune-qwen2.5-1.5b"
    with pytest.raises(RuntimeNotFound, match="torchtune-llama3.2-1b"):
        TrainerClient(KubernetesBackendConfig(offline=True)).train(runtime_ref="llama-9", dry_run=True)

"""Jobs that are given no name are called after what they run."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    CustomTrainerContainer,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TorchTuneConfig,
    TrainerClient,
)
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.fresh_names import fresh_name, stem
from kubeflow.trainer.jobs.jobspec import AnyTrainer


def train_digits(lr: float = 0.1) -> None: ...


def train_a_model_with_a_name_that_is_too_long() -> None: ...


def _private() -> None: ...


class HTTPTrainer:
    def fit(self) -> None: ...

    def __call__(self) -> None: ...


def décode_2d() -> None: ...  # noqa: PLC2401  (what is tested)


FUNCTIONS: list[tuple[Callable[..., object], str]] = [
    (train_digits, "train-digits"),
    (functools.partial(functools.partial(train_digits, lr=1), lr=2), "train-digits"),
    (train_a_model_with_a_name_that_is_too_long, "train-a-model-with-a-name-th"),
    (_private, "private"),
    (lambda: None, "train"),
    (HTTPTrainer().fit, "fit"),
    (HTTPTrainer(), "http-trainer"),
    (HTTPTrainer, "http-trainer"),
    (HTTPTrainer().__call__, "http-trainer"),
    (décode_2d, "decode-2d"),
]
OTHERS: list[tuple[AnyTrainer | None, str, str]] = [
    (CustomTrainerContainer("ghcr.io:443/acme/train-llm:v2@sha256:0a"), "torch-distributed", "train-llm"),
    (CustomTrainerContainer("busybox"), "torch-distributed", "busybox"),
    (BuiltinTrainer(TorchTuneConfig()), "torchtune-llama3.2-1b", "torchtune-llama3-2-1b"),
    (None, "torchtune-qwen2.5-1.5b", "torchtune-qwen2-5-1-5b"),
]


@pytest.mark.parametrize(
    ("trainer", "runtime", "expected"),
    [*((CustomTrainer(func), "torch-distributed", expected) for func, expected in FUNCTIONS), *OTHERS],
)
def test_a_job_is_called_after_what_it_runs(trainer: AnyTrainer | None, runtime: str, expected: str) -> None:
    assert re.fullmatch(rf"{re.escape(expected)}-[0-9a-f]{{4}}", fresh_name(stem(trainer, runtime)))


@given(st.text())
def test_any_text_makes_a_name_that_a_cluster_takes_with_room_for_those_of_pods(text: str) -> None:
    name = fresh_name(text)
    assert names.check(name) == name
    assert len(name) <= 33


def test_clients_of_all_kinds_name_jobs_alike(local_config: LocalProcessBackendConfig) -> None:
    for client in (TrainerClient(KubernetesBackendConfig(offline=True)), TrainerClient(local_config)):
        job = client.train(train_func=train_digits, dry_run=True)
        assert job.metadata is not None
        assert re.fullmatch(r"train-digits-[0-9a-f]{4}", job.metadata.name or "")


@pytest.fixture
def client(local_config: LocalProcessBackendConfig) -> Iterator[TrainerClient]:
    client = TrainerClient(local_config)
    yield client
    for job in client.list_jobs():
        client.delete_job(job.name)


def test_a_name_that_is_taken_is_made_anew(client: TrainerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubeflow.trainer.options import Suspend

    randoms = iter([b"\0\0", b"\0\0", b"\0\0", b"\0\1"])
    actual = __import__("os").urandom
    monkeypatch.setattr("os.urandom", lambda size: next(randoms) if size == 2 else actual(size))

    made = [str(client.train(train_func=train_digits, options=[Suspend()])) for _ in range(2)]

    assert made == ["train-digits-0000", "train-digits-0001"]

"""Bad input to a client: an error that names cause and remedy, and nothing started."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError
from kubeflow.trainer import (
    BuiltinTrainer,
    ContainerBackendConfig,
    CustomTrainer,
    CustomTrainerContainer,
    HuggingFaceDatasetInitializer,
    Initializer,
    JobExists,
    JobNotFound,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    RuntimeNotFound,
    TorchTuneConfig,
    TrainerClient,
    Unsupported,
)


def train(epochs: int) -> None: ...


def around_a_lock() -> Callable[[], None]:
    lock = threading.Lock()

    def locked() -> None:
        with lock:
            print("locked")

    return locked


def test_a_backend_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"TrainerClient\(LocalProcessBackendConfig\(\)\)"):
        TrainerClient("local")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not the class LocalProcessBackendConfig"):
        TrainerClient(LocalProcessBackendConfig)  # type: ignore[arg-type]


def test_a_backend_of_a_later_version_says_what_works_today() -> None:
    with pytest.raises(Unsupported, match=r"LocalProcessBackendConfig\(\)"):
        TrainerClient(ContainerBackendConfig(container_runtime="docker"))


# fmt: off
ALWAYS_BAD: list[tuple[str, Callable[[TrainerClient], object], type[Exception], str]] = [
    ("a lambda's result", lambda c: c.train(train_func=5), InvalidInput, "func must be a function, not 5"),  # type: ignore[call-overload]
    ("a function around a lock", lambda c: c.train(train_func=around_a_lock()), PackagingError, "lock"),
    ("a lock as argument", lambda c: c.train(train_func=train, func_args={"epochs": threading.Lock()}), PackagingError, "epochs"),
    ("a missing argument", lambda c: c.train(train_func=train), PackagingError, "epochs"),
    ("a misspelt argument", lambda c: c.train(train_func=train, func_args={"epoch": 1}), PackagingError, "epoch"),
    ("no nodes", lambda c: c.train(train_func=train, func_args={"epochs": 1}, num_nodes=0), InvalidInput, "num_nodes"),
    ("two things to run", lambda c: c.train(trainer=CustomTrainer(train), train_func=train), InvalidInput, "one of them"),
    ("nodes beside the trainer", lambda c: c.train(trainer=CustomTrainer(train), num_nodes=2), InvalidInput, "num_nodes= goes into the trainer"),
    ("nodes without a function", lambda c: c.train(num_nodes=2), InvalidInput, "num_nodes= needs train_func="),
    ("a function as trainer", lambda c: c.train(trainer=train), InvalidInput, r"CustomTrainer\(func=...\)"),  # type: ignore[call-overload]
    ("an unknown runtime", lambda c: c.train("torch-distribted", trainer=CustomTrainer(train)), RuntimeNotFound, "Did you mean 'torch-distributed'"),
    ("a runtime of another type", lambda c: c.train(5, trainer=CustomTrainer(train)), InvalidInput, "runtime takes str or Runtime"),  # type: ignore[call-overload]
    ("a name no cluster takes", lambda c: c.train(train_func=train, name="My Job"), InvalidInput, "Try 'my-job'"),
    ("an option that is none", lambda c: c.train(train_func=train, func_args={"epochs": 1}, options=[42]), InvalidInput, "not 42"),  # type: ignore[list-item]
    ("reserved environment", lambda c: c.train(train_func=train, func_args={"epochs": 1}, env={"PET_NNODES": "2"}), InvalidInput, "PET_NNODES"),
    ("a built-in trainer in a plain runtime", lambda c: c.train(trainer=BuiltinTrainer(TorchTuneConfig())), InvalidInput, "torchtune"),
]
# fmt: on


@pytest.mark.parametrize("cluster", [False, True], ids=["local", "kubernetes"])
@pytest.mark.parametrize(
    ("call", "error", "message"), [case[1:] for case in ALWAYS_BAD], ids=[case[0] for case in ALWAYS_BAD]
)
def test_what_works_nowhere_is_refused_before_anything_starts(
    local_config: LocalProcessBackendConfig,
    call: Callable[[TrainerClient], object],
    error: type[Exception],
    message: str,
    cluster: bool,
) -> None:
    client = TrainerClient(KubernetesBackendConfig() if cluster else local_config)

    with pytest.raises(error, match=message):
        call(client)

    if not cluster:
        assert client.list_jobs() == []
        assert not Path(str(local_config.state_dir)).exists()


# fmt: off
BAD_LOCALLY: list[tuple[str, Callable[[TrainerClient], object], str]] = [
    ("an image", lambda c: c.train(trainer=CustomTrainerContainer("image")), r"CustomTrainer\(func=...\)"),
    ("the runtime's own code", lambda c: c.train(), "train_func="),
    ("an initializer", lambda c: c.train(initializer=Initializer(dataset=HuggingFaceDatasetInitializer("hf://a/b")), trainer=CustomTrainer(train, {"epochs": 1})), "initializer="),
    ("a TPU", lambda c: c.train(train_func=train, func_args={"epochs": 1}, resources_per_node={"tpu": 1}), "google.com/tpu"),
    ("more GPUs than any machine has", lambda c: c.train(train_func=train, func_args={"epochs": 1}, num_nodes=2, resources_per_node={"gpu": 999}), "999 GPU"),
    ("a jax runtime", lambda c: c.train(replace(c.get_runtime("torch-distributed"), name="jax-distributed"), trainer=CustomTrainer(train, {"epochs": 1})), "jax-distributed"),
]
# fmt: on


@pytest.mark.parametrize(("call", "message"), [case[1:] for case in BAD_LOCALLY], ids=[case[0] for case in BAD_LOCALLY])
def test_what_this_machine_cannot_do_is_refused_before_anything_starts(
    local_config: LocalProcessBackendConfig, call: Callable[[TrainerClient], object], message: str
) -> None:
    client = TrainerClient(local_config)

    with pytest.raises((InvalidInput, Unsupported), match=message):
        call(client)

    assert client.list_jobs() == []
    assert not Path(str(local_config.state_dir)).exists()


def test_a_torch_job_without_torch_says_what_to_install(tmp_path: Path) -> None:
    bare = tmp_path / "site-packages"  # this environment, without torch
    bare.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith("torch") and package.suffix != ".pth":
            (bare / package.name).symlink_to(package)
    script = tmp_path / "script.py"
    script.write_text(
        "from kubeflow.trainer import LocalProcessBackendConfig, RuntimeMissesPackage, TrainerClient\n"
        "def train():\n"
        "    pass\n"
        f"client = TrainerClient(LocalProcessBackendConfig(state_dir={str(tmp_path / 'state')!r}))\n"
        "try:\n"
        "    client.train(train_func=train)\n"
        "except RuntimeMissesPackage as error:\n"
        "    print(error)\n"
    )
    path = os.pathsep.join([*(entry for entry in sys.path if "site-packages" not in entry), str(bare)])
    done = subprocess.run(
        [sys.executable, "-S", str(script)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "pip install torch" in done.stdout
    assert not (tmp_path / "state").exists()


def sleep() -> None:
    import time

    time.sleep(3600)


def test_a_name_in_use_and_questions_about_jobs_that_make_no_sense(
    local_config: LocalProcessBackendConfig,
) -> None:
    client = TrainerClient(local_config)
    client.train(train_func=sleep, name="sleeper", num_nodes=2)
    try:
        with pytest.raises(JobExists, match=r"client.delete_job\('sleeper'\)"):
            client.train(train_func=sleep, name="sleeper")
        for ask in (
            client.get_job,
            client.get_job_logs,
            client.get_job_events,
            client.get_job_result,
            client.delete_job,
        ):
            with pytest.raises(JobNotFound, match="Did you mean 'sleeper'") as error:
                ask("sleper")
            assert error.value.available == ("sleeper",)
        with pytest.raises(JobNotFound):
            client.wait_for_job_status("sleper")
        with pytest.raises(InvalidInput, match="Steps: node-0, node-1"):
            client.get_job_logs("sleeper", step="node-2")
        with pytest.raises(InvalidInput, match="Did you mean 'Complete'"):
            client.wait_for_job_status("sleeper", {"Completed"})  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match=r"write status=\{'Complete'\}"):
            client.wait_for_job_status("sleeper", "Complete")  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="status is empty"):
            client.wait_for_job_status("sleeper", set())
        for seconds in (0, -1, float("nan"), True):
            with pytest.raises(InvalidInput, match="timeout is in seconds"):
                client.wait_for_job_status("sleeper", timeout=seconds)
        with pytest.raises(InvalidInput, match="polling_interval is in seconds"):
            client.wait_for_job_status("sleeper", polling_interval=0)
    finally:
        client.delete_job("sleeper")


def test_a_state_directory_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    client = TrainerClient(LocalProcessBackendConfig(state_dir=tmp_path / "file"))

    with pytest.raises(InvalidInput, match="KUBEFLOW_STATE_DIR"):
        client.train(train_func=sleep)

    assert client.list_jobs() == []


def test_without_a_cluster_every_verb_but_rendering_says_how_to_go_on() -> None:
    client = TrainerClient()
    calls: list[Callable[[], object]] = [
        lambda: client.train(train_func=sleep),
        client.list_jobs,
        client.list_runtimes,
        lambda: client.get_runtime("torch-distributed"),
        lambda: client.get_runtime_packages("torch-distributed"),
        lambda: client.get_job("a"),
        lambda: client.get_job_logs("a"),
        lambda: client.get_job_events("a"),
        lambda: client.get_job_result("a"),
        lambda: client.backend.outcome("a"),
        lambda: client.wait_for_job_status("a"),
        lambda: client.delete_job("a"),
    ]
    for call in calls:
        with pytest.raises(Unsupported, match=r"dry_run=True\).to_yaml\(\).*LocalProcessBackendConfig"):
            call()

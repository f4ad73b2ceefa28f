"""Bad input to a client: an error that names cause and remedy, and nothing started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kubeflow.cluster import NotConfigured, Unreachable
from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    CustomTrainerContainer,
    DataCacheInitializer,
    Initializer,
    JobExists,
    JobNotFound,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    Runtime,
    RuntimeKind,
    RuntimeNotFound,
    RuntimeTrainer,
    S3DatasetInitializer,
    TorchTuneConfig,
    TrainerClient,
    TrainerType,
    Unsupported,
)


def train(epochs: int) -> None: ...


def of(framework: str) -> Runtime:
    trainer = RuntimeTrainer(TrainerType.CUSTOM_TRAINER, framework, "image")
    return Runtime("my-runtime", trainer, RuntimeKind.TRAINING_RUNTIME)


def around_a_thread() -> Callable[[], None]:
    thread = threading.Thread()

    def started() -> None:
        thread.start()

    return started


def test_a_backend_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"TrainerClient\(LocalProcessBackendConfig\(\)\)"):
        TrainerClient("local")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not the class LocalProcessBackendConfig"):
        TrainerClient(LocalProcessBackendConfig)  # type: ignore[arg-type]


# fmt: off
ALWAYS_BAD: list[tuple[str, Callable[[TrainerClient], object], type[Exception], str]] = [
    ("a lambda's result", lambda c: c.train(train_func=5), InvalidInput, "func must be a function, not 5"),  # type: ignore[call-overload]
    ("a function around a thread", lambda c: c.train(train_func=around_a_thread()), PackagingError, "thread"),
    ("a lock as argument", lambda c: c.train(train_func=train, func_args={"epochs": threading.Lock()}), PackagingError, "epochs"),
    ("a missing argument", lambda c: c.train(train_func=train), PackagingError, "epochs"),
    ("a misspelt argument", lambda c: c.train(train_func=train, func_args={"epoch": 1}), PackagingError, "epoch"),
    ("no nodes", lambda c: c.train(train_func=train, func_args={"epochs": 1}, num_nodes=0), InvalidInput, "num_nodes"),
    ("two things to run", lambda c: c.train(trainer=CustomTrainer(train), train_func=train), InvalidInput, "one of them"),
    ("nodes beside the trainer", lambda c: c.train(trainer=CustomTrainer(train), num_nodes=2), InvalidInput, "num_nodes= goes into the trainer"),
    ("nodes without a function", lambda c: c.train(num_nodes=2), InvalidInput, "num_nodes= needs train_func="),
    ("a function as trainer", lambda c: c.train(trainer=train), InvalidInput, r"trainer=CustomTrainer\(func=train\)"),  # type: ignore[call-overload]
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
    client = TrainerClient(KubernetesBackendConfig(offline=True) if cluster else local_config)

    with pytest.raises(error, match=message):
        call(client)

    if not cluster:
        assert client.list_jobs() == []
        assert not Path(str(local_config.state_dir)).exists()


# fmt: off
BAD_LOCALLY: list[tuple[str, Callable[[TrainerClient], object], str]] = [
    ("an image", lambda c: c.train(trainer=CustomTrainerContainer("image")), r"CustomTrainer\(func=...\)"),
    ("the runtime's own code", lambda c: c.train(), "train_func="),
    ("a data cache", lambda c: c.train(initializer=Initializer(dataset=DataCacheInitializer("cache://a/b", "s3://c/m", 2)), trainer=CustomTrainer(train, {"epochs": 1})), "S3DatasetInitializer"),
    ("data that is not there", lambda c: c.train(initializer=Initializer(dataset=S3DatasetInitializer("file:///no/where")), trainer=CustomTrainer(train, {"epochs": 1})), "There is no /no/where"),
    ("a TPU", lambda c: c.train(train_func=train, func_args={"epochs": 1}, resources_per_node={"tpu": 1}), "google.com/tpu"),
    ("more GPUs than any machine has", lambda c: c.train(train_func=train, func_args={"epochs": 1}, num_nodes=2, resources_per_node={"gpu": 999}), "999 GPU"),
    ("a runtime whose package is missing", lambda c: c.train("mlx-distributed", trainer=CustomTrainer(train, {"epochs": 1})), "pip install mlx"),
    ("a runtime with a data cache", lambda c: c.train("torch-distributed-with-cache", trainer=CustomTrainer(train, {"epochs": 1})), "only a cluster has"),
    ("a runtime that starts its processes in its own way", lambda c: c.train(of("flux"), trainer=CustomTrainer(train, {"epochs": 1})), "'my-runtime' starts its processes"),
    ("many processes without a launcher", lambda c: c.train(of("plain"), trainer=CustomTrainer(train, {"epochs": 1}, num_proc_per_node=2)), "num_nodes=2 instead"),
    ("TorchTune without TorchTune", lambda c: c.train("torchtune-llama3.2-1b"), r"pip install 'kubeflow\[torchtune\]'"),
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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"grace": "5"}, "grace is in seconds, at least 0, not '5'"),
        ({"grace": -1}, "grace is in seconds"),
        ({"grace": float("inf")}, "grace is in seconds"),
        ({"state_dir": 7}, "state_dir takes a path, not 7"),
        ({"python": 3.12}, "python takes a path, or a version as text"),
        ({"python": "/no/such/python"}, "'/no/such/python' names no program that can be started"),
        ({"keep_days": -1}, "keep_days=-1"),
        ({"keep_jobs": "all"}, "keep_jobs='all'"),
        ({"max_jobs": -1}, "max_jobs must be a whole number of at least 0, not -1"),
        ({"max_jobs": 1.5}, "max_jobs must be a whole number"),
        ({"max_jobs": True}, "max_jobs must be a whole number"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_when_it_is_made(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        TrainerClient(LocalProcessBackendConfig(**wrong))  # type: ignore[arg-type]


def test_a_job_of_another_python_has_to_name_what_its_runtime_needs(local_config: LocalProcessBackendConfig) -> None:
    client = TrainerClient(replace(local_config, python="3.12"))

    with pytest.raises(InvalidInput, match=r"has only what it names. Name it in packages_to_install=\['torch'\]"):
        client.train(train_func=train, func_args={"epochs": 1})


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
        with pytest.raises(Unsupported, match="have no containers: leave container='istio-proxy' out"):
            client.get_job_logs("sleeper", container="istio-proxy")
        with pytest.raises(InvalidInput, match="Did you mean 'Complete'"):
            client.wait_for_job_status("sleeper", {"Completed"})  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="Did you mean 'Complete'"):
            client.wait_for_job_status("sleeper", "complete")  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="Did you mean 'Complete'"):
            client.list_jobs(status="Succeeded")  # type: ignore[arg-type]
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
    client = TrainerClient(KubernetesBackendConfig(offline=True))
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
        lambda: client.suspend_job("a"),
        lambda: client.resume_job("a"),
        lambda: client.scale_job("a", 2),
        lambda: client.explain("a"),
        lambda: client.create_job(client.train(train_func=sleep, dry_run=True)),
        lambda: client.train(train_func=sleep, server_dry_run=True),
    ]
    for call in calls:
        with pytest.raises(Unsupported, match=r"dry_run=True\).to_yaml\(\).*LocalProcessBackendConfig"):
            call()


LOCALLY = r"TrainerClient\(LocalProcessBackendConfig\(\)\).*KUBEFLOW_BACKEND=localprocess"


# fmt: off
NO_CLUSTER: list[tuple[str, str | None, str]] = [
    ("no kubeconfig", None, "There is no kubeconfig"),
    ("an empty one", "", "no current context"),
    ("one that is no YAML", "{", "cannot be used"),
    ("one without a context", "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n", "no current context"),
]
# fmt: on


@pytest.mark.parametrize(("text", "problem"), [case[1:] for case in NO_CLUSTER], ids=[case[0] for case in NO_CLUSTER])
def test_a_bare_client_without_a_cluster_says_at_once_how_to_run_on_this_machine(
    text: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    if text is not None:
        kubeconfig.write_text(text, "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    for variable in ("KUBERNETES_SERVICE_HOST", "KUBEFLOW_BACKEND"):
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(NotConfigured, match=problem) as error:
        TrainerClient()
    assert re.search(LOCALLY, str(error.value))

    monkeypatch.setenv("KUBEFLOW_BACKEND", "localprocess")
    assert TrainerClient().list_runtimes()[0].name == "torch-distributed"


def test_a_bare_client_whose_cluster_does_not_answer_says_so_in_good_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = {"name": "gone", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "gone", "context": {"cluster": "gone", "user": "me"}}
    config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "me", "user": {}}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({**config, "current-context": "gone"}), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("KUBEFLOW_BACKEND", raising=False)

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        TrainerClient()

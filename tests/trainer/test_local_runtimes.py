"""The runtimes of this machine: the shipped names, what is missing for each, and jobs in those that are not torch's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.local import list_environments
from kubeflow.local.job.places import Places
from kubeflow.packaging import bundle
from kubeflow.trainer import (
    CustomTrainer,
    HuggingFaceModelInitializer,
    Initializer,
    JobFailed,
    LocalProcessBackendConfig,
    Runtime,
    RuntimeKind,
    RuntimeMissesPackage,
    RuntimeMissesProgram,
    RuntimeNotFound,
    RuntimeTrainer,
    S3DatasetInitializer,
    TrainerClient,
    TrainerType,
)
from kubeflow.trainer.backends.machine import frameworks
from kubeflow.trainer.backends.machine.launch import Layout
from kubeflow.trainer.types.trainers import TrainerSettings
from tests.local.wheels import add_wheel
from tests.trainer.elsewhere import where

WAIT = 120  # seconds


@pytest.fixture
def local(local_config: LocalProcessBackendConfig) -> TrainerClient:
    return TrainerClient(local_config)


def of(framework: str) -> Runtime:
    return Runtime("mine", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, framework, "local"), RuntimeKind.TRAINING_RUNTIME)


def test_this_machine_has_the_shipped_runtimes_and_says_what_each_misses(local: TrainerClient) -> None:
    found = {runtime.name: runtime for runtime in local.list_runtimes()}

    assert set(found) == {
        "torch-distributed",
        "torch-distributed-with-cache",
        "deepspeed-distributed",
        "mlx-distributed",
        "jax-distributed",
        "xgboost-distributed",
        "torchtune-llama3.2-1b",
        "torchtune-llama3.2-3b",
        "torchtune-qwen2.5-1.5b",
    }
    assert found["torch-distributed"].runnable
    assert found["torch-distributed-with-cache"].missing == ("data cache",)
    for framework in ("jax", "xgboost", "mlx", "deepspeed"):
        runtime = found[f"{framework}-distributed"]
        assert (framework in runtime.missing) == (importlib.util.find_spec(framework) is None)
        assert runtime.runnable == (not runtime.missing)
    assert found["torchtune-llama3.2-1b"].pretrained_model == "hf://meta-llama/Llama-3.2-1B-Instruct"
    assert {runtime.name for runtime in local.list_runtimes("post-training")} == {
        name for name in found if name.startswith("torchtune-")
    }


def test_a_runtime_tells_of_this_machine_and_of_what_is_missing(
    local: TrainerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = local.get_runtime("torch-distributed")

    packages = local.get_runtime_packages(runtime)

    assert sys.executable in packages
    assert "torch==" in packages
    assert "Missing" not in packages
    assert capsys.readouterr().out == f"{packages}\n"
    assert "Missing for torchtune-llama3.2-1b: tune" in local.get_runtime_packages("llama-3.2-1b")
    with pytest.raises(RuntimeNotFound, match="Available: torch-distributed"):
        local.get_runtime("torch")


def test_a_job_in_a_runtime_that_misses_something_says_what_to_install(local: TrainerClient) -> None:
    def train() -> None: ...

    with pytest.raises(RuntimeMissesPackage, match="pip install mlx"):
        local.train("mlx-distributed", trainer=CustomTrainer(train))
    with pytest.raises(RuntimeMissesProgram, match=r"pip install 'kubeflow\[torchtune\]'"):
        local.train("torchtune-qwen2.5-1.5b")
    assert local.list_jobs() == []


def test_mpirun_is_named_with_how_to_get_it(local: TrainerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(RuntimeMissesProgram, match="apt-get install openmpi-bin"):
        local.train(of("mpi"), trainer=CustomTrainer(report))


def test_nodes_get_what_the_control_plane_sets() -> None:
    layout = Layout(num_nodes=2, num_proc_per_node=1, gpus=2)

    assert frameworks.environment("jax", layout, 1) == (
        {"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "1", "JOB_COMPLETION_INDEX": "1"},
        {"JAX_COORDINATOR_ADDRESS": "{host}:{port}"},
    )
    assert frameworks.environment("xgboost", layout, 0) == (
        {"DMLC_TASK_ID": "0", "DMLC_NUM_WORKER": "4", "JOB_COMPLETION_INDEX": "0"},
        {"DMLC_TRACKER_URI": "{host}", "DMLC_TRACKER_PORT": "{port}"},
    )
    assert frameworks.environment("plain", layout, 1) == ({"JOB_COMPLETION_INDEX": "1"}, {})


def test_what_the_runtime_sets_is_not_the_jobs_to_set() -> None:
    nodes = frameworks.nodes(
        "jax",
        bundle(report),
        Layout(num_nodes=2, num_proc_per_node=1),
        Places(Path("/job")),
        python="python",
        environ={"JAX_PROCESS_ID": "7", "RANK": "3", "PATH": "/bin"},
        env={"JAX_NUM_PROCESSES": "99", "MINE": "kept"},
    )

    assert [node.env["JAX_PROCESS_ID"] for node in nodes] == ["0", "1"]
    assert {node.env["JAX_NUM_PROCESSES"] for node in nodes} == {"2"}
    assert all(node.env["MINE"] == "kept" and "RANK" not in node.env for node in nodes)
    assert [node.ranks for node in nodes] == [(0,), (1,)]


def report() -> dict[str, str]:
    import sys

    index = os.environ["JOB_COMPLETION_INDEX"]
    print("I am", index)
    print("to stderr", file=sys.stderr)
    return {"index": index, "tmp": os.environ.get("TMPDIR", "")}


def test_a_plain_runtime_runs_one_process_on_each_node(
    local: TrainerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    name = local.train(of("plain"), trainer=CustomTrainer(report, num_nodes=2))
    local.wait_for_job_status(name, timeout=WAIT)

    assert [list(local.get_job_logs(name, f"node-{index}")) for index in (0, 1)] == [
        ["I am 0", "to stderr"],
        ["I am 1", "to stderr"],
    ]
    assert local.get_job_result(name) == {"index": "0", "tmp": str(tmp_path)}


def test_another_python_runs_jobs_in_an_environment_of_its_own(
    local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    client = TrainerClient(replace(local_config, python=sys.executable))

    name = client.train(of("plain"), trainer=CustomTrainer(where))
    client.wait_for_job_status(name, timeout=WAIT)

    (environment,) = list_environments(Path(str(local_config.state_dir)) / "environments")
    prefix = str(environment.path / "current")
    assert client.get_job_result(name) == [prefix, prefix, "None"]  # a bare `python` is the job's, too


def fail_in_one() -> None:
    import time

    if os.environ["JOB_COMPLETION_INDEX"] == "1":
        raise ValueError("boom")
    time.sleep(600)


def test_a_failing_node_is_named_and_ends_the_others(local: TrainerClient) -> None:
    name = local.train(of("plain"), trainer=CustomTrainer(fail_in_one, num_nodes=2))

    with pytest.raises(JobFailed, match="ValueError: boom") as failure:
        local.wait_for_job_status(name, timeout=WAIT)
    assert (failure.value.rank, failure.value.node) == (1, 1)


def meet() -> str:
    """Workers of XGBoost find their tracker, which node 0 runs, as the shipped image's scripts do."""
    import socket

    address = (os.environ["DMLC_TRACKER_URI"], int(os.environ["DMLC_TRACKER_PORT"]))
    workers = int(os.environ["DMLC_NUM_WORKER"])
    if os.environ["DMLC_TASK_ID"] == "0":
        with socket.create_server(address) as server:
            met = sorted(server.accept()[0].recv(10).decode() for _ in range(workers - 1))
        return f"{len(met) + 1} workers: 0 {' '.join(met)}"
    while True:
        try:
            with socket.create_connection(address) as connection:
                connection.sendall(os.environ["DMLC_TASK_ID"].encode())
                return "met"
        except ConnectionRefusedError:
            continue


def stand_in(package: str, directory: Path) -> TrainerSettings:
    """Return settings that bring an empty package of that name, where the real one is not installed."""
    if importlib.util.find_spec(package) is not None:
        return {}
    add_wheel(directory, package, "stand-in")
    return {"packages_to_install": [package], "pip_index_urls": [directory.as_uri()]}


def test_xgboosts_workers_find_their_tracker(local: TrainerClient, tmp_path: Path) -> None:
    trainer = CustomTrainer(meet, num_nodes=3).replace(**stand_in("xgboost", tmp_path / "index"))

    name = local.train("xgboost-distributed", trainer=trainer)
    local.wait_for_job_status(name, timeout=WAIT)

    assert local.get_job_result(name) == "3 workers: 0 1 2"


needs_mpi = pytest.mark.skipif(shutil.which("mpirun") is None, reason="needs Open MPI's mpirun")


def rank_of_all() -> str:
    import sys

    import deepspeed  # type: ignore[import-not-found]  # what the runtime is for is there

    rank, size = os.environ["OMPI_COMM_WORLD_RANK"], os.environ["OMPI_COMM_WORLD_SIZE"]
    slots = os.environ.get("OMPI_MCA_orte_set_default_slots")  # noqa: SIM112
    print(f"rank {rank} of {size}, {os.environ['COLOUR']}, {slots} on a node")
    print("no newline", end="", file=sys.stderr)
    return f"{deepspeed.__name__} {size} {os.environ['TMPDIR']} {os.environ.get('KUBEFLOW_TMPDIR')}"


@needs_mpi
def test_mpirun_starts_the_ranks_of_all_nodes(
    local: TrainerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    trainer = CustomTrainer(rank_of_all, num_nodes=2, num_proc_per_node=2, env={"COLOUR": "light blue"})

    name = local.train("deepspeed-distributed", trainer=trainer.replace(**stand_in("deepspeed", tmp_path / "index")))
    local.wait_for_job_status(name, timeout=WAIT)

    assert (
        local.get_job_result(name) == f"deepspeed 4 {tmp_path}/tmp None"
    )  # a job's own directory may have a long path
    lines = sorted(line for line in local.get_job_logs(name, step=None) if "rank " in line)
    assert lines == [f"[node-0:rank{rank}] rank {rank} of 4, light blue, 2 on a node" for rank in range(4)]


def fail_in_rank_one() -> None:
    import time

    if os.environ["OMPI_COMM_WORLD_RANK"] == "1":
        raise ValueError("boom")
    time.sleep(600)


@needs_mpi
def test_a_failing_rank_of_mpirun_is_named(local: TrainerClient) -> None:
    name = local.train(of("mpi"), trainer=CustomTrainer(fail_in_rank_one, num_proc_per_node=2))

    with pytest.raises(JobFailed, match="ValueError: boom") as failure:
        local.wait_for_job_status(name, timeout=WAIT)
    assert (failure.value.rank, failure.value.node) == (1, 0)
    assert "ValueError: boom" in failure.value.log


def sum_over_processes() -> float:
    import os

    import jax

    jax.distributed.initialize(  # it reads none of these but the address by itself
        coordinator_address=os.environ["JAX_COORDINATOR_ADDRESS"],
        num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
        process_id=int(os.environ["JAX_PROCESS_ID"]),
    )
    from jax.experimental import multihost_utils

    gathered = multihost_utils.process_allgather(jax.numpy.array([float(jax.process_index() + 1)]))
    return float(gathered.sum())


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
def test_jax_computes_across_nodes(local: TrainerClient) -> None:
    name = local.train("jax-distributed", trainer=CustomTrainer(sum_over_processes, num_nodes=2))
    local.wait_for_job_status(name, timeout=WAIT)

    assert local.get_job_result(name) == 3.0


def look_around() -> dict[str, str]:
    from pathlib import Path

    from kubeflow.trainer import DATASET_PATH, MODEL_PATH

    return {
        "dataset": Path(DATASET_PATH, "train.json").read_text(),
        "model": Path(MODEL_PATH, "model.safetensors").read_text(),
        "same": str(os.environ["KUBEFLOW_WORKSPACE"] + "/dataset" == DATASET_PATH),
    }


def test_what_initializers_fetch_is_there_when_training_starts(local: TrainerClient, tmp_path: Path) -> None:
    for name in ("data/train.json", "data/left.bin", "model/model.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    both = Initializer(
        dataset=S3DatasetInitializer(f"file://{tmp_path}/data", ignore_patterns=["*.bin"]),
        model=HuggingFaceModelInitializer(f"file://{tmp_path}/model"),
    )

    name = local.train(initializer=both, trainer=CustomTrainer(look_around))
    job = local.wait_for_job_status(name, timeout=WAIT)

    assert [step.name for step in job.steps] == ["dataset-initializer", "model-initializer", "node-0"]
    assert local.get_job_result(name) == {
        "dataset": "data/train.json",
        "model": "model/model.safetensors",
        "same": "True",
    }
    (line,) = local.get_job_logs(name, step="dataset-initializer")
    assert "1 file(s)" in line


def test_a_fetch_that_fails_fails_the_job_in_its_words_and_nothing_trains(local: TrainerClient, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = Initializer(dataset=S3DatasetInitializer(f"file://{tmp_path}/empty"))

    name = local.train(initializer=empty, trainer=CustomTrainer(look_around))

    with pytest.raises(JobFailed, match="dataset-initializer exited with code 1") as failure:
        local.wait_for_job_status(name, timeout=WAIT)
    assert failure.value.node is None
    assert "could not be fetched: there is nothing" in failure.value.log[-1]
    assert [step.status for step in local.get_job(name).steps] == ["Failed", "Pending"]

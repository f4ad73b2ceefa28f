"""What is asked of a backend besides running functions: runtimes, TrainJobs, images, data, sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeflow.trainer import (
    CustomTrainerContainer,
    HuggingFaceDatasetInitializer,
    Initializer,
    InvalidInput,
    Runtime,
    RuntimeNotFound,
    TrainerClient,
    Unsupported,
)
from kubeflow.trainer.options import TrainerArgs, TrainerCommand
from tests.container_engines import IMAGE
from tests.trainer.conformance.functions import read_data, train
from tests.trainer.conformance.rows import WAIT, row


@row("`list_runtimes`, `get_runtime`, `get_runtime_packages`")
def test_runtimes_are_listed_and_tell_what_is_in_them(client: TrainerClient) -> None:
    runtime = client.get_runtime("torch-distributed")

    assert runtime in client.list_runtimes()
    assert (runtime.trainer.framework, runtime.runnable) == ("torch", True)
    told = client.get_runtime_packages(runtime)
    assert told.startswith("Python 3")
    assert "\ntorch==" in told
    assert client.list_jobs() == []
    with pytest.raises(RuntimeNotFound, match=r"no runtime 'torch-distribted'.*Did you mean 'torch-distributed'"):
        client.get_runtime("torch-distribted")


@row("`dry_run`: the TrainJob of a cluster, with no job made")
def test_a_dry_run_shows_the_trainjob_of_a_cluster(client: TrainerClient) -> None:
    shown = client.train(
        "torch-distributed", name="shown", train_func=train, func_args={"epochs": 3}, num_nodes=2, dry_run=True
    )

    assert shown.spec.runtime_ref.name == "torch-distributed"
    assert shown.spec.trainer is not None
    assert shown.spec.trainer.num_nodes == 2
    assert "kind: TrainJob" in shown.to_yaml()
    assert client.list_jobs() == []


@row("`create_job` and `server_dry_run`", machine="no: for a cluster")
def test_trainjobs_are_for_a_cluster(client: TrainerClient, on_machine: bool) -> None:
    shown = client.train("torch-distributed", name="shown", train_func=train, func_args={"epochs": 3}, dry_run=True)
    if on_machine:
        with pytest.raises(Unsupported, match="TrainJob, which only a cluster can run"):
            client.create_job(shown)
        with pytest.raises(Unsupported, match="asks the control plane of a cluster"):
            client.train(train_func=train, func_args={"epochs": 3}, server_dry_run=True)
        return
    checked = client.train("torch-distributed", train_func=train, func_args={"epochs": 3}, server_dry_run=True)
    assert checked.spec.trainer is not None
    name = client.create_job(shown)
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"


@row("`scale_job`", machine="no: nodes are fixed", kubernetes="of Trainer 2.0 and 2.1")
def test_a_job_keeps_its_size(client: TrainerClient, plain: Runtime) -> None:
    name = client.train(plain, train_func=train, func_args={"epochs": 1})
    with pytest.raises(Unsupported, match="num_nodes=2"):
        client.scale_job(name, 2)
    assert client.wait_for_job_status(name, timeout=WAIT).num_nodes == 1


@row("`CustomTrainerContainer`: an image with a command of its own", localprocess="no: processes have no image")
def test_an_image_runs_its_command(client: TrainerClient, plain: Runtime, backend_name: str) -> None:
    trainer = CustomTrainerContainer(image=IMAGE, num_nodes=2, env={"COLOUR": "blue"})
    script = "import os, sys; print('node', os.environ['JOB_COMPLETION_INDEX'], *sys.argv[1:])"
    given = [TrainerCommand(["python", "-c", script]), TrainerArgs(["$(COLOUR)", "$$(COLOUR)"])]
    if backend_name == "localprocess":
        with pytest.raises(Unsupported, match="run functions, not"):
            client.train(plain, trainer=trainer, options=given)
        return

    name = client.train(plain, trainer=trainer, options=given)

    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert list(client.get_job_logs(name)) == ["node 0 blue $(COLOUR)"]
    assert sorted(client.get_job_logs(name, step=None))[1].endswith("node 1 blue $(COLOUR)")


@row("data of this machine (`file://`) as the dataset", kubernetes="no: it cannot read them")
def test_data_of_this_machine_is_seen_where_the_dataset_is(
    client: TrainerClient, plain: Runtime, tmp_path: Path, on_machine: bool
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "words.txt").write_text("seven words")
    initializer = Initializer(dataset=HuggingFaceDatasetInitializer(f"file://{data}"))
    if not on_machine:
        with pytest.raises(InvalidInput, match="which no cluster can read"):
            client.train(plain, initializer, train_func=read_data)
        return

    name = client.train(plain, initializer, train_func=read_data)

    client.wait_for_job_status(name, timeout=WAIT)
    assert client.get_job_result(name) == "seven words"
    with pytest.raises(InvalidInput, match="There is no /nowhere"):
        client.train(plain, Initializer(dataset=HuggingFaceDatasetInitializer("file:///nowhere")), train_func=read_data)

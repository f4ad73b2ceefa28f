"""Where a job leaves what it makes, and how the next step gets it."""

from __future__ import annotations

from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    Artifact,
    CustomTrainer,
    Initializer,
    JobFailed,
    JobNotFinished,
    NoJobOutput,
    Runtime,
    TrainerClient,
    Unsupported,
)
from kubeflow.trainer.options import Suspend
from tests.trainer.conformance.functions import exit_with_three, read_weights, say_nothing, say_where, write_weights
from tests.trainer.conformance.rows import WAIT, Shared, row
from tests.trainer.conformance.shared_client import SharedClient


def done(client: TrainerClient, name: str) -> str:
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    return name


@row(
    "`get_job_output`: what the function wrote below `KUBEFLOW_OUTPUT`, in a folder of the job's own",
    cluster="no: `output=` names a place",
)
def test_a_job_has_a_folder_of_its_own_for_what_it_makes(jobs: SharedClient) -> None:
    client = jobs.client
    name = jobs.start(write_weights, {"text": "0.5"})
    if jobs.is_cluster:
        with pytest.raises(JobFailed, match="KeyError: 'KUBEFLOW_OUTPUT'"):
            jobs.wait(name)
        silent = jobs.start(say_where)
        jobs.wait(silent)
        assert client.get_job_result(silent) == "nowhere"
        with pytest.raises(NoJobOutput, match=r"given no output=.*Give output='s3://"):
            client.get_job_output(silent)
        return
    jobs.wait(name)

    output = client.get_job_output(name, format="plain")
    assert (output.kind, output.format) == ("model" if jobs.kind == "TrainJob" else "dataset", "plain")
    assert (output.path / "weights.bin").read_text() == "0.5"
    assert output.metadata["job"] == name
    assert str(output.metadata["job_uid"]).startswith(f"{name}-")
    assert {client.get_job_output(name, kind=kind).kind for kind in ("dataset", "model")} == {"dataset", "model"}

    client.delete_job(name)
    assert not output.path.exists()


@row("`output=` with a URI: the function sees it, and writes there itself")
def test_a_uri_reaches_the_function_and_comes_back_with_the_job_that_has_it(
    client: TrainerClient, plain: Runtime
) -> None:
    place = Artifact("s3://models/iris/$(1)", "dataset", "parquet", {"rows": 150})
    name = done(client, client.train(plain, trainer=CustomTrainer(say_where), output=place))

    assert client.get_job_result(name) == place.uri
    output = client.get_job_output(name)
    assert (output.uri, output.kind, output.format) == (place.uri, "dataset", "parquet")
    assert output.metadata == {"rows": 150, "job": name, "job_uid": output.metadata["job_uid"]}
    assert output.metadata["job_uid"]
    with pytest.raises(InvalidInput, match=r"format='csv'.*says format='parquet'"):
        client.get_job_output(name, format="csv")


@row("`output=` with a path of this machine", cluster="no: pods do not see it")
def test_a_path_is_made_and_written_to(jobs: SharedClient, shared: Shared) -> None:
    folder = shared.path / "made" / "iris"
    if jobs.is_cluster:
        with pytest.raises(InvalidInput, match=r"of this machine, which (no cluster can|the pods of) .*pvc://"):
            jobs.start(write_weights, {"text": "1.5"}, output=folder)
        return
    name = jobs.start(write_weights, {"text": "1.5"}, output=folder)
    jobs.wait(name)
    assert jobs.client.get_job_output(name).path == folder
    assert (folder / "weights.bin").read_text() == "1.5"

    (folder / "weights.bin").unlink()
    with pytest.raises(NoJobOutput, match=r"wrote nothing into .*iris.*KUBEFLOW_OUTPUT"):
        jobs.client.get_job_output(name)
    folder.rmdir()
    with pytest.raises(NoJobOutput, match=r"iris is not there any more"):
        jobs.client.get_job_output(name)


@row(
    "`output=` with a folder of a claim (`pvc://`)",
    machine="no: a path does",
    podman="the path that stands for it",
    docker="the path that stands for it",
)
def test_a_folder_of_a_claim_is_the_output(
    client: TrainerClient, plain: Runtime, backend_name: str, shared: Shared
) -> None:
    trainer, place = CustomTrainer.call(write_weights, "2.5"), "pvc://shared/runs/7"
    if backend_name == "localprocess":
        with pytest.raises(Unsupported, match="which only a cluster has: give output= a path"):
            client.train(plain, trainer=trainer, output=place)
        return
    if backend_name == "kubernetes":  # its nodes are processes of this machine, which have no claims
        made: Any = client.train(plain, trainer=trainer, output=place, server_dry_run=True).to_dict()
        assert made["metadata"]["annotations"]["sdk.kubeflow.org/output"] == f'{{"kind":"model","uri":"{place}"}}'
        text = str(made["spec"])
        assert "{'claimName': 'shared'}" in text
        assert "'mountPath': '/mnt/kubeflow-output'" in text
        assert "'subPath': 'runs/7'" in text
        assert {"name": "KUBEFLOW_OUTPUT", "value": "/mnt/kubeflow-output"} in made["spec"]["trainer"]["env"]
        suspended = client.train(plain, trainer=trainer, output=place, options=[Suspend()])
        with pytest.raises(JobNotFinished, match="has no output yet"):
            client.get_job_output(suspended)
        return
    name = done(client, client.train(plain, trainer=trainer, output=place))
    assert client.get_job_output(name).path == shared.path / "runs" / "7"
    with pytest.raises(InvalidInput, match=r"claim 'other', for which nothing stands here: .*volumes=\{'other'"):
        client.train(plain, trainer=trainer, output="pvc://other/x")


@row("what one job made is what the next one fetches", kubernetes="of `s3://` and `hf://`")
def test_the_output_of_a_job_initializes_the_next(client: TrainerClient, plain: Runtime, on_machine: bool) -> None:
    if not on_machine:
        place = Artifact("s3://models/iris", "model")
        job: Any = client.train(plain, initializer=place, trainer=CustomTrainer(say_where), dry_run=True).to_dict()
        assert job["spec"]["initializer"] == {"model": {"storageUri": "s3://models/iris"}}
        return
    first = done(client, client.train(plain, trainer=CustomTrainer.call(write_weights, "3.5")))
    output = client.get_job_output(first)
    second = done(client, client.train(plain, initializer=output, trainer=CustomTrainer(read_weights)))
    assert client.get_job_result(second) == "3.5"
    with pytest.raises(InvalidInput, match=r"dataset takes a dataset, and file://.* is a model"):
        Initializer(dataset=output)


@row("an output is had of jobs that are Complete, and have one")
def test_a_job_without_output_says_why(client: TrainerClient, plain: Runtime, on_machine: bool) -> None:
    failing = client.train(plain, trainer=CustomTrainer(exit_with_three))
    silent = client.train(plain, trainer=CustomTrainer(say_nothing))
    done(client, silent)
    with pytest.raises(NoJobOutput, match="wrote nothing into" if on_machine else "given no output=") as refused:
        client.get_job_output(silent)
    assert refused.value.name == silent
    with pytest.raises(JobFailed):
        client.wait_for_job_status(failing, timeout=WAIT)
    with pytest.raises(JobFailed, match="exit code 3"):
        client.get_job_output(failing)

"""What only containers have: limits, mounts, Secrets that no engine shows, packages in an image, initializers."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.trainer import (
    BuiltinTrainer,
    ContainerBackendConfig,
    CustomTrainer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    InvalidInput,
    JobFailed,
    KubeflowError,
    TorchTuneConfig,
    TrainerClient,
    Unsupported,
)
from kubeflow.trainer.options import (
    ConfigMapEnv,
    ConfigMapFiles,
    NodeSelector,
    ScratchVolume,
    SecretEnv,
    SecretFiles,
    SharedMemory,
    VolumeClaim,
)
from tests.container_engines import IMAGE, NO_PYTHON, OWN_ENTRYPOINT, SLOW_ENTRYPOINT, EngineUnderTest, container_engine
from tests.local.wheels import add_wheel
from tests.trainer.container.functions import installed, limits, read_and_write, tell, use_memory

__all__ = ["container_engine"]
WAIT = 180

Make = Callable[..., TrainerClient]


@pytest.fixture
def make(container_engine: EngineUnderTest, tmp_path: Path) -> Iterator[Make]:
    """Makes clients of one state directory; afterwards nothing of their jobs is left on the engine."""
    made: list[TrainerClient] = []
    before = set(container_engine.left())

    def client(**settings: object) -> TrainerClient:
        config = ContainerBackendConfig(
            **{  # type: ignore[arg-type]  # settings of each test
                "container_host": container_engine.host,
                "pull_policy": "Never",
                "state_dir": tmp_path / "state",
                **settings,
            }
        )
        made.append(TrainerClient(config))
        return made[-1]

    yield client
    for job in made[0].list_jobs() if made else ():
        made[0].delete_job(job.name)
    mine = [each for each in set(container_engine.left()) - before if tmp_path.name in each]
    assert mine == []


def test_limits_are_those_of_the_cgroup_and_too_much_memory_is_told_apart(make: Make) -> None:
    client = make()
    given: dict[str, str | int | float] = {"cpu": 0.5, "memory": "96Mi"}
    trainer = CustomTrainer(limits, image=IMAGE, resources_per_node=given)
    name = client.train(trainer=trainer, options=[SharedMemory("32Mi")])
    greedy = client.train(trainer=CustomTrainer(use_memory, image=IMAGE, resources_per_node=given))

    client.wait_for_job_status(name, timeout=WAIT)
    assert client.get_job_result(name) == {"memory": 96 << 20, "quota": 50_000, "shm": 32 << 20}
    with pytest.raises(
        JobFailed, match=r"was killed by SIGKILL: it had used the memory that it may have.*96 MiB"
    ) as failure:
        client.wait_for_job_status(greedy, timeout=WAIT)
    assert failure.value.step == "node-0"
    assert "Give each node more memory" in client.explain(greedy)
    assert "Container" in {event.involved_object_kind for event in client.get_job_events(greedy)}


def test_what_a_cluster_has_by_name_is_what_the_client_says(
    make: Make, tmp_path: Path, container_engine: EngineUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    data, settings = tmp_path / "data", tmp_path / "settings"
    data.mkdir()
    (data / "given").write_text("by the caller")
    settings.mkdir()
    (settings / "level").write_text("7")
    dotenv = tmp_path / "registry.env"
    dotenv.write_text("# comment\nTOKEN='s3cr3t-in-a-file'\n")
    client = make(
        auto_remove=False,
        volumes={"datasets": data},
        secrets={"wandb": {"KEY": "s3cr3t-given"}, "registry": dotenv},
        config_maps={"settings": settings},
    )
    options = [
        VolumeClaim("datasets", "/data"),
        ConfigMapFiles("settings", "/etc/settings"),
        ScratchVolume("/scratch"),
    ]
    given = {"folder": "/data", "settings": "/etc/settings", "scratch": "/scratch"}
    files = client.train(trainer=CustomTrainer(read_and_write, given, image=IMAGE), options=options)
    client.wait_for_job_status(files, timeout=WAIT)
    assert client.get_job_result(files) == {"settings": "7", "mode": "0o600", "data": "by the caller"}
    assert ((data / "made").read_text(), (data / "made").stat().st_uid) == ("by the job", os.getuid())

    named = ["KEY", "TOKEN", "LEVEL", "HOME_OF_NOBODY"]
    options = [
        SecretEnv("wandb", ["KEY"]),
        SecretEnv("registry", ["TOKEN"]),
        SecretFiles("registry", "/etc/registry"),
        ConfigMapEnv("settings", {"LEVEL": "level"}),
        SecretEnv("elsewhere", ["HOME_OF_NOBODY"]),
        VolumeClaim("nowhere", "/nowhere"),
        NodeSelector({"zone": "a"}),
    ]
    with caplog.at_level(logging.WARNING):
        secret = client.train(trainer=CustomTrainer(tell, {"variables": named}, image=IMAGE), options=options)
    client.wait_for_job_status(secret, timeout=WAIT)
    assert client.get_job_result(secret) == {
        "KEY": "s3cr3t-given", "TOKEN": "s3cr3t-in-a-file", "LEVEL": "7", "HOME_OF_NOBODY": None
    }  # fmt: skip
    reasons = [event.reason for event in client.get_job_events(secret)]
    assert {"SecretNotGiven", "VolumeNotMounted", "OptionsNotUsed"} <= set(reasons)
    assert "options NodeSelector (nodeSelector) have no effect in containers" in caplog.text
    assert "ContainerBackendConfig(secrets={'elsewhere': ...})" in caplog.text
    api = container_engine.api()
    kept = [each for each in api.containers(all=True) if secret in json.dumps(each)]
    assert kept
    shown = json.dumps([api.inspect_container(each["Id"]) for each in kept])
    api.close()
    assert "s3cr3t" not in shown
    assert "s3cr3t" not in "".join(client.get_job_logs(secret, step=None)) + client.explain(secret) + repr(client)


def test_packages_are_installed_beside_those_that_nobody_may_write_to(make: Make, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    add_wheel(wheels, "tiny_thing", "is installed")
    folder = str(wheels / "tiny-thing")
    client = make(volumes={"wheels": wheels})
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder}
    trainer = CustomTrainer(installed, image=IMAGE, packages_to_install=["tiny-thing"], env=env)

    name = client.train(trainer=trainer, options=[VolumeClaim("wheels", str(wheels))])

    client.wait_for_job_status(name, timeout=WAIT)
    assert client.get_job_result(name) == "is installed"
    with pytest.raises(InvalidInput, match="which containers do not see"):
        client.train(
            trainer=CustomTrainer(
                installed, image=IMAGE, packages_to_install=[f"{folder}/tiny_thing-1.0-py3-none-any.whl"]
            )
        )


def test_initializers_run_in_their_images_before_the_trainer_of_the_runtime(make: Make) -> None:
    client = make(dataset_initializer_image=OWN_ENTRYPOINT, model_initializer_image=OWN_ENTRYPOINT)
    runtime = client.get_runtime("torchtune-llama3.2-1b")
    mine = replace(runtime, trainer=replace(runtime.trainer, image=IMAGE))
    initializer = Initializer(
        dataset=HuggingFaceDatasetInitializer("hf://me/data", access_token="hf_" + "x" * 20),
        model=HuggingFaceModelInitializer("hf://me/model"),
    )

    name = client.train(mine, initializer, BuiltinTrainer(TorchTuneConfig(resources_per_node={"gpu": 0})))

    with pytest.raises(JobFailed, match=r"image 'localhost/host-python:1' has no 'tune'"):
        client.wait_for_job_status(name, timeout=WAIT)
    steps = {step.name: step.status for step in client.get_job(name).steps}
    assert (steps["dataset-initializer"], steps["model-initializer"], steps["node-0"]) == (
        "Succeeded",
        "Succeeded",
        "Failed",
    )
    assert list(client.get_job_logs(name, "dataset-initializer")) == ["entry image-command"]


def test_an_initializer_that_takes_too_long_is_ended(make: Make) -> None:
    client = make(dataset_initializer_image=SLOW_ENTRYPOINT, initializer_timeout=1)
    initializer = Initializer(dataset=HuggingFaceDatasetInitializer("hf://me/data"))

    name = client.train(initializer=initializer, train_func=limits, image=IMAGE)

    with pytest.raises(JobFailed, match="dataset-initializer took longer than 1 s"):
        client.wait_for_job_status(name, timeout=WAIT)
    assert "ContainerBackendConfig(initializer_timeout=...)" in client.explain(name)
    assert {step.name: step.status for step in client.get_job(name).steps}["node-0"] != "Succeeded"


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (lambda client: client.train(train_func=limits, image="localhost/nobody-has-this:1"), "is not there, and pull_policy='Never'"),
        (lambda client: client.train(train_func=limits, image=IMAGE, resources_per_node={"memory": "900Ti"}), "memory.*ask for less"),
        (lambda client: client.train(train_func=limits, image=IMAGE, resources_per_node={"cpu": 4000}), "4000 CPUs.*ask for fewer"),
        (lambda client: client.train(train_func=limits, image=IMAGE, resources_per_node={"gpu": 64}), "64 GPU"),
        (lambda client: client.train("deepspeed-distributed", train_func=limits), "set num_nodes=1 and num_proc_per_node="),
        (lambda client: client.train("torch-distributed-with-cache", train_func=limits), "distributed data cache"),
        (lambda client: client.train(train_func=limits, image=IMAGE, options=[VolumeClaim("gone", "/data")]), "'/nowhere/at/all', which is not there"),
        (lambda client: client.train(train_func=limits, image=IMAGE, options=[SecretEnv("s", ["B"])]), "has no key 'B'.*Keys: A"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_anything_starts(
    make: Make, train: Callable[[TrainerClient], object], said: str
) -> None:
    client = make(volumes={"gone": "/nowhere/at/all"}, secrets={"s": {"A": "x"}})
    with pytest.raises(KubeflowError, match=said) as refused:
        train(client)
    assert isinstance(refused.value, (InvalidInput, Unsupported, KubeflowError))
    assert client.list_jobs() == []


def test_an_image_without_python_is_named(make: Make) -> None:
    client = make()
    name = client.train(train_func=limits, image=NO_PYTHON)
    with pytest.raises(JobFailed, match=r"image 'localhost/no-python:1' has no 'python'"):
        client.wait_for_job_status(name, timeout=WAIT)

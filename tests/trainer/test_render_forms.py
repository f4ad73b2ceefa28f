"""What a TrainJob is rendered from beyond functions, its form for each Trainer minor, and what never stands in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from kubeflow_api.trainer.v1alpha1 import Client, TrainJob

from kubeflow.core.resource import Request
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    CustomTrainerContainer,
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    InvalidInput,
    JobSpec,
    KubernetesBackendConfig,
    LoraConfig,
    Option,
    RuntimeNotFound,
    S3DatasetInitializer,
    S3ModelInitializer,
    TorchTuneConfig,
    TrainerClient,
    options,
)
from kubeflow.trainer.backends.kubernetes.connection.api_overrides import overridden
from kubeflow.trainer.jobs.jobspec import job_spec
from kubeflow.trainer.rendering import older_minors
from kubeflow.trainer.rendering.credentials import secrets
from kubeflow.trainer.runtimes.shipped import shipped_runtime

MINORS = ("2.0", "2.1", "2.2", "2.3")


def train(epochs: int = 1) -> None: ...


def client(minor: str | None = None) -> TrainerClient:
    return TrainerClient(KubernetesBackendConfig(offline=True, trainer_version=minor))


def spec_of(job: TrainJob) -> dict[str, Any]:
    spec = job.to_dict()["spec"]
    assert isinstance(spec, dict)
    return spec


def rendered(*given: Option, minor: str = "2.3", runtime: str = "torch-distributed") -> dict[str, Any]:
    return spec_of(client(minor).train(runtime, options=given, dry_run=True))


# -- what runs ------------------------------------------------------------------------------------------------------


def test_a_built_in_trainer_is_the_command_that_the_control_plane_knows_and_its_settings() -> None:
    job = client().train(
        "torchtune-llama3.2-1b",
        trainer=BuiltinTrainer(
            TorchTuneConfig(epochs=3, num_nodes=1, resources_per_node={"gpu": 2}, peft_config=LoraConfig(lora_rank=8))
        ),
        initializer=Initializer(
            dataset=HuggingFaceDatasetInitializer("hf://tatsu-lab/alpaca/data"),
            model=HuggingFaceModelInitializer("hf://meta-llama/Llama-3.2-1B-Instruct"),
        ),
        dry_run=True,
    )

    trainer = spec_of(job)["trainer"]
    assert trainer["command"] == ["tune", "run"]
    assert "epochs=3" in trainer["args"]
    assert "model.lora_rank=8" in trainer["args"]
    assert "dataset.data_dir=/workspace/dataset/data" in trainer["args"]
    assert trainer["resourcesPerNode"]["limits"] == {"nvidia.com/gpu": "2"}
    assert spec_of(job)["initializer"] == {
        "dataset": {"storageUri": "hf://tatsu-lab/alpaca/data"},
        "model": {
            "storageUri": "hf://meta-llama/Llama-3.2-1B-Instruct",
            "env": [{"name": "IGNORE_PATTERNS", "value": "*.msgpack,*.h5,*.bin,*.pt,*.pth"}],
        },
    }


def test_huge_pages_and_requests_below_limits_are_written_as_given() -> None:
    job = client().train(
        trainer=CustomTrainer(train, resources_per_node={"cpu": 8, "memory": "32Gi", "hugepages-2Mi": "64Mi"}),
        options=[options.ResourceRequests({"cpu": "500m", "storage": "1Gi"})],
        dry_run=True,
    )

    assert spec_of(job)["trainer"]["resourcesPerNode"] == {
        "limits": {"cpu": "8", "memory": "32Gi", "hugepages-2Mi": "64Mi"},
        "requests": {"cpu": "500m", "memory": "32Gi", "hugepages-2Mi": "64Mi", "ephemeral-storage": "1Gi"},
    }


def test_a_request_above_its_limit_is_refused() -> None:
    trainer = CustomTrainer(train, resources_per_node={"memory": "1Gi"})
    with pytest.raises(InvalidInput, match="2Gi of memory, which is more than its limit of 1Gi"):
        client().train(trainer=trainer, options=[options.ResourceRequests({"memory": "2Gi"})], dry_run=True)


def test_a_command_and_its_arguments_are_those_of_an_image() -> None:
    given = [options.TrainerCommand(["torchrun", "train.py"]), options.TrainerArgs(["--text", ""])]
    job = client().train(trainer=CustomTrainerContainer("example/image:1"), options=given, dry_run=True)

    assert spec_of(job)["trainer"] == {
        "image": "example/image:1",
        "command": ["torchrun", "train.py"],
        "args": ["--text", ""],
    }


@pytest.mark.parametrize("option", [options.TrainerCommand(["a"]), options.TrainerArgs(["a"])])
def test_a_command_does_not_go_with_what_brings_its_own(option: Option) -> None:
    with pytest.raises(InvalidInput, match="func_args="):
        client().train(trainer=CustomTrainer(train), options=[option], dry_run=True)
    with pytest.raises(InvalidInput, match="BuiltinTrainer"):
        client().train(
            "torchtune-llama3.2-1b", trainer=BuiltinTrainer(TorchTuneConfig()), options=[option], dry_run=True
        )


def test_restarts_reach_torchrun_and_nothing_else() -> None:
    (variable,) = rendered(options.MaxRestarts(3))["trainer"]["env"]
    assert variable == {"name": "PET_MAX_RESTARTS", "value": "3"}

    with pytest.raises(InvalidInput, match="jax-distributed"):
        rendered(options.MaxRestarts(3), runtime="jax-distributed")
    trainer = CustomTrainerContainer("image", env={"PET_MAX_RESTARTS": "1"})
    with pytest.raises(InvalidInput, match="PET_MAX_RESTARTS"):
        client().train(trainer=trainer, options=[options.MaxRestarts(3)], dry_run=True)


def test_a_suspended_job_says_so_and_another_leaves_it_out() -> None:
    assert rendered(options.Suspend())["suspend"] is True
    assert "suspend" not in rendered()


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        (CustomTrainer(train, num_nodes=2**31), "num_nodes=2147483648"),
        (CustomTrainer(train, num_proc_per_node=2**31), "num_proc_per_node=2147483648"),
        (CustomTrainer(train, image="i" * 501), "Trainer.image must have at most 500 characters"),
        (
            CustomTrainer(train, env={f"V{i}": "" for i in range(129)}),
            "Trainer.env must have at most 128 items, not 129",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else "call",
)
def test_what_no_cluster_can_hold_is_refused_in_words(trainer: CustomTrainer, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        client().train(trainer=trainer, dry_run=True)


def test_a_variable_that_mpirun_would_take_for_its_program_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'python_path'"):
        client().train("mlx-distributed", trainer=CustomTrainer(train, env={"python_path": "/x"}), dry_run=True)


def test_an_option_of_a_users_own_is_held_to_the_syntax_of_labels() -> None:
    class Team(Option):
        def apply(self, spec: JobSpec) -> JobSpec:
            return replace(spec, labels={"team": "computer vision"})

    with pytest.raises(InvalidInput, match="no value of a label"):
        rendered(Team())


# -- what is fetched, and with which credentials --------------------------------------------------------------------


def spec(initializer: Initializer) -> JobSpec:
    return job_spec(name="job", runtime=shipped_runtime("torchtune-llama3.2-1b"), initializer=initializer)


def test_tokens_and_keys_stand_in_secrets_and_not_in_the_job() -> None:
    initializer = Initializer(
        dataset=S3DatasetInitializer(
            "s3://bucket/data",
            endpoint="https://store.example.com",
            access_key_id="the-id",
            secret_access_key="the-key",
            region="eu-1",
            role_arn="arn:role",
            ignore_patterns=["*.tmp", "old/*"],
        ),
        model=HuggingFaceModelInitializer("hf://a/b", access_token="the-token", ignore_patterns=None),
    )
    job = client().train("torchtune-llama3.2-1b", name="job", initializer=initializer, dry_run=True)

    assert not [
        word for word in ("the-id", "the-key", "the-token") if word in job.to_yaml() or word in repr(initializer)
    ]
    assert spec_of(job)["initializer"] == {
        "dataset": {
            "storageUri": "s3://bucket/data",
            "secretRef": {"name": "job-dataset-initializer"},
            "env": [
                {"name": "IGNORE_PATTERNS", "value": "*.tmp,old/*"},
                {"name": "ENDPOINT", "value": "https://store.example.com"},
                {"name": "REGION", "value": "eu-1"},
                {"name": "ROLE_ARN", "value": "arn:role"},
            ],
        },
        "model": {"storageUri": "hf://a/b", "secretRef": {"name": "job-model-initializer"}},
    }
    first, second = secrets(spec(initializer))
    assert (first.name, first.data) == (
        "job-dataset-initializer",
        {"ACCESS_KEY_ID": "the-id", "SECRET_ACCESS_KEY": "the-key"},
    )
    assert (second.name, second.data) == ("job-model-initializer", {"ACCESS_TOKEN": "the-token"})
    assert "the-token" not in repr(second)


def test_a_secret_of_the_users_own_is_named_and_none_is_made() -> None:
    initializer = Initializer(
        dataset=S3DatasetInitializer("s3://bucket/data", secret="keys"),
        model=S3ModelInitializer("s3://bucket/model", secret="keys"),
    )
    job = client().train("torchtune-llama3.2-1b", initializer=initializer, dry_run=True)

    assert [spec_of(job)["initializer"][step]["secretRef"] for step in ("dataset", "model")] == [{"name": "keys"}] * 2
    assert secrets(spec(initializer)) == []
    with pytest.raises(InvalidInput, match="both give credentials"):
        S3ModelInitializer("s3://bucket/model", secret="keys", access_key_id="a")
    with pytest.raises(InvalidInput, match="both give credentials"):
        HuggingFaceDatasetInitializer("hf://a/b", secret="token", access_token="a")


def test_a_data_cache_has_its_settings_and_its_head() -> None:
    initializer = Initializer(dataset=DataCacheInitializer("cache://s/t", "s3://b/meta.json", 3, worker_mem="4Gi"))
    job = client().train("torch-distributed-with-cache", initializer=initializer, dry_run=True)

    assert spec_of(job)["initializer"]["dataset"] == {
        "storageUri": "cache://s/t",
        "env": [
            {"name": "METADATA_LOC", "value": "s3://b/meta.json"},
            {"name": "CLUSTER_SIZE", "value": "4"},
            {"name": "WORKER_MEM", "value": "4Gi"},
        ],
    }


def test_a_pattern_that_the_list_would_split_is_refused() -> None:
    initializer = Initializer(dataset=HuggingFaceDatasetInitializer("hf://a/b", ignore_patterns=["a,b"]))
    with pytest.raises(InvalidInput, match="several patterns"):
        client().train("torchtune-llama3.2-1b", initializer=initializer, dry_run=True)


def test_a_path_of_this_machine_is_nothing_that_a_cluster_can_fetch() -> None:
    initializer = Initializer(dataset=HuggingFaceDatasetInitializer("file:///data/alpaca"))
    with pytest.raises(InvalidInput, match="VolumeClaim"):
        client().train("torchtune-llama3.2-1b", initializer=initializer, dry_run=True)


# -- forms ----------------------------------------------------------------------------------------------------------

EVERYWHERE: Sequence[Option] = (
    options.Toleration("gpu"),
    options.VolumeClaim("imagenet", "/data"),
    options.ServiceAccount("trainer", job="dataset-initializer"),
    options.Labels({"team": "vision"}, on="jobset"),
)


def test_each_minor_has_the_pods_where_it_looks_for_them() -> None:
    pods = {
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "volumes": [{"name": "data-claim", "persistentVolumeClaim": {"claimName": "imagenet"}}],
        "containers": [{"name": "node", "volumeMounts": [{"name": "data-claim", "mountPath": "/data"}]}],
    }
    fetching = {"serviceAccountName": "trainer"}

    assert _without(rendered(*EVERYWHERE, minor="2.0")) == {
        "labels": {"team": "vision"},
        "podSpecOverrides": [
            {"targetJobs": [{"name": "node"}], **pods},
            {"targetJobs": [{"name": "dataset-initializer"}], **fetching},
        ],
    }
    assert _without(rendered(*EVERYWHERE, minor="2.1")) == {
        "labels": {"team": "vision"},
        "podTemplateOverrides": [
            {"targetJobs": [{"name": "node"}], "spec": pods},
            {"targetJobs": [{"name": "dataset-initializer"}], "spec": fetching},
        ],
    }
    jobs = [
        {"name": "node", "template": {"spec": {"template": {"spec": pods}}}},
        {"name": "dataset-initializer", "template": {"spec": {"template": {"spec": fetching}}}},
    ]
    newest = {
        "runtimePatches": [
            {
                "manager": "sdk.kubeflow.org/options",
                "trainingRuntimeSpec": {
                    "template": {"metadata": {"labels": {"team": "vision"}}, "spec": {"replicatedJobs": jobs}}
                },
            }
        ]
    }
    assert _without(rendered(*EVERYWHERE, minor="2.2")) == _without(rendered(*EVERYWHERE, minor="v2.3.0")) == newest


def _without(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in ("runtimeRef", "trainer")}


@pytest.mark.parametrize(
    ("option", "first", "words"),
    [
        (options.ActiveDeadlineSeconds(60), "2.2", "activeDeadlineSeconds"),
        (options.ImagePullSecrets(["a"]), "2.1", "imagePullSecrets of the pods of 'node'"),
        (options.MachineWith("a", ["b"]), "2.1", "affinity of the pods"),
        (options.PodSecurityContext(run_as_user=1), "2.2", "securityContext of the pods"),
        (options.ContainerSecurityContext(privileged=True), "2.2", "securityContext of container 'node'"),
        (options.TerminationGracePeriod(5), "2.3", "terminationGracePeriodSeconds"),
        (options.Labels({"a": "b"}, on="pod"), "2.1", "labels or annotations of the pods"),
        (options.Annotations({"a": "b"}, on="job"), "2.2", "labels or annotations of the Job"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_what_a_minor_does_not_have_is_refused_with_the_minor_that_has_it(
    option: Option, first: str, words: str
) -> None:
    for minor in MINORS:
        if minor < first:
            with pytest.raises(InvalidInput, match=rf"(?s)Trainer {minor} cannot run.*{words}") as error:
                rendered(option, minor=minor)
            assert f"came with {first}" in str(error.value)
        else:
            rendered(option, minor=minor)


def test_all_that_a_minor_lacks_is_said_at_once() -> None:
    with pytest.raises(InvalidInput) as error:
        rendered(options.ActiveDeadlineSeconds(60), options.PodSecurityContext(fs_group=1), minor="2.0")
    assert str(error.value).count("\n- ") == 2


def test_a_minor_that_is_not_known_lists_those_that_are() -> None:
    with pytest.raises(InvalidInput, match=r"known are 2\.0, 2\.1, 2\.2, 2\.3"):
        rendered(minor="3.0")


@pytest.mark.parametrize("minor", MINORS)
def test_yaml_of_every_form_reads_back_as_the_same_job(minor: str) -> None:
    job = client(minor).train(trainer=CustomTrainer(train), options=EVERYWHERE, dry_run=True)

    assert older_minors.from_yaml(job.to_yaml()) == job
    if minor > "2.1":
        assert TrainJob.from_yaml(job.to_yaml()) == job


def test_yaml_of_an_older_form_is_held_against_the_schema_all_the_same() -> None:
    text = client("2.1").train(options=EVERYWHERE, dry_run=True).to_yaml()

    with pytest.raises(ValueError, match="Did you mean 'trainer'"):
        older_minors.from_yaml(text.replace("  trainer:", "  trainr:"))
    for broken in ("a: [", "- a", "just words"):
        with pytest.raises(InvalidInput):
            older_minors.from_yaml(broken)


def test_the_form_is_made_without_changing_the_job_that_it_is_made_of() -> None:
    job = client("2.3").train(options=EVERYWHERE, dry_run=True)
    before = job.to_yaml()

    older_minors.for_minor(job, "2.0")

    assert job.to_yaml() == before


def test_a_minor_has_the_runtimes_that_it_ships() -> None:
    assert rendered(minor="2.0", runtime="mpi-distributed")["runtimeRef"]["name"] == "mpi-distributed"
    for minor, name in (("2.0", "jax-distributed"), ("2.1", "xgboost-distributed"), ("2.3", "mpi-distributed")):
        with pytest.raises(RuntimeNotFound) as error:
            rendered(minor=minor, runtime=name)
        assert name not in error.value.available
        assert "torch-distributed" in error.value.available


# -- administrators' overrides --------------------------------------------------------------------------------------

OVERRIDDEN = """\
from kubeflow.trainer import InvalidInput, KubernetesBackendConfig, TrainerClient
from kubeflow.trainer.rendering.older_minors import from_yaml
try:
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(dry_run=True)
except InvalidInput as error:
    print(error)
else:
    assert from_yaml(job.to_yaml()) == job
    ref = job.spec.runtime_ref
    print(job.api_version, ref.api_group, ref.kind, ref.name)
"""


def rendered_with(**variables: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", OVERRIDDEN], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_an_administrator_can_override_what_is_referred_to() -> None:
    assert rendered_with() == (
        "trainer.kubeflow.org/v1alpha1 trainer.kubeflow.org ClusterTrainingRuntime torch-distributed"
    )
    assert (
        rendered_with(
            DEFAULT_TRAINER_API_GROUP="train.example.com",
            DEFAULT_TRAINER_TRAINJOB_VERSION="v1",
            DEFAULT_TRAINER_RUNTIME_KIND="TrainingRuntime",
            DEFAULT_TRAINING_RUNTIME="jax-distributed",
        )
        == "train.example.com/v1 train.example.com TrainingRuntime jax-distributed"
    )
    assert (
        "DEFAULT_TRAINER_RUNTIME_KIND is 'ClusterTrainingRuntime' or 'TrainingRuntime', not 'Runtime'"
        in rendered_with(DEFAULT_TRAINER_RUNTIME_KIND="Runtime")
    )


class Sent:
    """A cluster at its edge: keeps what was sent."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> Mapping[str, object]:
        self.requests.append(request)
        return {"items": []} if request.method == "GET" else request.body or {}

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.requests.append(request)
        yield from ()


def test_requests_go_to_the_group_and_versions_of_the_administrator() -> None:
    sent = Sent()
    assert overridden(sent) is sent
    moved = overridden(sent, group="train.example.com", trainjob_version="v1", runtime_version="v2")
    client = Client(moved, namespace="ml")

    stored = client.train_jobs.create(
        TrainJob.from_dict({"metadata": {"name": "a"}, "spec": {"runtimeRef": {"name": "r"}}})
    )
    list(client.cluster_training_runtimes.list())
    list(client.training_runtimes.list())
    list(moved.lines(Request("GET", "/api/v1/namespaces/ml/pods/a/log")))

    assert stored.to_dict()["apiVersion"] == "train.example.com/v1"
    assert [request.path for request in sent.requests] == [
        "/apis/train.example.com/v1/namespaces/ml/trainjobs",
        "/apis/train.example.com/v2/clustertrainingruntimes",
        "/apis/train.example.com/v2/namespaces/ml/trainingruntimes",
        "/api/v1/namespaces/ml/pods/a/log",
    ]

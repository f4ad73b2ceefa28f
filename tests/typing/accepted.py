"""What users write. Both type checkers must take every line of this file in strict mode, without a plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, assert_type

from kubeflow_api.k8s.core.v1 import Container, ContainerPort, EnvVar, ResourceRequirements, Toleration
from kubeflow_api.k8s.meta.v1 import ObjectMeta, ObjectMetaUpdate
from kubeflow_api.katib.v1beta1 import Experiment, ExperimentBuilder
from kubeflow_api.kserve.v1alpha1 import Client as ServingClient
from kubeflow_api.kserve.v1alpha1 import ClusterServingRuntime, ServingRuntimeSpec
from kubeflow_api.kserve.v1beta1 import Client as InferenceServiceClient
from kubeflow_api.kserve.v1beta1 import (
    InferenceService,
    InferenceServiceBuilder,
    InferenceServiceSpec,
    ModelFormat,
    ModelSpec,
    PredictorSpec,
)
from kubeflow_api.trainer.v1alpha1 import (
    Client,
    ClusterTrainingRuntime,
    RuntimeRef,
    Trainer,
    TrainJob,
    TrainJobBuilder,
    TrainJobs,
    TrainJobSpec,
    TrainJobSpecUpdate,
    TrainJobUpdate,
    validate_rules,
)

from kubeflow.cluster import Cause, Cluster, Invalid, NotFound
from kubeflow.core.quantity import Quantity
from kubeflow.core.resource import Transport, WatchEvent
from kubeflow.core.rules import RuleViolation, Violation
from kubeflow.optimizer import Objective, OptimizerConfig, Search, TrialConfig
from kubeflow.trainer import (
    ContainerBackendConfig,
    CustomTrainer,
    CustomTrainerContainer,
    JobName,
    LogLines,
    LoraConfig,
    TorchTuneConfig,
    TrainerClient,
    TrainingRuntimeSource,
    TrainJobTemplate,
    options,
)
from kubeflow.trainer import TrainJob as Job


def build() -> TrainJob:
    job = TrainJob(
        metadata=ObjectMeta(name="mnist", labels={"team": "vision"}),
        spec=TrainJobSpec(
            runtime_ref=RuntimeRef(name="torch-distributed"),
            trainer=Trainer(
                num_nodes=2,
                env=[EnvVar(name="A", value="1")],
                resources_per_node=ResourceRequirements(limits={"cpu": 2, "memory": "4Gi"}),
            ),
            suspend=None,
        ),
    )
    job.spec = TrainJobSpec(runtime_ref=RuntimeRef(name="other"))
    job.spec.trainer = Trainer(num_nodes=4)
    job.spec.trainer.num_nodes = 8
    built = TrainJobBuilder("mnist").runtime_ref(name="torch-distributed").trainer(num_nodes=4).build()
    built.spec.runtime_ref.name = "other"
    return job


def read(job: TrainJob) -> None:
    if job.metadata is not None:
        assert_type(job.metadata.creation_timestamp, datetime | None)
    assert_type(TrainJob.from_dict({}), TrainJob)
    assert_type(TrainJob.from_server({}), TrainJob)
    assert_type(TrainJob.from_yaml(""), TrainJob)
    assert_type(job.to_dict(), dict[str, object])
    assert_type(job.to_yaml(), str)
    assert_type(TrainJob.KIND, str)
    assert_type(Quantity("1Gi") > "512Mi", bool)


def enums() -> Toleration:
    return Toleration(operator="Exists", effect="NoSchedule")


def ports() -> Container:
    return Container(name="a", ports=[ContainerPort(container_port=80, protocol="TCP", host_ip="127.0.0.1")])


def builders() -> None:
    job = TrainJobBuilder("mnist", namespace="ml").runtime_ref(name="torch-distributed").trainer(num_nodes=4)
    pod = job.runtime_patch("acme.io/team").replicated_job("node").pod_spec()
    pod.toleration(key="gpu", operator="Exists").node_selector(pool="a100")
    pod.volume(name="data", persistent_volume_claim={"claim_name": "d"})
    pod.container("node").volume_mount(name="data", mount_path="/data")
    job.trainer(env=[EnvVar(name="A"), {"name": "B"}], resources_per_node={"limits": {"cpu": 2}})
    job.set(suspend=True).metadata(labels={"team": "vision"})
    assert_type(job.build(), TrainJob)
    experiment = ExperimentBuilder("tune").objective(type="minimize", objective_metric_name="loss", goal=0.1)
    experiment.parameter("lr", parameter_type="double", feasible_space={"min": "0.1", "max": "0.2"})
    assert_type(experiment.build(), Experiment)


def clients(transport: Transport) -> None:
    client = Client(transport, namespace="ml")
    assert_type(client.train_jobs, TrainJobs)
    assert_type(client.train_jobs.get("a", namespace="b"), TrainJob)
    assert_type(client.cluster_training_runtimes.get("a"), ClusterTrainingRuntime)
    for job in client.train_jobs.list(all_namespaces=True, label_selector="team=vision"):
        assert_type(job, TrainJob)
    client.train_jobs.patch("a", {"spec": {"suspend": True}})
    client.train_jobs.patch_status("a", {"status": None})
    client.train_jobs.delete("a", propagation="Foreground", uid="u", resource_version="1")
    with closing(client.train_jobs.watch(label_selector="team=vision", timeout=60)) as events:
        for event in events:
            assert_type(event, WatchEvent[TrainJob])
            assert_type(event.type, Literal["ADDED", "MODIFIED", "DELETED"])
            assert_type(event.object, TrainJob)
    assert_type(client.train_jobs.apply(build(), field_manager="gitops", force=True), TrainJob)
    assert_type(client.train_jobs.modify("a", suspend, namespace="b"), TrainJob)
    assert_type(client.cluster_training_runtimes.table().records(), list[dict[str, str | int | float | bool | None]])
    for row in client.train_jobs.table(all_namespaces=True).rows:
        assert_type(row.namespace, str | None)


def serving(transport: Transport) -> None:
    builder = InferenceServiceBuilder("iris", namespace="ml")
    builder.edit_predictor().set(min_replicas=0).model(storage_uri="s3://models/iris").edit_model().model_format(
        name="sklearn"
    )
    builder.canary(traffic_percent=10, predictor={"name": "next", "model": {"name": "", "model_format": {"name": "a"}}})
    assert_type(InferenceServiceClient(transport).inference_services.create(builder.build()), InferenceService)
    predictor = PredictorSpec(model=ModelSpec(model_format=ModelFormat(name="sklearn"), env=[EnvVar(name="A")]))
    assert_type(InferenceServiceSpec(predictor=predictor).predictor, PredictorSpec)
    runtime = ServingRuntimeSpec(containers=[Container(name="kserve-container")])
    runtimes = ServingClient(transport).cluster_serving_runtimes
    assert_type(runtimes.create(ClusterServingRuntime(spec=runtime)), ClusterServingRuntime)


def suspend(job: TrainJob) -> None:
    job.spec.suspend = True


def cluster() -> None:
    here = Cluster.connect(context="prod", namespace="ml")
    assert_type(here, Cluster)
    assert_type(here.context, str | None)
    client = Client(here, namespace=here.namespace)
    try:
        client.train_jobs.get("a")
    except NotFound as error:
        assert_type(error.retry_after, float | None)
    except Invalid as error:
        assert_type(error.causes, tuple[Cause, ...])


def updates(transport: Transport) -> None:
    update = TrainJobUpdate(metadata=ObjectMetaUpdate(labels={"a": "b"}), spec=TrainJobSpecUpdate(suspend=True))
    assert_type(Client(transport).train_jobs.update("a", update, namespace="b", dry_run=True), TrainJob)


def rules(new: TrainJob, old: TrainJob) -> None:
    found = validate_rules(new, old)
    assert_type(found, list[Violation])
    assert_type(validate_rules(ClusterTrainingRuntime()), list[Violation])
    if found:
        assert_type(found[0].path, str)
        raise RuleViolation(found)


def train(lr: float, epochs: int = 1, *, device: str = "cpu") -> dict[str, float]:
    return {"loss": lr * epochs}


async def train_later(lr: float) -> None:
    return None


def trainers(client: TrainerClient) -> None:
    trainer = CustomTrainer.call(train, 0.1, epochs=2, device="cuda")
    assert_type(trainer, CustomTrainer[dict[str, float]])
    assert_type(trainer.replace(num_nodes=2, env={"A": "1"}), CustomTrainer[dict[str, float]])
    CustomTrainer.call(train_later, lr=0.1)
    CustomTrainer.call(lambda: print("nothing to give"))
    CustomTrainer(func=train, func_args={"lr": 0.1}, num_nodes=2)
    assert_type(client.train(trainer=trainer), JobName[dict[str, float]])
    by_value = CustomTrainer(train, {"lr": 0.1}, None, ["numpy"], code_dir=Path("code"), serializer="cloudpickle")
    assert_type(by_value, CustomTrainer[dict[str, float]])
    script = CustomTrainer("train.py", args=["--lr", "0.1"], code_dir=".", num_nodes=2)
    assert_type(script, CustomTrainer[None])
    assert_type(CustomTrainer(Path("train.py"), args={"lr": 0.1, "fast": True}), CustomTrainer[None])
    assert_type(CustomTrainer(module="pkg.train", args=["--lr", 0.1]).replace(code_dir="."), CustomTrainer[None])
    assert_type(client.train(trainer=script), JobName[None])
    assert_type(client.train(train_func=train, serializer="cloudpickle"), JobName[dict[str, float]])
    assert_type(client.train(train_func="train.py", args=["--lr", "0.1"], code_dir=Path.cwd(), dry_run=True), TrainJob)
    assert_type(client.train(module="pkg.train", args={"lr": 0.1}), JobName[object])
    any_code: list[CustomTrainer] = [trainer, script]
    client.train(trainer=any_code[0])
    assert_type(client.train(trainer=trainer, dry_run=True), TrainJob)
    assert_type(client.train(train_func=train, server_dry_run=True), TrainJob)
    assert_type(client.train(train_func=train, dry_run=True, server_dry_run=True), TrainJob)


def results(client: TrainerClient, any_trainer: CustomTrainer) -> None:
    name = client.train(trainer=CustomTrainer.call(train, 0.1).replace(num_nodes=2))
    assert_type(client.get_job_result(name)["loss"], float)
    assert_type(client.get_job_result(client.train(None, None, CustomTrainer(func=train))), dict[str, float])
    assert_type(client.get_job_result(client.train(train_func=train, func_args={"lr": 0.1})), dict[str, float])
    assert_type(client.get_job_result(client.train(trainer=CustomTrainer.call(train_later, lr=0.1))), None)
    assert_type(client.get_job_result(client.train(train_func=train_later)), None)
    assert_type(client.get_job_result(client.train(train_func=lambda: 3)), int)
    assert_type(client.get_job_result(client.train(trainer=any_trainer)), object)
    assert_type(client.train(), JobName[object])
    assert_type(client.train(trainer=CustomTrainerContainer("image"), name="a"), JobName[object])
    client.train(**TrainJobTemplate(trainer=any_trainer))
    assert_type(client.get_job_result("a"), object)
    plain: str = name
    unspecific: JobName = name
    wide: CustomTrainer = CustomTrainer.call(train, 0.1)
    trainers: list[CustomTrainer] = [wide, CustomTrainer(func=train_later), CustomTrainer.call(train, 0.1)]
    names: list[str] = [client.train(trainer=trainer) for trainer in trainers]
    print(plain.upper(), f"{unspecific}", {name: names})


def jobs(client: TrainerClient) -> None:
    job = client.get_job("a")
    for given in (job, "a", client.train(), client.train(dry_run=True)):
        assert_type(client.get_job(given), Job)
        client.explain(given)
        client.get_job_events(given)
        client.get_job_logs(given, "node-0")
        assert_type(client.get_job_result(given), object)
        client.suspend_job(given)
        client.stop_job(given)
        assert_type(client.get_job_metrics(given).latest("loss"), float | None)
        assert_type(client.report(given, overwrite=True), Path)
        client.plot_metrics(given, ["loss"], library="matplotlib")
        client.resume_job(given)
        client.scale_job(given, 2)
        client.delete_job(given, wait=True)
        client.wait_for_job_status(given, "Complete")
    client.wait_for_job_status(job, {"Running", "Failed"})
    client.list_jobs(status="Complete").extend(client.list_jobs(status=["Created", "Unknown"]))


def logs(client: TrainerClient, stored: str | None) -> Iterator[str]:
    client.get_job_logs("a", container="istio-proxy", tail_lines=100, since=timedelta(minutes=5))
    client.get_job_logs("a", "node-0", True, since=datetime.now(UTC))
    lines = client.get_job_logs("a", step=None, follow=True, after=stored)
    assert_type(lines, LogLines)
    assert_type(lines.position, str)
    assert_type(next(lines), str)
    with closing(client.get_job_logs("a", "node-0", False)) as now:
        print(*now, sep="\n")
    return lines


def multikueue(job: TrainJob) -> None:
    job.spec.managed_by = "kueue.x-k8s.io/multikueue"


def fit(lr: float, batch: int, optimizer: Literal["adam", "sgd"] = "adam", layers: tuple[int, ...] = ()) -> float:
    return lr * batch


def search_spaces_are_checked_as_values() -> None:
    trainer = CustomTrainer.call(
        fit,
        lr=Search.loguniform(1e-4, 1e-1),
        batch=Search.int(16, 128, step=16),
        optimizer=Search.choice(["adam", "sgd"]),
        layers=Search.choice([(32,), (64, 32)]),
    )
    assert_type(trainer, CustomTrainer[float])
    CustomTrainer.call(fit, Search.normal(0.1, 0.01, min=0), Search.choice([16, 32]))
    CustomTrainer.call(fit, Search.uniform(0, 1, step=0.1), batch=32)
    TrainJobTemplate(CustomTrainer("train.py", args={"lr": Search.lognormal(-3, 1)}), "torch-distributed")
    TorchTuneConfig(
        lr=Search(min="0.01", max="0.1", distribution="logNormal"),
        batch_size=Search.int(1, 8, log=True),
        peft_config=LoraConfig(lora_rank=Search(min="4", max="8", distribution="uniform")),
    )
    assert_type(Search.choice([1, 2]), int)
    Objective("accuracy", "maximize", goal=0.99, strategy="last")
    TrialConfig(20, 4, max_failed_trials=5, timeout=3600, unique=True)
    OptimizerConfig(objective="loss", mode="min", num_trials=5)


def many_options(client: TrainerClient) -> None:
    given = [
        options.Toleration("gpu", effect="NoSchedule"),
        options.VolumeClaim("imagenet", "/data"),
        options.Suspend(),
    ]
    client.train(options=given)
    client.train(
        options=[
            options.Name("named"),
            options.Labels({"team": "vision"}, on="pod", job=["node", "launcher"]),
            options.PodSecurityContext(run_as_user=1000, fs_group=1000),
            options.ContainerSecurityContext(capabilities={"add": ["IPC_LOCK"]}),
            options.Volume("/data", {"nfs": {"server": "nfs.example.com", "path": "/"}}),
            options.Affinity(
                pod_anti={"required_during_scheduling_ignored_during_execution": [{"topology_key": "rack"}]}
            ),
            options.MachineWith("gpu", ["a100"], weight=10),
            options.SecretEnv("wandb", ["WANDB_API_KEY"]),
            options.SecretEnv("hub", {"HF_TOKEN": "token"}, job="model-initializer"),
            options.EditTrainJob(multikueue, "MultiKueue"),
            options.PatchJobs(lambda node: node.pod_spec().scheduling_gate("example.com/quota")),
            options.RuntimePatch(
                options.TrainingRuntimeSpecPatch(
                    options.JobSetTemplatePatch(metadata={"labels": {"a": "b"}}, spec=options.JobSetSpecPatch([]))
                )
            ),
        ]
    )
    options.PodSpecPatch(tolerations=[Toleration(operator="Exists"), {"key": "a"}], node_selector={"pool": "a100"})


containers = ContainerBackendConfig(
    pull_policy="Never",
    container_runtime="podman",
    runtime_source=TrainingRuntimeSource(sources=["/etc/runtimes", "github://kubeflow/trainer"]),
    volumes={"datasets": Path("/data"), "cache": "a-volume"},
    secrets={"wandb": {"WANDB_API_KEY": "key"}, "registry": "~/registry.env", "folder": Path("/run/secrets")},
    grace=1,
)
in_containers: TrainerClient = TrainerClient(containers)

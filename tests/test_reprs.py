"""What `repr` shows of every public object: short, what was set, no addresses, no secrets.

The classes are found, not listed: a new public class needs an instance in `INSTANCES`, or a reason in `WITHOUT`.
"""

from __future__ import annotations

import functools
import importlib
import json
import pickle
import pkgutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import kubeflow_api
import pytest
from kubeflow_api.k8s.core.v1 import EnvVar, ResourceRequirements
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import Client, RuntimeRef, Trainer, TrainJob, TrainJobList, TrainJobSpec
from kubeflow_api.trainer.v1alpha1.builders import TrainJobBuilder

import kubeflow.core
from kubeflow import cluster, doctor, hub, kserve, optimizer, spark, trainer
from kubeflow.cluster.errors import ApiError
from kubeflow.core.availability import Availability, Field, Limit, Unavailable
from kubeflow.core.builder import Builder, KindBuilder, Method
from kubeflow.core.errors import InvalidInput, InvalidObject, KubeflowError, Mistake, UnknownAttribute
from kubeflow.core.html import Html, StatusWord
from kubeflow.core.int_or_string import IntOrString
from kubeflow.core.model import MinProperties, Model
from kubeflow.core.quantity import Quantity
from kubeflow.core.reflector import JsonWatchEvent, Listing, Trouble, WatchPace
from kubeflow.core.resource import Resource
from kubeflow.core.rules import Rule, RuleViolation, Shape, Violation
from kubeflow.core.table import Column, Row, Table
from kubeflow.core.time import Timestamp
from kubeflow.core.transport import Interruption, Refusal, Request
from kubeflow.core.watch import WatchEvent
from kubeflow.kserve import options as serving_options
from kubeflow.local import (
    CachedEnvironment,
    EngineNotFound,
    EngineRefused,
    EngineUnreachable,
    EnvironmentFailed,
    ImageUnavailable,
)
from kubeflow.packaging import (
    DamagedBundle,
    Finding,
    Frame,
    Hyperparameter,
    PackagingError,
    RankError,
    RankOutcome,
    bundle,
)
from kubeflow.pipelines.access_rights import AccessRule
from kubeflow.spark.jobs import spark_spec
from kubeflow.trainer import errors, options
from kubeflow.trainer.types.initializers import BaseInitializer
from kubeflow.training import TrainingClient

pytestmark = pytest.mark.filterwarnings("ignore:TrainingClient:DeprecationWarning")

SECRET = "open-sesame-42"
NOW = datetime(2026, 11, 29, 9, 30, 15, 123456, tzinfo=timezone(timedelta(hours=1)))
PACKAGES = (
    "kubeflow.trainer",
    "kubeflow.trainer.options",
    "kubeflow.trainer.options.common",
    "kubeflow.trainer.options.kubernetes",
    "kubeflow.trainer.types.types",
    "kubeflow.cluster",
    "kubeflow.local",
    "kubeflow.packaging",
    "kubeflow.training",
    "kubeflow.optimizer",
    "kubeflow.hub",
    "kubeflow.kserve",
    "kubeflow.kserve.options",
    "kubeflow.spark",
    "kubeflow.spark.options",
    "kubeflow.pipelines.access_rights",
    "kubeflow.doctor",
    "kubeflow.common.types",
    *(f"kubeflow.core.{module.name}" for module in pkgutil.iter_modules(kubeflow.core.__path__)),
)


def train(lr: float = 0.1) -> float:
    return lr


class NoCluster:
    """A transport to nowhere."""

    def send(self, request: Request) -> Mapping[str, object]:
        raise Interruption("there is no cluster")

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        yield str(self.send(request)).encode()


class Settings:
    """Stands for a `kubernetes.client.Configuration`, which has no `__repr__` of its own."""

    api_key = SECRET


RUNTIME = trainer.Runtime(
    "torch-distributed",
    trainer.RuntimeTrainer(
        trainer.TrainerType.CUSTOM_TRAINER, "torch", "pytorch/pytorch:2.7.1-cuda12.8-cudnn9-runtime"
    ),
    trainer.RuntimeKind.CLUSTER_TRAINING_RUNTIME,
)
JOB = trainer.TrainJob(
    "train-3f2a",
    RUNTIME,
    [trainer.Step(f"node-{n}", "Running", f"train-3f2a-node-0-{n}-xk2vq", "gpu", "8") for n in range(100)],
    100,
    NOW,
    "Running",
    progress=40,
)
MODEL = TrainJob(
    metadata=ObjectMeta(name="train-3f2a"),
    spec=TrainJobSpec(
        runtime_ref=RuntimeRef(name="torch-distributed"),
        trainer=Trainer(num_nodes=2, resources_per_node=ResourceRequirements(limits={"cpu": "4", "memory": "16Gi"})),
    ),
)
ENV = {"HF_TOKEN": SECRET, "TOKENIZERS_PARALLELISM": "false"}
LORA = trainer.LoraConfig(lora_rank=8)


def instances() -> list[object]:
    """One object, or more, of every public class that is not made by a rule of `made`."""
    status: dict[str, Any] = {"code": 404, "reason": "NotFound", "server_message": 'trainjobs "x" not found'}
    return [
        # kubeflow.trainer
        trainer.Artifact("s3://models/iris/1", "model", "sklearn", {"job": "train-3f2a"}),
        trainer.JobName("train-3f2a"), JOB, RUNTIME, RUNTIME.trainer, JOB.steps[0],
        trainer.Event("Pod", "train-3f2a-node-0-0", "Started container node", "Started", NOW),
        trainer.TrainJobTemplate(trainer.CustomTrainer(train), "torch-distributed"),
        trainer.CustomTrainer(train, {"lr": 0.1, "api_key": SECRET}, num_nodes=2, env=ENV),
        trainer.CustomTrainer(functools.partial(train, 0.1), pip_index_urls=[f"https://me:{SECRET}@pypi.example.com"]),
        trainer.CustomTrainer(lambda: None, {"model": Settings(), "path": Path("/data"), "weights": [0.5] * 5000}),
        trainer.CustomTrainerContainer("ghcr.io/me/image:1", env=ENV),
        trainer.BuiltinTrainer(trainer.TorchTuneConfig(peft_config=LORA)), trainer.TorchTuneConfig(epochs=2), LORA,
        trainer.TorchTuneInstructDataset(split="train[:10]"),
        trainer.Initializer(
            trainer.HuggingFaceDatasetInitializer("hf://a/b", access_token=SECRET),
            trainer.S3ModelInitializer("s3://a/b", access_key_id=SECRET, secret_access_key=SECRET),
        ),
        trainer.HuggingFaceDatasetInitializer("hf://a/b", secret="hub"), BaseInitializer("hf://a/b"),
        trainer.HuggingFaceModelInitializer("hf://a/b", access_token=SECRET),
        trainer.S3DatasetInitializer("s3://a/b", access_key_id=SECRET, secret_access_key=SECRET),
        trainer.S3ModelInitializer("s3://a/b"), trainer.DataCacheInitializer("cache://a/b", "s3://c/d", 2),
        trainer.KubernetesBackendConfig(namespace="ml", client_configuration=Settings()),
        trainer.LocalProcessBackendConfig(state_dir="/tmp/state"), trainer.ContainerBackendConfig(auto_remove=False),
        trainer.TrainingRuntimeSource(sources=["file:///runtimes"]),
        trainer.JobSpec("train-3f2a", RUNTIME, env=ENV), trainer.Edit("Toleration", lambda job: None),
        trainer.LogLines(iter(["a line"]), lambda: ""),
        trainer.MetricPoint("loss", 0.25, "reported", 3, NOW),
        trainer.MetricHistory((trainer.MetricPoint("loss", 0.25, "reported", 3, NOW),)),
        trainer.TrainerClient(trainer.KubernetesBackendConfig(offline=True)),
        optimizer.OptimizerClient(trainer.KubernetesBackendConfig(offline=True)),
        TrainingClient(backend_config=trainer.LocalProcessBackendConfig()),
        # kubeflow.trainer.options
        options.Name("train-3f2a"), options.Labels({"team": "vision"}), options.Annotations({"note": "a" * 5000}),
        options.ActiveDeadlineSeconds(60), options.Suspend(), options.MaxRestarts(3),
        options.TrainerCommand(["python", "-c", "print(1)\n" * 3000]), options.TrainerArgs(["--lr", "0.1"]),
        options.Queue("team-a"), options.VolcanoQueue("team-a"), options.ServiceAccount("reader"),
        options.ImagePullSecrets(["registry"]), options.TerminationGracePeriod(30),
        options.PodSecurityContext(run_as_user=1000), options.ContainerSecurityContext(run_as_non_root=True),
        options.Volume("/data", {"nfs": {"server": "nfs.example.com", "path": "/data"}}),
        options.VolumeClaim("data", "/data"), options.SecretFiles("hub", "/etc/hub"), options.SharedMemory("16Gi"),
        options.ResourceRequests({"cpu": 2}),
        options.ConfigMapFiles("settings", "/etc/settings"), options.ScratchVolume("/scratch"),
        options.SecretEnv("hub", {"HF_TOKEN": "token"}), options.ConfigMapEnv("settings", ["LEVEL"]),
        options.Toleration("nvidia.com/gpu"), options.NodeSelector({"disk": "ssd"}),
        options.MachineWith("gpu", ["h200"]), options.Affinity(node={}),
        options.EditTrainJob(lambda job: None), options.PatchJobs(lambda jobs: None),
        *_patches(),
        *_optimizer(),
        AccessRule("", ("pods",), ("get", "list")),
        *_kserve(),
        *_hub(),
        *_spark(),
        *_doctor(),
        # kubeflow.cluster, kubeflow.local, kubeflow.packaging
        cluster.Cluster.connect(config_file=_kubeconfig()), cluster.Cause("spec.trainer.numNodes", "must be at least 1"),
        CachedEnvironment(Path("/tmp/e"), "3.11.7", ("six",), 5, NOW, NOW, in_use=False),
        bundle(train), Finding("open", "is a file", "Open it in the function"), Frame("cell_1", 3, "train", "1 / 0"),
        RankError("ZeroDivisionError", "division by zero", "Traceback\n" * 500, (Frame("cell_1", 3, "train", "1 / 0"),)),
        RankOutcome(0, "succeeded", Settings()), Hyperparameter("choice", [Settings()] * 1000),
        # kubeflow.core
        Html("<p>a</p>" * 5000), StatusWord("Running"), Quantity("4Gi"), IntOrString("25%"), Timestamp.parse("2026-11-29T08:30:15Z"), MinProperties(1),
        Field("spec.suspend", since="2.1"), Limit("spec.x", least=1), Unavailable("spec.x", "2.1", "is not there"),
        Availability("Trainer", ("2.0", "2.1"), {}, {}), Method("merge", ("spec",)), KindBuilder("a"), Builder({}),
        WatchPace(), Listing([MODEL.to_dict()] * 100, "7"), JsonWatchEvent("ADDED", MODEL.to_dict()),
        Trouble(Interruption("broken"), 3.0), Request("POST", "/apis", body={"x": "y" * 5000}),
        WatchEvent("ADDED", MODEL), Column("Name", "string", "The name", 0), Row("a", "ml", ("a", "Running")),
        Table((Column("Name", "string", "The name", 0),), tuple(Row(f"a{n}", "ml", (f"a{n}",)) for n in range(5000))),
        Rule("self > 0", "must be positive", lambda new, old: True), Shape(), Violation("spec", "is immutable", "self == oldSelf"),
        # errors
        Mistake(("spec", "trainer", "num_nodes"), "must be a whole number", "int_type", "two"),
        InvalidObject("TrainJob", [Mistake(("spec",), "is missing", "missing", {})]), UnknownAttribute("no field 'a'"),
        KubeflowError("it broke"), cluster.ClusterError("no"), InvalidInput("wrong"), Refusal("no"), Interruption("gone"), RuleViolation([]),
        DamagedBundle("damaged"), PackagingError("train", []), EnvironmentFailed("no network", Path("/tmp/log")),
        EngineNotFound("none"), EngineRefused("to start", 500, "why"), EngineUnreachable("unix:///s", "gone", "Start it."),
        ImageUnavailable("i:1", "is not there", "Pull it."),
        errors.Unsupported("not here"), errors.RuntimeNotFound("tork", ["torch"]), errors.JobNotFound("a", ["b"]),
        errors.RuntimeMissesPackage("torch-distributed", "torch", "Python 3.11"), errors.JobExists("a"),
        errors.RuntimeGone("a", "own", "resumed", ["torch-distributed"]),
        errors.RuntimeMissesProgram("mpi", "mpirun", "apt install"), errors.NoJobResult("a", "too large"),
        errors.NoJobOutput("train-3f2a", "its function wrote nothing", "Write something."),
        errors.JobFailed("a", "node-0 exited with code 1", log=["line"] * 1000), errors.JobNotFinished("a", "Running"),
        errors.JobWaitTimeout("a", "Running", ["Complete"], 60),
        *(error("it broke") for error in _subclasses(cluster.ClusterError) if not issubclass(error, ApiError)),
        *(error("it broke", **status) for error in _subclasses(ApiError)), ApiError("it broke", **status),
    ]  # fmt: skip


# Found as public classes, and without an instance that a user could hold.
WITHOUT: Mapping[str, str] = {
    "BaseAlgorithm": "abstract: every algorithm is shown",
    "EarlyStopping": "abstract: every rule is shown",
    "Search": "makes search spaces, and has no instance",
    "SearchSpace": "abstract: every space is shown",
    "Option": "a protocol: its implementations are shown",
    "ServiceOption": "a protocol, as Option",
    "SparkOption": "a protocol, as Option",
    "WatchedJobs": "a protocol: backends are no public objects",
    "ModelLocation": "a protocol: Artifact and versions of models are shown",
    "SupportsArtifact": "a protocol, as ModelLocation",
    "KServeClient": "made where services run: on a cluster, or on this machine",
    "Transport": "a protocol: Cluster is shown",
    "Screen": "a protocol: the screens are what progress is drawn on, and nobody is handed one",
    **dict.fromkeys(("TerminalScreen", "NotebookScreen", "PlainScreen"), "of progress, as Screen"),
    "LiveText": "a protocol, of progress as Screen",
    **dict.fromkeys(("Live", "LiveBeside", "LineText"), "draws progress while a call waits, and is never handed out"),
    "ShowsJobs": "a protocol of what shows progress",
    "Forked": "a protocol of what is told after a fork",
    "ShownList": "abstract, and shown in a line for each object: see tests/core/test_shown_lists.py",
    "LazyModel": "abstract, as Model",
    "WireField": "how a class is read, never returned",
    "WireLayout": "as WireField",
    "FieldPlace": "how the tables of minors are looked up, never returned",
    "Model": "abstract: every generated model is shown",
    "KubeObject": "abstract: every generated kind is shown",
    "OpenKubeObject": "abstract, as KubeObject",
    "OpenModel": "abstract, as Model",
    "Resource": "abstract: every generated client is shown",
    "RestClient": "abstract, as Resource",
    "TaggedModel": "abstract, as Model",
    "TaggedUnion": "metadata of a union of models, never returned",
    "CelError": "never leaves rules",
    "FieldValues": "a mapping within the evaluation of rules",
    "Duration": "a value within the evaluation of rules",
    "MapList": "a list within the evaluation of rules",
    "SetList": "a list within the evaluation of rules",
    "Known": "state of a watch, never returned",
    "Patience": "state of a call, never returned",
    "Unfinished": "bytes of a log, never returned",
    "Reflector": "state of a watch, never returned",
    "ConstructorSignature": "a descriptor of model classes",
    "Code": "text that other reprs show as it is",
}


def _optimizer() -> list[object]:
    made: Any = optimizer.Search
    lr, width, rest = made.loguniform(1e-4, 1e-1), made.int(1, 10, step=3), made.choice([Settings(), "a" * 5000])
    space = {"lr": lr, "width": width, "rest": rest, **{f"p{n}": lr for n in range(100)}}
    loss = optimizer.Metric("loss", 0.1, 0.5, 0.2)
    trials = [optimizer.Trial(f"a-{n}", {"lr": 0.1, "api_key": SECRET}, JOB, [loss], n, "Complete") for n in range(100)]
    aims = (optimizer.Objective("loss", goal=0.1),)
    return [
        lr, width, rest, *aims, loss, trials[0], optimizer.Result({"lr": 0.1, "api_key": SECRET}, [loss], "a-0"),
        optimizer.RandomSearch(1), optimizer.GridSearch(), optimizer.TPE(), optimizer.BayesianOptimization(),
        optimizer.CMAES(sigma=0.1), optimizer.Sobol(), optimizer.NSGAII(), optimizer.Hyperband(27), optimizer.PBT(),
        optimizer.MedianStop(), optimizer.PercentileStop(10.0), optimizer.ASHA(), optimizer.TrialConfig(20, 4),
        optimizer.OptimizerConfig("accuracy", "max"), optimizer.KnownTrial({"lr": 0.1}, {"loss": 0.2}),
        optimizer.OptimizationJob("a", space, aims, optimizer.TPE(), optimizer.TrialConfig(20, 4), trials, NOW, "Running"),
        optimizer.OptimizationSpec("a", trainer.JobSpec("a", RUNTIME, env=ENV), space, aims),
        optimizer.OptimizationNotFound("a", ["b"]), optimizer.OptimizationExists("a"),
        optimizer.OptimizationFailed("a", "all trials failed"), optimizer.EngineRefuses("katib", "a", []),
        optimizer.OptimizationWaitTimeout("a", "Running", ["Complete"], 60),
        optimizer.MissingExtra("TPE", "optuna>=5", "optimizer"),
    ]  # fmt: skip


def _kserve() -> list[object]:
    model = kserve.ServedModel("s3://models/iris/1", "sklearn", origin={"job": "fit-3f2a"})
    return [
        kserve.Service("iris", "Degraded", NOW, "FailedToLoad: " + "a" * 5000, notes=["b" * 300]),
        kserve.ServiceCondition("Ready", "False", "NotReady", "a" * 5000), kserve.ModelLoading("InProgress", "Loaded"),
        kserve.Revision("iris-2", 10, latest=True), kserve.Endpoint("iris", "https://iris.ml", "iris", headers={"Authorization": SECRET}),
        kserve.MODEL_FORMATS["sklearn"], model, kserve.ServiceSpec("iris", model, env=ENV),
        kserve.ServiceEdit("Toleration", lambda service: None),
        serving_options.ServiceLabels({"team": "vision"}), serving_options.ServiceAnnotations({"note": "a" * 5000}),
        serving_options.DeploymentMode("Standard"), serving_options.StorageCredentials("s3-reader"),
        serving_options.EditService(lambda service: None),
        kserve.ServiceNotFound("a", ["b"]), kserve.ServiceExists("a"), kserve.ServiceFailed("a", "no", log=["b"] * 5000),
        kserve.ServiceWaitTimeout("a", "Creating", ["Ready"], 60), kserve.NoServingRuntime("a", "v2", [], where="here"),
        kserve.ModelRejected("/tmp/a", "two files", "Keep one."), kserve.PredictionFailed("a", 503, "not ready"),
        kserve.NoEndpoint("there is none"), kserve.Prediction({"output-0": list(range(5000))}, "iris", id="a1"),
    ]  # fmt: skip


def _hub() -> list[object]:
    artifact = hub.ModelArtifact(name="iris", id="3", uri="s3://models/iris/1", model_format_name="sklearn")
    version = hub.ModelVersion(
        name="1", model_name="iris", custom_properties={"accuracy": 0.97}, artifact_source=artifact
    )
    return [
        artifact, version, hub.RegisteredModel(name="iris", owner="ada", description="a" * 5000, version=version),
        hub.StorageConfig("my-bucket", "iris/1"), hub.OCIUploadParams("busybox", "ghcr.io/me/iris:1"),
        hub.S3UploadParams("models", "iris/1", access_key_id=SECRET, secret_access_key=SECRET),
        hub.ModelRegistryClient("local", author="ada"),
        *(error("it broke") for error in _subclasses(hub.RegistryError)), hub.RegistryError("it broke"),
    ]  # fmt: skip


def _doctor() -> list[object]:
    found = doctor.HealthFinding("train", doctor.HealthState.MISSING, "may not " + "create pods, " * 500, "Ask for it.")
    section = doctor.ExaminedSection("rights", (found,) * 500)
    return [found, section, doctor.Examination((section,) * 8)]


def _spark() -> list[object]:
    size: dict[str, str | int | float] = {"cpu": 2, "memory": "8Gi"}
    program = spark_spec.Program(file="s3a://a/b.py")
    return [
        spark.Driver(resources=size), spark.Executor(2, size), spark.FileJob("a.py", ["--day", "1"]), spark.FuncJob(train),
        spark.SparkJob("clean-3f2a", "ml", spark.SparkJobStatus.RUNNING, NOW, 4, "clean-3f2a-driver", executors={"e" * 60: "RUNNING"}),
        spark.SparkConnectInfo("a", "ml", spark.SparkConnectState.READY, creation_timestamp=NOW),
        spark.SparkClient(trainer.LocalProcessBackendConfig()), spark.ConnectedSession("a", object()),
        spark.SparkSpec("a", program, env=ENV), spark.SessionSpec("a"),
        spark.options.MavenPackages("a:b:1"), spark.options.DynamicAllocation(1, 4), spark.options.Retries(2),
        spark.options.Schedule("@daily"), spark.options.Monitoring("/a.jar"), spark.options.NodeSelector({"a": "b"}),
        spark.options.PodTemplateOverride("driver", {"spec": {}}),
        spark.PySparkMissing("python"), spark.JavaMissing("no java"), spark.JavaTooOld("/usr/bin/java", "11", 17),
        spark.SessionExists("a"), spark.SessionNotFound("a", ["b"]), spark.SessionLost("a", "it died"), spark.SparkJobExists("a"),
        spark.SparkJobFailed("a", "no", log=["b"] * 500), spark.SparkJobNotFinished("a", "Running"),
        spark.SparkJobNotFound("a", ["b"]), spark.NoSparkJobResult("a", "no"), spark.NoSparkJobOutput("a", "no", "Write."), spark.NoSparkAccount("ml"),
        spark.SparkJobWaitTimeout("a", "Running", ["Completed"], 60),
    ]  # fmt: skip


def _kubeconfig() -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "ml"}}],
        "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": {"token": SECRET}}],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(config, file)
    return file.name


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for subclass in kind.__subclasses__():
        if subclass.__module__.startswith("kubeflow."):
            yield subclass
            yield from _subclasses(subclass)


def _patches() -> list[object]:
    container = options.ContainerPatch(
        "sidecar", env=[{"name": "HF_TOKEN", "value": SECRET}, EnvVar(name="A", value="1")]
    )
    pods = options.PodSpecPatch(containers=[container])
    template = options.PodTemplatePatch(spec=pods)
    job = options.JobTemplatePatch(spec=options.JobSpecPatch(template=template))
    jobs = options.JobSetSpecPatch(replicated_jobs=[options.ReplicatedJobPatch("node", job)])
    job_set = options.JobSetTemplatePatch(spec=jobs)
    runtime = options.TrainingRuntimeSpecPatch(template=job_set)
    return [container, pods, template, job.spec, job, jobs.replicated_jobs, job_set, jobs, runtime,
            options.ReplicatedJobPatch("node"), options.RuntimePatch(runtime)]  # fmt: skip


def public_classes() -> set[type[Any]]:
    """Return the classes that the packages export, and those of all modules of `kubeflow.core`."""
    found: set[type[Any]] = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == package]
        names = (
            [name for name in own if not name.startswith("_")]
            if package.startswith("kubeflow.core.")
            else module.__all__
        )
        found |= {value for value in (getattr(module, name) for name in names) if isinstance(value, type)}
    return found


def generated_classes(kind: type[Any]) -> list[type[Any]]:
    """Return the generated classes that derive from `kind`."""
    modules = [module.name for module in pkgutil.walk_packages(kubeflow_api.__path__, "kubeflow_api.")]
    found = {
        value
        for module in modules
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type) and issubclass(value, kind) and value.__module__.startswith("kubeflow_api.")
    }
    return sorted(found, key=lambda value: (value.__module__, value.__qualname__))


def check(value: object, longest: int = 400) -> None:
    shown = repr(value)
    assert len(shown) <= longest, shown
    assert " at 0x" not in shown
    assert "=None" not in shown
    assert SECRET not in shown
    assert "\n" not in shown


def test_every_public_object_is_shown_short_without_addresses_and_secrets() -> None:
    objects = instances()
    for value in objects:
        check(value)
    shown = {type(value) for value in objects}
    missing = {
        kind.__qualname__
        for kind in public_classes() - shown
        if not issubclass(kind, Enum) and kind.__qualname__ not in WITHOUT and kind is not dict
    }
    assert missing == set(), "give each an instance in instances(), or a reason in WITHOUT"


def test_every_reason_is_for_a_class_that_is_there_and_has_no_instance() -> None:
    names = {kind.__qualname__ for kind in public_classes()}
    assert set(WITHOUT) - names == set()
    assert set(WITHOUT) & {type(value).__qualname__ for value in instances()} == set()


def test_every_generated_model_is_shown_with_nothing_but_what_was_set() -> None:
    for model in generated_classes(Model):
        empty = model.from_server({})
        assert repr(empty) == f"{model.__name__}()"
        full = model.from_server({"newField": {"password": SECRET}, "name": "API_TOKEN", "value": SECRET})
        check(full)


def test_every_builder_and_client_is_shown() -> None:
    for builder in generated_classes(Builder):
        check(builder("a") if issubclass(builder, KindBuilder) else builder({}))
    for resource in generated_classes(Resource):
        check(resource(NoCluster(), "ml"))
    check(Client(NoCluster()))
    assert repr(TrainJobBuilder("a").runtime_ref(name="torch-distributed")) == (
        "TrainJobBuilder(metadata={'name': 'a'}, spec={'runtime_ref': {'name': 'torch-distributed'}})"
    )
    assert repr(TrainJobBuilder("a").runtime_ref) == "<method runtime_ref of TrainJobBuilder>"


def test_a_job_is_shown_in_a_line_with_what_matters() -> None:
    assert repr(JOB) == (
        "TrainJob(name='train-3f2a', status='Running', progress=40, num_nodes=100, runtime='torch-distributed', "
        "creation_timestamp=2026-11-29T08:30:15Z)"
    )
    assert len(repr([JOB] * 3)) < 500


def test_times_are_in_utc_and_whole_seconds() -> None:
    event = trainer.Event("Pod", "a", "Started", "Started", NOW)
    assert "event_time=2026-11-29T08:30:15Z" in repr(event)
    assert repr(Timestamp.parse("2026-11-29T08:30:15Z")) == "Timestamp.parse('2026-11-29T08:30:15Z')"


def test_only_what_was_set_is_shown() -> None:
    assert repr(options.VolumeClaim("data", "/data")) == "VolumeClaim(claim='data', path='/data')"
    assert repr(importlib.import_module("kubeflow_api.k8s.core.v1").Volume(name="a")) == "Volume(name='a')"
    assert repr(options.SharedMemory()) == "SharedMemory()"
    assert repr(trainer.CustomTrainer(train, num_nodes=2)) == "CustomTrainer(func=train, num_nodes=2)"


def test_a_model_is_shown_as_the_code_that_makes_it() -> None:
    names: dict[str, Any] = {
        kind.__name__: kind for kind in (TrainJob, TrainJobSpec, Trainer, RuntimeRef, ObjectMeta, EnvVar)
    }
    names["ResourceRequirements"] = ResourceRequirements
    made = MODEL.model_copy(deep=True)
    made.metadata.creation_timestamp = NOW  # type: ignore[union-attr]
    for value in (MODEL, made, TrainJob.from_server(MODEL.to_dict())):
        assert eval(repr(value), names) == value
        assert str(value) == repr(value)
    assert "num_nodes=2" in repr(MODEL)
    assert "'memory': '16Gi'" in repr(MODEL)
    assert "api_version" not in repr(MODEL)


@pytest.mark.parametrize(
    "value",
    [
        RUNTIME,
        JOB.steps[0],
        trainer.CustomTrainer(train, {"lr": 0.2}),
        options.Toleration("gpu"),
        LORA,
        Quantity("4Gi"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_data_is_shown_as_the_code_that_makes_it(value: object) -> None:
    names = {**vars(options), **{name: getattr(trainer, name) for name in trainer.__all__}, "train": train}
    names |= {name: getattr(options, name) for name in options.__all__} | {"Quantity": Quantity}
    assert eval(repr(value), names) == value


def test_a_secret_is_shown_as_set_only() -> None:
    shown = repr(trainer.HuggingFaceModelInitializer("hf://a/b", access_token=SECRET))
    assert shown == "HuggingFaceModelInitializer(storage_uri='hf://a/b', access_token=***)"
    shown = repr(trainer.CustomTrainer(train, env=ENV))
    assert shown == "CustomTrainer(func=train, env={'HF_TOKEN': ***, 'TOKENIZERS_PARALLELISM': 'false'})"
    assert repr(EnvVar(name="WANDB_API_KEY", value=SECRET)) == "EnvVar(name='WANDB_API_KEY', value=***)"
    assert repr(options.SecretEnv("hub", {"HF_TOKEN": "key"})) == "SecretEnv(secret='hub', keys={'HF_TOKEN': 'key'})"
    token = "hf_" + "a" * 34
    assert repr(Trainer(command=["login", token])) == "Trainer(command=['login', '***'])"


def test_a_large_text_is_shown_by_its_beginning_and_length() -> None:
    shown = repr(Trainer(args=["import os\n" * 3000], env=[EnvVar(name="CODE", value="x" * 20_000)]))
    assert "30,000 characters" in shown
    assert "20,000 characters" in shown
    check(Trainer(args=["import os\n" * 3000]))


def test_a_large_object_is_shown_to_a_depth() -> None:
    check(TrainJobList(items=[MODEL] * 500), longest=1_200)
    assert "495 more" in repr(TrainJobList(items=[MODEL] * 500))
    deep: dict[str, Any] = {}
    deep["self"] = deep
    check(trainer.CustomTrainer(train, deep))


def test_other_displays_show_no_more() -> None:
    model = Trainer(env=[EnvVar(name="HF_TOKEN", value=SECRET)], num_nodes=2)
    shown: Any = model  # its methods for rich and devtools are untyped
    assert [(name, repr(value)) for name, value in shown.__rich_repr__()] == [
        ("env", "[EnvVar(name='HF_TOKEN', value=***)]"),
        ("num_nodes", "2"),
    ]
    assert SECRET not in "".join(map(str, shown.__pretty__(repr)))


def test_dataclasses_stay_dataclasses() -> None:
    assert pickle.loads(pickle.dumps(JOB)) == JOB
    assert replace(JOB, num_nodes=2) != JOB == replace(JOB)
    assert asdict(JOB.steps[0])["device_count"] == "8"
    assert hash(JOB.steps[0]) == hash(replace(JOB.steps[0]))
    assert str(RankError("a", "b", "", ())) == "a: b"

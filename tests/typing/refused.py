"""Mistakes. Both type checkers must report every line that says so, and no other, in strict mode, without a plugin."""

from __future__ import annotations

from typing import Literal

from kubeflow_api.k8s.core.v1 import EnvVar, ResourceRequirements, Toleration
from kubeflow_api.katib.v1beta1 import Experiment
from kubeflow_api.kserve.v1alpha1 import Client as ServingClient
from kubeflow_api.kserve.v1beta1 import ModelSpec, PredictorSpec
from kubeflow_api.trainer.v1alpha1 import (
    Client,
    ClusterTrainingRuntimeBuilder,
    RuntimeRef,
    Trainer,
    TrainingRuntime,
    TrainJob,
    TrainJobBuilder,
    TrainJobSpec,
    TrainJobSpecUpdate,
    TrainJobUpdate,
    validate_rules,
)

from kubeflow.core.resource import Transport
from kubeflow.optimizer import CMAES, Objective, Search, TrialConfig
from kubeflow.trainer import ContainerBackendConfig, CustomTrainer, JobName, TorchTuneConfig, TrainerClient, options

Trainer(num_node=2)  # mistake: a misspelt field
Trainer(numNodes=2)  # mistake: attributes are snake_case
Trainer(num_nodes="2")  # mistake: a string for a number
Trainer(num_nodes=1.5)  # mistake: a fraction for a number
Trainer(image=3)  # mistake: a number for a string
Trainer(env={"A": "1"})  # mistake: a mapping for a list
Trainer(env=[EnvVar(value="1")])  # mistake: a required field is missing
Trainer(2)  # mistake: fields are keywords
TrainJobSpec()  # mistake: a required field is missing
TrainJobSpec(runtime_ref="torch-distributed")  # mistake: a string for an object
TrainJobSpec(runtime_ref=RuntimeRef(name="a"), trainer=RuntimeRef(name="a"))  # mistake: another model
Toleration(operator="exists")  # mistake: not a value of the enum
ResourceRequirements(limits={"cpu": [2]})  # mistake: no quantity

TrainJob()  # mistake: the spec is missing
Experiment()  # mistake: the spec is missing
job = TrainJob(spec=TrainJobSpec(runtime_ref=RuntimeRef(name="a")))
job.spec = None  # mistake: the spec is required
job.spec.trainer.num_nodes = 2  # mistake: a job needs no trainer
job.spce = None  # mistake: a misspelt attribute
job.metadata = {"name": "a"}  # mistake: a mapping for an object

builder = TrainJobBuilder("mnist", namespace="ml")
builder.trainr(num_nodes=2)  # mistake: a misspelt method
builder.trainer(num_node=2)  # mistake: a misspelt field
builder.trainer(num_nodes="2")  # mistake: a string for a number
builder.trainer(resources_per_node={"limit": {"cpu": 2}})  # mistake: a misspelt field in a mapping
builder.trainer(env=[{"value": "1"}])  # mistake: a required field of a mapping is missing
builder.runtime_patch()  # mistake: the key is missing
builder.runtime_ref(name="a").build().spce  # mistake: a misspelt attribute of what is built
ClusterTrainingRuntimeBuilder("a", namespace="ml")  # mistake: the kind is cluster-scoped

TrainJobSpecUpdate(trainer=Trainer(num_nodes=2))  # mistake: the field is immutable
TrainJobSpecUpdate(runtime_ref=RuntimeRef(name="b"))  # mistake: the field is immutable
TrainJobSpecUpdate(managed_by="kueue.x-k8s.io/multikueue")  # mistake: the field is immutable
TrainJobUpdate(spec=TrainJobSpec(runtime_ref=RuntimeRef(name="b")))  # mistake: no update of a spec
TrainJobSpecUpdate().initializer = None  # mistake: the field is immutable
validate_rules(job, TrainingRuntime())  # mistake: another kind
validate_rules({"spec": {}})  # mistake: a mapping for an object


PredictorSpec(sklearn=ModelSpec())  # mistake: a model of another class
ModelSpec(storage_url="s3://models/iris")  # mistake: a misspelt field
PredictorSpec(scale_metric="qps")  # mistake: none of the metrics


def serving(transport: Transport) -> None:
    ServingClient(transport).cluster_serving_runtimes.get("a", namespace="b")  # mistake: the kind is cluster-scoped


def clients(transport: Transport) -> None:
    client = Client(transport)
    client.cluster_training_runtimes.get("a", namespace="b")  # mistake: the kind is cluster-scoped
    client.training_runtimes.patch_status("a", {})  # mistake: the kind has no status
    client.cluster_training_runtimes.watch(namespace="b")  # mistake: the kind is cluster-scoped
    client.cluster_training_runtimes.table(all_namespaces=True)  # mistake: the kind is cluster-scoped
    client.training_runtimes.apply_status(TrainingRuntime())  # mistake: the kind has no status
    client.train_jobs.watch(timeout="60")  # mistake: a string for seconds
    client.train_jobs.apply(TrainingRuntime())  # mistake: another kind
    client.train_jobs.modify("a", keep)  # mistake: a change of another kind
    next(client.train_jobs.watch()).object.spce  # mistake: a misspelt attribute
    client.train_jobs.create(job, field_manager="a")  # mistake: a create has no manager
    client.train_jobs.create(TrainingRuntime())  # mistake: another kind
    client.train_jobs.delete("a", propagation="Forward")  # mistake: no such policy
    client.train_jobs.update("a", job)  # mistake: no update type
    client.training_runtimes.update("a", TrainJobUpdate())  # mistake: the kind has no immutable field of its spec
    client.trainjobs.get("a")  # mistake: no such kind


def keep(runtime: TrainingRuntime) -> None:
    return None


def train(lr: float, epochs: int = 1) -> None:
    return None


CustomTrainer.call(train, lr=0.1, epoch=2)  # mistake: a misspelt argument of the function
CustomTrainer.call(train, lr="0.1")  # mistake: a string for a number
CustomTrainer.call(train, 0.1, "two")  # mistake: a string for a number, by position
CustomTrainer.call(train, epochs=2)  # mistake: an argument that the function needs is missing
CustomTrainer.call(train, 0.1, 2, 3)  # mistake: one argument too many
CustomTrainer.call(train(0.1))  # mistake: what the function returned, not the function
CustomTrainer.call(train, lr=0.1).replace(num_node=2)  # mistake: a misspelt setting
CustomTrainer.call(train, lr=0.1).replace(num_nodes="2")  # mistake: a string for a number
CustomTrainer.call(train, lr=0.1).replace(func=print)  # mistake: another function needs other arguments
CustomTrainer()  # mistake: nothing to run
CustomTrainer(train, module="pkg.train")  # mistake: two things to run
CustomTrainer(train, args=["--lr", "0.1"])  # mistake: a command line for a function
CustomTrainer("train.py", func_args={"lr": 0.1})  # mistake: arguments of a function for a script
CustomTrainer("train.py", serializer="cloudpickle")  # mistake: a script is text
CustomTrainer(train, serializer="pickle")  # mistake: no such serializer
CustomTrainer(train, code_dir=3)  # mistake: a number for a folder
CustomTrainer(module=train)  # mistake: a function for the name of a module


def misplaced(client: TrainerClient, name: JobName[dict[str, float]]) -> None:
    client.train(train)  # mistake: a function where the runtime belongs
    client.train(CustomTrainer(func=train))  # mistake: a trainer where the runtime belongs
    client.train([options.Suspend()])  # mistake: options where the runtime belongs
    client.train(trainer=train)  # mistake: a function, not a trainer
    client.train(train_func=train, num_node=2)  # mistake: a misspelt argument
    client.train(train_func=train, num_nodes="2")  # mistake: a string for a number
    client.train(train_func=train, num_node=2, dry_run=True)  # mistake: a misspelt argument of a dry run
    client.train(module=train)  # mistake: a function for the name of a module
    client.train(train_func=train, serializer="pickle")  # mistake: no such serializer
    client.get_job(train)  # mistake: a function for a job
    client.get_job(3)  # mistake: a number for a job
    client.get_job_logs("a", since=300)  # mistake: a number for a time
    client.get_job_logs("a", tail_lines="10")  # mistake: a text for a number
    client.get_job_logs("a", "node-0", True, "position")  # mistake: a position without its name
    client.wait_for_job_status(name, "Completed")  # mistake: no such status
    client.wait_for_job_status(name, {"Done"})  # mistake: no such status
    client.wait_for_job_status(name, "Unknown")  # mistake: nobody can wait for it
    client.list_jobs(status="Completed")  # mistake: no such status
    client.get_job_result(name)["loss"].upper()  # mistake: the value is a number
    client.get_job_result("a")["loss"]  # mistake: what a name by itself returns is not known
    name.result()  # mistake: a name is text


def given(client: TrainerClient) -> None:
    client.train(options=[42])  # mistake: no option
    client.train(options=[options.Toleration])  # mistake: the class, not an option
    client.train(options=options.Toleration("gpu"))  # mistake: one option, not a list
    client.train(options=[options.ContainerPatch("node")])  # mistake: a part of a patch, not an option


options.Toleration("gpu", effect="NoSchedul")  # mistake: no such effect
options.Toleration("gpu", operator="In")  # mistake: an operator of affinities
options.Labels({"replicas": 3})  # mistake: a number for a string
options.Labels({"a": "b"}, on="pods")  # mistake: no such level
options.VolumeClaim("imagenet")  # mistake: the path is missing
options.PodSecurityContext(run_as_usr=1000)  # mistake: a misspelt field
options.PodSecurityContext(run_as_user="1000")  # mistake: a string for a number
options.Volume("/data", {"nfs": {"server": 5, "path": "/"}})  # mistake: a number for a string
options.MachineWith("gpu", ["a100"], operator="Equal")  # mistake: an operator of tolerations
options.SecretEnv("hub", ["HF_TOKEN"], job="launcher")  # mistake: a step without variables of its own
options.PatchJobs(lambda node: node.pod_specs())  # mistake: a misspelt method of the builder
options.PodSpecPatch(tolerations={"key": "a"})  # mistake: a mapping for a list
options.RuntimePatch(options.JobSetTemplatePatch())  # mistake: another part of the patch

ContainerBackendConfig(pull_policy="Sometimes")  # mistake: a policy that is none
ContainerBackendConfig(container_runtime="containerd")  # mistake: an engine that is not driven
ContainerBackendConfig(volumes=["/data"])  # mistake: a list for a mapping
ContainerBackendConfig(secrets={"wandb": 3})  # mistake: a number for values, a folder or a file
ContainerBackendConfig(images={})  # mistake: no such field


def fit(lr: float, batch: int, optimizer: Literal["adam", "sgd"] = "adam") -> float:
    return lr * batch


def spaces() -> None:
    CustomTrainer.call(fit, 0.1, Search.uniform(16, 128))  # mistake: floats for an int
    CustomTrainer.call(fit, 0.1, batch=Search.choice([16, 0.5]))  # mistake: one of them is no int
    CustomTrainer.call(fit, learning_rate=Search.uniform(0, 1), batch=8)  # mistake: no such argument
    CustomTrainer.call(fit, 0.1, 8, Search.choice(["adam", "adagrad"]))  # mistake: a choice outside of the Literal
    CustomTrainer.call(fit, Search.choice(["0.1"]), 8)  # mistake: text for a number
    TorchTuneConfig(batch_size=Search.uniform(1, 8))  # mistake: floats for an int
    Search.int(1, 2.5)  # mistake: a bound of ints that is none
    Search.uniform(0)  # mistake: a bound is missing
    Search(min=1, max=2, distribution="logUniforn")  # mistake: no such distribution
    Objective("loss", "smallest")  # mistake: no such direction
    Objective("loss", strategy="latest")  # mistake: no such strategy
    TrialConfig(num_trails=5)  # mistake: a misspelt field
    CMAES(restart_strategy="none")  # mistake: no such strategy

"""From a `JobSpec` to the TrainJob that stands for it on a cluster. Pure: nothing is read, asked or sent."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow_api.k8s.core.v1 import EnvVar, ResourceRequirements
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import RuntimeRef, Trainer, TrainJob, TrainJobSpec

from kubeflow.packaging import Bundle, bundle_annotations
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobspec import JobSpec
from kubeflow.trainer.types.runtimes import Runtime

# What starts the processes of a node, by the framework of the runtime. MPI runtimes (deepspeed, mlx) are not here:
# mpirun runs on one node only, and the others would not have the function.
_LAUNCHERS: dict[str, Sequence[str]] = {
    "torch": ("torchrun",),
    "jax": ("python",),
    "xgboost": ("python",),
}


def render(spec: JobSpec, *, namespace: str | None = None) -> TrainJob:
    """Return the TrainJob of `spec`; fields that the user left out stay out, so that the runtime decides them.

    Args:
        spec: The job.
        namespace: Namespace of the TrainJob; `None` leaves it to whoever applies it.

    Raises:
        Unsupported: When this version cannot express the job.
    """
    _check(spec)
    metadata = ObjectMeta(name=spec.name)
    if namespace is not None:
        metadata.namespace = namespace
    if spec.labels:
        metadata.labels = dict(spec.labels)
    # What says which code runs is a fact: it is not for options to change.
    annotations = {**spec.annotations, **(bundle_annotations(spec.bundle) if spec.bundle is not None else {})}
    if annotations:
        metadata.annotations = annotations
    job = TrainJobSpec(runtime_ref=_runtime_ref(spec.runtime), trainer=_trainer(spec))
    if spec.active_deadline_seconds is not None:
        job.active_deadline_seconds = spec.active_deadline_seconds
    return TrainJob(api_version=constants.API_VERSION, kind=constants.TRAINJOB_KIND, metadata=metadata, spec=job)


def _runtime_ref(runtime: Runtime) -> RuntimeRef:
    return RuntimeRef(api_group=constants.GROUP, kind=runtime.kind.value, name=runtime.name)


def _trainer(spec: JobSpec) -> Trainer:
    trainer = Trainer()  # always there, if empty: controllers before 2.3 read through it without looking
    if spec.image is not None:
        trainer.image = spec.image
    if spec.bundle is not None:
        trainer.command, trainer.args = _command(spec.bundle, spec.runtime)
    if spec.env:
        trainer.env = [EnvVar(name=name, value=value) for name, value in spec.env.items()]
    if spec.num_nodes is not None:
        trainer.num_nodes = spec.num_nodes
    if spec.num_proc_per_node is not None:
        trainer.num_proc_per_node = spec.num_proc_per_node
    if spec.resources:
        # Limits equal requests: devices must, and a node that trains should get what it was promised.
        trainer.resources_per_node = ResourceRequirements(limits={**spec.resources}, requests={**spec.resources})
    return trainer


def _command(bundle: Bundle, runtime: Runtime) -> tuple[list[str], list[str]]:
    # Both are set: arguments that the runtime has for its own command must not reach ours.
    argv = bundle.command(_LAUNCHERS[runtime.trainer.framework])
    return argv[:1], argv[1:]


def _check(spec: JobSpec) -> None:
    framework = spec.runtime.trainer.framework
    if spec.bundle is not None and framework not in _LAUNCHERS:
        raise Unsupported(
            f"A function in runtime {spec.runtime.name!r} ({framework}) is not supported in this version. "
            f"Runtimes that take a function today: those of {', '.join(_LAUNCHERS)}, such as 'torch-distributed'."
        )
    if spec.builtin is not None:
        raise Unsupported(
            "BuiltinTrainer cannot be rendered in this version. Give a function with CustomTrainer(func=...), "
            "or no trainer at all to run the runtime with its own settings."
        )
    if spec.initializer is not None:
        raise Unsupported(
            "initializer= cannot be rendered in this version. Fetch the data inside the train function, or leave "
            "it out to use what the runtime is set up with."
        )

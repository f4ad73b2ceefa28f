"""From a `JobSpec` to the TrainJob that stands for it on a cluster. Pure: nothing is read, asked or sent."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow_api.k8s.core.v1 import EnvVar, ResourceRequirements
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import RuntimeRef, Trainer, TrainJob, TrainJobSpec, validate_rules

from kubeflow.core.errors import InvalidInput
from kubeflow.core.rules import RuleViolation
from kubeflow.packaging import Bundle, bundle_annotations
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.options._fragments import in_words, typed
from kubeflow.trainer.rendering import older_minors, preflight
from kubeflow.trainer.rendering.cluster_requirements import check_requirements_for_cluster
from kubeflow.trainer.rendering.initializers import initializer
from kubeflow.trainer.rendering.literals import literal
from kubeflow.trainer.rendering.output_place import with_output_place
from kubeflow.trainer.types.runtimes import Runtime

# What starts the processes of a node, by the framework of the runtime. "plain" is a runtime that sets nothing up.
_LAUNCHERS: dict[str, Sequence[str]] = {
    "torch": ("torchrun",),
    "jax": ("python",),
    "xgboost": ("python",),
    "plain": ("python",),
}
_MAX_RESTARTS = "PET_MAX_RESTARTS"  # read by torchrun, which takes each of its options from PET_<OPTION>


def render(
    spec: JobSpec, *, namespace: str | None = None, minor: str = older_minors.NEWEST, one_line: bool = False
) -> TrainJob:
    """Return the TrainJob of `spec`; fields that the user left out stay out, so that the runtime decides them.

    Credentials of initializers are not in it, but the names of Secrets that hold them: `credentials.secrets(spec)`.

    Args:
        spec: The job.
        namespace: Namespace of the TrainJob; `None` leaves it to whoever applies it.
        minor: The Trainer minor that it is for, like `"2.1"`; its form follows from that.
        one_line: True to write the command of packaged code as one line of bash, which Katib can go on with.

    Raises:
        InvalidInput: When that minor cannot say it, or an option makes an object that no cluster would take.
        Unsupported: When this version cannot express the job.
    """
    spec = with_output_place(spec)
    with in_words("The job"):
        job = TrainJob(
            metadata=_metadata(spec, namespace),
            spec=TrainJobSpec(
                runtime_ref=_runtime_ref(spec.runtime),
                trainer=_trainer(spec, one_line),
                initializer=initializer(spec),
                active_deadline_seconds=spec.active_deadline_seconds,
                suspend=spec.suspend or None,
            ),
        )
    with in_words("An option"):
        for edit in spec.edits:
            edit.apply(job)
    _check_identity(spec, namespace, job)
    _forward_environment(spec, job, one_line)
    if spec.edits:
        # Edits may write anything: hold the result against the schema and the server's rules, as a user's own object.
        job = typed(TrainJob, job.to_dict(), "What the options made")
    if violations := validate_rules(job):
        raise RuleViolation(violations)
    job = older_minors.for_minor(job, minor)
    preflight.check(job, None, minor)
    if constants.API_VERSION != TrainJob.API_VERSION:
        job = TrainJob.from_server({**job.to_dict(), "apiVersion": constants.API_VERSION})
    return job


def _metadata(spec: JobSpec, namespace: str | None) -> ObjectMeta:
    # What says which code runs is a fact: it is not for options to change.
    annotations = {**spec.annotations, **(bundle_annotations(spec.bundle) if spec.bundle is not None else {})}
    return ObjectMeta(
        name=spec.name, namespace=namespace, labels={**spec.labels} or None, annotations=annotations or None
    )


def _runtime_ref(runtime: Runtime) -> RuntimeRef:
    return RuntimeRef(api_group=constants.GROUP, kind=runtime.kind.value, name=runtime.name)


def _trainer(spec: JobSpec, one_line: bool) -> Trainer:
    trainer = Trainer()  # always there, if empty: controllers before 2.3 read through it without looking
    if spec.image is not None:
        trainer.image = spec.image
    if spec.bundle is not None:
        check_requirements_for_cluster(spec.bundle)
        trainer.command, trainer.args = _command(spec.bundle, spec.runtime, tuple(spec.env), one_line)
    elif spec.builtin is not None:
        # The control plane knows TorchTune by this command and completes it with recipe and model.
        trainer.command = list(torchtune.COMMAND)
        trainer.args = [literal(word) for word in torchtune.overrides(spec.builtin.config, spec.initializer)]
    else:
        if spec.command is not None:
            trainer.command = list(spec.command)
        if spec.args is not None:
            trainer.args = list(spec.args)
    if env := _env(spec) | (spec.bundle.shell_environment() if one_line and spec.bundle is not None else {}):
        trainer.env = [EnvVar(name=name, value=literal(value)) for name, value in env.items()]
    if spec.num_nodes is not None:
        trainer.num_nodes = _int32("num_nodes", spec.num_nodes)
    if spec.num_proc_per_node is not None:
        trainer.num_proc_per_node = _int32("num_proc_per_node", spec.num_proc_per_node)
    if spec.resources or spec.requests:
        # Limits equal requests: devices must, and a node that trains should get what it was promised.
        trainer.resources_per_node = ResourceRequirements(
            limits={**spec.resources} or None, requests={**spec.resources, **spec.requests}
        )
    return trainer


def _int32(field: str, value: int) -> int:
    if value >= 1 << 31:
        raise InvalidInput(f"{field}={value} is more than a cluster can count: choose less.")
    return value


def _env(spec: JobSpec) -> dict[str, str]:
    env = dict(spec.env)
    if spec.max_restarts:
        restarts = str(spec.max_restarts)
        if env.setdefault(_MAX_RESTARTS, restarts) != restarts:
            raise InvalidInput(f"MaxRestarts and env[{_MAX_RESTARTS!r}] differ: leave the variable out.")
    return env


def _command(bundle: Bundle, runtime: Runtime, variables: Sequence[str], one_line: bool) -> tuple[list[str], list[str]]:
    # Both are set: arguments that the runtime has for its own command must not reach ours.
    launcher = _launcher(runtime, variables)
    if one_line:
        argv = bundle.shell_command(launcher)
        return argv[:2], argv[2:]
    argv = bundle.command(launcher)
    return argv[:1], argv[1:]


def _launcher(runtime: Runtime, variables: Sequence[str]) -> Sequence[str]:
    framework = runtime.trainer.framework
    if framework in _LAUNCHERS:
        return _LAUNCHERS[framework]
    if framework not in constants.MPI_FRAMEWORKS:
        takers = (*_LAUNCHERS, *constants.MPI_FRAMEWORKS)
        raise Unsupported(
            f"A function in runtime {runtime.name!r} ({framework}) is not supported: this SDK does not know how its "
            f"processes are started. Put the code into an image and give trainer=CustomTrainerContainer(image=...). "
            f"Runtimes that take a function: those for {', '.join(takers)}, such as 'torch-distributed'."
        )
    # The command runs on the launcher alone. Its environment has the host file and the slots of each node, and every
    # rank rebuilds the bundle where it runs. The other nodes are reached by ssh, whose sessions do not have the
    # variables of their container: -x brings along the launcher's.
    if odd := [name for name in variables if name.startswith(("python", "torchrun"))]:
        raise InvalidInput(f"mpirun cannot hand on an environment variable of the name {odd[0]!r}: choose another.")
    return ("mpirun", *(word for name in variables for word in ("-x", name)), "python")


def _check_identity(spec: JobSpec, namespace: str | None, job: TrainJob) -> None:
    metadata = job.metadata or ObjectMeta()
    if metadata.name != spec.name:
        raise InvalidInput(
            f"An option changes the job's name from {spec.name!r} to {metadata.name!r}, so that its client would lose "
            "it: leave that out, and name the job with train(name=...)."
        )
    if metadata.namespace != namespace:
        raise InvalidInput(
            f"An option changes the job's namespace to {metadata.namespace!r}: leave that out, and use "
            f"KubernetesBackendConfig(namespace={metadata.namespace!r})."
        )


def _forward_environment(spec: JobSpec, job: TrainJob, one_line: bool) -> None:
    """Let mpirun hand on the variables that options added, from Secrets for example."""
    trainer = job.spec.trainer
    if spec.bundle is None or trainer is None or spec.runtime.trainer.framework not in constants.MPI_FRAMEWORKS:
        return
    names = tuple(variable.name for variable in trainer.env or [])
    before = _command(spec.bundle, spec.runtime, tuple(spec.env), one_line)
    if names != tuple(spec.env) and (trainer.command, trainer.args) == before:
        trainer.command, trainer.args = _command(spec.bundle, spec.runtime, names, one_line)

"""From what the user gave to a `JobSpec`: one plain description of a job that every backend can realise.

Everything that is wrong on every backend is refused here, before anything is sent or started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kubeflow.core.artifact import Artifact, SupportsArtifact
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.search_space import search_spaces, search_spaces_of_function
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.outputs import OUTPUT
from kubeflow.trainer.types.checks import check_annotations, check_labels
from kubeflow.trainer.types.initializers import Initializer, initializer_of
from kubeflow.trainer.types.resources import normalise
from kubeflow.trainer.types.runtimes import Runtime
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer, CustomTrainerContainer, TrainerType

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import Bundle, Hyperparameter

AnyTrainer = CustomTrainer | CustomTrainerContainer | BuiltinTrainer
"""What a job may run."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to the rendered TrainJob, for what only a cluster knows: tolerations, volumes, queues.

    Attributes:
        description: What it changes, in a few words, like `"Toleration"`.
        apply: Changes the TrainJob in place. Edits are applied in order, after all else.
    """

    description: str
    apply: Callable[[v1alpha1.TrainJob], None]

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job, free of any backend. Made by `job_spec`, realised by a `Backend`.

    Attributes:
        name: RFC 1035 label, at most 63 characters.
        runtime: The runtime it runs in; its framework decides the launcher.
        bundle: The packaged train function with its requirements; `None` when the runtime or the image
            brings the code.
        builtin: Settings of the runtime's own trainer.
        command: Command of the nodes instead of the image's or the runtime's; `None` where `bundle` is the code.
        args: Its arguments.
        image: Image of the nodes; `None` keeps the runtime's.
        num_nodes: `None` keeps the runtime's.
        num_proc_per_node: `None` lets it follow from the resources.
        resources: Quantity by Kubernetes resource name, per node; empty keeps the runtime's.
        requests: What a node is promised of them where that is less; the rest is promised as a whole.
        env: Environment variables of the nodes.
        initializer: What is fetched before training.
        output: Where the job leaves what it makes; `None` is the backend's own place.
        labels: Labels of the job.
        annotations: Annotations of the job.
        active_deadline_seconds: The job fails when it is active for longer; `None` is no limit.
        max_restarts: How often torchrun restarts all ranks after one of them failed.
        suspend: Make the job without starting it; `resume_job` (or a queue) starts it.
        edits: What only a cluster can do.
        cluster_options: The options whose changes only a cluster can realise, by name, in order.
        without_cluster_options: The job without any change of these options; `None` when there are none. Backends of
            this machine take it through `on_machine`.
    """

    name: str
    runtime: Runtime
    bundle: Bundle | None = None
    builtin: BuiltinTrainer | None = None
    command: Sequence[str] | None = None
    args: Sequence[str] | None = None
    image: str | None = None
    num_nodes: int | None = None
    num_proc_per_node: int | None = None
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    requests: Mapping[str, str] = field(default_factory=dict[str, str])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    initializer: Initializer | None = None
    output: Artifact | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    active_deadline_seconds: int | None = None
    max_restarts: int = 0
    suspend: bool = False
    edits: Sequence[Edit] = ()
    cluster_options: Sequence[str] = ()
    without_cluster_options: JobSpec | None = field(default=None, repr=False)

    __repr__ = repr_of_fields

    def on_machine(self) -> JobSpec:
        """Return what this machine realises of the job: all but the changes of `cluster_options`."""
        return replace(self.without_cluster_options or self, name=self.name, cluster_options=self.cluster_options)


@runtime_checkable
class Option(Protocol):
    """A change to a job that goes beyond its trainer; `train(options=[...])` applies them in order.

    Those of `kubeflow.trainer.options` derive from it, so that type checkers know a list of several; yours need not.
    An option that adds to `edits`, or has an attribute `cluster_only` that is true, is for clusters as a whole: jobs of
    this machine have nothing of it and say so.
    """

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this option's change; `dataclasses.replace` makes one.

        Raises:
            InvalidInput: When the option contradicts the job.
        """
        ...


def job_spec(
    *,
    name: str,
    runtime: Runtime,
    trainer: AnyTrainer | None = None,
    initializer: Initializer | Artifact | SupportsArtifact | None = None,
    output: Artifact | None = None,
    options: Sequence[Option] | None = None,
    same_python: bool = False,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
) -> JobSpec:
    """Describe the job that `trainer` is, in `runtime`.

    Args:
        name: The job's name.
        runtime: The runtime, as the backend resolved it.
        trainer: What to run; `None` runs what the runtime brings.
        initializer: What is fetched before training.
        output: Where the job leaves what it makes, as `outputs.as_output` returns it.
        options: Applied in order, after all else.
        same_python: True when the job runs under the Python of this process, as `Backend.same_python` says.
        hyperparameters: Arguments of the trainer's code that a search fills in when the job starts, with their types.

    Raises:
        InvalidInput: When the job cannot work on any backend, naming cause and remedy. A `PackagingError`
            when the function cannot be packaged or its arguments do not bind to its signature.
    """
    names.check(name)
    fetched = None if initializer is None else initializer_of(initializer)
    spec = JobSpec(name=name, runtime=runtime, initializer=fetched, output=output)
    if trainer is not None:
        _check_values(trainer, hyperparameters or {})
        spec = _with_trainer(spec, trainer, same_python, hyperparameters or {})
    spec = _with_options(spec, _checked(options))
    names.check(spec.name)
    check_labels("labels", spec.labels)
    check_annotations("annotations", spec.annotations)
    _check_reserved(spec)
    _check_index_credentials(spec)
    return spec


def _with_options(spec: JobSpec, options: Iterable[Option]) -> JobSpec:
    given = spec.name
    on_machine, skipped = spec, list[str]()
    for option in options:
        before, spec = spec, option.apply(spec)
        if spec.name != before.name != given:
            raise InvalidInput(f"Two options name the job, {before.name!r} and {spec.name!r}. Leave one of them out.")
        if getattr(option, "cluster_only", False) or spec.edits != before.edits:
            skipped.append(type(option).__name__)
        else:
            on_machine = option.apply(on_machine) if skipped else spec
    if not skipped:
        return spec
    return replace(spec, cluster_options=tuple(dict.fromkeys(skipped)), without_cluster_options=on_machine)


def _check_values(trainer: AnyTrainer, hyperparameters: Iterable[str]) -> None:
    arguments: tuple[object, ...] = (trainer,)
    if isinstance(trainer, CustomTrainer):
        arguments = (trainer.func_args, trainer.args)
    spaces = [place for given in arguments for place, _ in search_spaces(given)]
    if isinstance(trainer, CustomTrainer):
        given = {*hyperparameters, *(trainer.func_args or {})}
        spaces += [place for place, _ in search_spaces_of_function(trainer.func, given)]
    if spaces:
        places = ", ".join(place.removeprefix("config.") for place in spaces)
        several = len(spaces) > 1
        raise InvalidInput(
            f"{places} {'are search spaces' if several else 'is a search space'}, and a job needs "
            f"{'values' if several else 'a value'}: give the trainer to OptimizerClient().optimize, which runs a job "
            "for each trial, or write a value."
        )


def _with_trainer(
    spec: JobSpec, trainer: AnyTrainer, same_python: bool, hyperparameters: Mapping[str, Hyperparameter]
) -> JobSpec:
    _check_fits(spec.runtime, trainer)
    bundle = _bundle(trainer, same_python, hyperparameters) if isinstance(trainer, CustomTrainer) else None
    settings = trainer.config if isinstance(trainer, BuiltinTrainer) else trainer
    return replace(
        spec,
        bundle=bundle,
        builtin=trainer if isinstance(trainer, BuiltinTrainer) else None,
        image=None if isinstance(trainer, BuiltinTrainer) else trainer.image,
        num_nodes=settings.num_nodes,
        num_proc_per_node=trainer.num_proc_per_node if isinstance(trainer, CustomTrainer) else None,
        resources=normalise(settings.resources_per_node or {}),
        env={} if isinstance(trainer, BuiltinTrainer) else dict(trainer.env or {}),
    )


def _bundle(trainer: CustomTrainer, same_python: bool, hyperparameters: Mapping[str, Hyperparameter]) -> Bundle:
    from kubeflow.packaging import bundle

    return bundle(
        trainer.func,
        module=trainer.module,
        args=trainer.func_args if callable(trainer.func) else trainer.args,
        hyperparameters=hyperparameters,
        code_dir=trainer.code_dir,
        serializer=trainer.serializer,
        same_python=same_python,
        requirements=tuple(trainer.packages_to_install or ()),
        index_urls=tuple(trainer.pip_index_urls),
    )


def _check_fits(runtime: Runtime, trainer: AnyTrainer) -> None:
    builtin = runtime.trainer.trainer_type is TrainerType.BUILTIN_TRAINER
    if builtin and isinstance(trainer, CustomTrainer):
        raise InvalidInput(
            f"Runtime {runtime.name!r} brings its own trainer and takes no function: give it "
            "trainer=BuiltinTrainer(...), or run the function in 'torch-distributed'."
        )
    if not builtin and isinstance(trainer, BuiltinTrainer):
        raise InvalidInput(
            f"Runtime {runtime.name!r} has no trainer of its own, so BuiltinTrainer does not fit: choose a "
            "'torchtune-...' runtime, or give a function with CustomTrainer(func=...)."
        )


def _checked(options: Iterable[object] | None) -> list[Option]:
    if isinstance(options, Option):
        raise InvalidInput(f"options takes a list: write options=[{type(options).__name__}(...)].")
    checked: list[Option] = []
    for option in options or ():
        if isinstance(option, type) or not isinstance(option, Option):
            raise InvalidInput(
                f"options takes objects with `apply(spec: JobSpec) -> JobSpec`, not {option!r}. "
                "Nodes, resources, environment and packages are fields of CustomTrainer."
            )
        checked.append(option)
    return checked


def _check_index_credentials(spec: JobSpec) -> None:
    from kubeflow.packaging.requirements.index_urls import has_credentials

    for name, text in spec.env.items():
        if name.startswith(("PIP_", "UV_")) and any(map(has_credentials, text.split())):
            raise InvalidInput(
                f"env[{name!r}] holds a user name or a password, and everyone who may read the job could read it. On "
                "this machine set it in the environment of this process, or use ~/.netrc; on a cluster give it from a "
                f'Secret: options.SecretEnv("name-of-secret", ["{name}"]).'
            )


def _check_reserved(spec: JobSpec) -> None:
    if OUTPUT in spec.env:
        raise InvalidInput(f"env sets {OUTPUT}, which every job has by itself: leave it out, and give train(output=).")
    if spec.output is not None and spec.runtime.trainer.trainer_type is TrainerType.BUILTIN_TRAINER:
        raise InvalidInput(
            f"output= is for your own code, and runtime {spec.runtime.name!r} brings a trainer that writes to "
            "'/workspace/output': leave output= out."
        )
    # Rule of the Trainer admission webhook, for every torch job from 2.2 on.
    taken = [key for key in constants.TORCH_RESERVED_ENV if key in spec.env]
    if taken and spec.runtime.trainer.framework == "torch":
        raise InvalidInput(
            f"env sets {', '.join(taken)}, which the torch runtime sets itself: leave it out and use num_nodes= "
            "and num_proc_per_node= instead."
        )

"""What options add to the TrainJob of a cluster, kept as data until it is rendered.

All options write one entry of `spec.runtimePatches`, ours; those of other parties (Kueue has one) stay untouched.
Contradictions show when the options are given, on every backend, not first on a cluster.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, InvalidObject
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.jobspec import Edit, JobSpec
from kubeflow.trainer.options._merging import Json, at, merge
from kubeflow.trainer.options._targets import INITIALIZERS, Jobs, targets

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.core.model import Model

    M = TypeVar("M", bound=Model)

MANAGER = "sdk.kubeflow.org/options"
"""The manager of our entry in `spec.runtimePatches`. From Trainer 2.2 on it must have the form `domain/name`."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of our runtime patch; calling it merges it into a TrainJob.

    Attributes:
        content: A `trainingRuntimeSpec` in wire names.
    """

    content: Json

    __repr__ = repr_of_fields

    def __call__(self, job: v1alpha1.TrainJob) -> None:
        """Merge the fragment into our entry of `job`."""
        from kubeflow_api.trainer.v1alpha1 import RuntimePatch

        spec = job.spec
        patches = list(spec.runtime_patches or [])
        ours = next((index for index, patch in enumerate(patches) if patch.manager == MANAGER), len(patches))
        before = patches[ours].to_dict().get("trainingRuntimeSpec") if ours < len(patches) else None
        content = merge(cast("Json | None", before) or {}, self.content)
        patches[ours : ours + 1] = [RuntimePatch.from_dict({"manager": MANAGER, "trainingRuntimeSpec": content})]
        spec.runtime_patches = patches


@dataclass(frozen=True, slots=True)
class Variables:
    """Environment variables whose values only the cluster knows; calling it adds them to a TrainJob.

    Attributes:
        step: `node`, `dataset-initializer` or `model-initializer`.
        entries: `EnvVar` objects in wire names.
    """

    step: str
    entries: tuple[Json, ...]

    __repr__ = repr_of_fields

    def __call__(self, job: v1alpha1.TrainJob) -> None:
        """Add the variables to their step of `job`."""
        from kubeflow_api.k8s.core.v1 import EnvVar

        owner = _owner(job, self.step)
        before = {variable.name: variable.to_dict() for variable in owner.env or []}
        owner.env = [EnvVar.from_dict(entry) for entry in _variables(before, self.entries, self.step)]


def _owner(
    job: v1alpha1.TrainJob, step: str
) -> v1alpha1.Trainer | v1alpha1.DatasetInitializer | v1alpha1.ModelInitializer:
    spec = job.spec
    initializer = spec.initializer
    owners = {
        constants.NODE: spec.trainer,
        constants.DATASET_INITIALIZER: initializer.dataset if initializer else None,
        constants.MODEL_INITIALIZER: initializer.model if initializer else None,
    }
    owner = owners[step]
    if owner is None:
        raise InvalidInput(f"The job has no {step}: give it one with initializer=, or leave job={step!r} out.")
    return owner


def _variables(before: Mapping[str, Json], entries: Iterable[Json], step: str) -> list[Json]:
    found = dict(before)
    for entry in entries:
        name = str(entry["name"])
        if found.setdefault(name, entry) != entry:
            raise InvalidInput(f"The environment variable {name!r} of {step} is set twice. Leave one of them out.")
    return list(found.values())


def with_patch(spec: JobSpec, description: str, content: Json) -> JobSpec:
    """Return `spec` with one more part of our runtime patch.

    Args:
        spec: The job.
        description: What the patch is, in a few words.
        content: A `trainingRuntimeSpec`, by attribute or wire names.

    Raises:
        InvalidInput: When it does not fit the schema, or contradicts an option before.
    """
    from kubeflow_api.trainer.v1alpha1 import TrainingRuntimeSpecPatch

    fragment = Fragment(typed(TrainingRuntimeSpecPatch, content, description).to_dict())
    _check_reserved_env(fragment.content)
    together: Json = {}
    for edit in spec.edits:
        if isinstance(edit.apply, Fragment):
            together = merge(together, edit.apply.content)
    merge(together, fragment.content)
    return replace(spec, edits=(*spec.edits, Edit(description, fragment)))


def with_pods(spec: JobSpec, description: str, pods: Json, job: Jobs) -> JobSpec:
    """Return `spec` with a change to the pods of some of its jobs.

    Args:
        spec: The job.
        description: What the change is, in a few words.
        pods: A `PodSpecPatch`, by attribute or wire names.
        job: The jobs; see `targets`.

    Raises:
        InvalidInput: When it does not fit the schema, or contradicts an option before.
    """
    jobs = [in_job(name, {"spec": {"template": {"spec": pods}}}) for name in targets(spec.runtime, job)]
    return with_patch(spec, description, in_jobs(jobs))


def in_job(name: str, template: Json) -> Json:
    """Return the patch of the job `name`."""
    return {"name": name, "template": template}


def in_jobs(jobs: Iterable[Json]) -> Json:
    """Return the runtime patch that holds the patches `jobs`."""
    return {"template": {"spec": {"replicatedJobs": list(jobs)}}}


def with_variables(spec: JobSpec, description: str, step: str, entries: Iterable[Json]) -> JobSpec:
    """Return `spec` with more environment variables of a step.

    Raises:
        InvalidInput: When `step` has none of its own in a TrainJob, or a variable is set already.
    """
    from kubeflow_api.k8s.core.v1 import EnvVar

    if step not in (constants.NODE, *INITIALIZERS):
        raise InvalidInput(
            f"A TrainJob sets variables of {', '.join((constants.NODE, *INITIALIZERS))}, not of {step!r}: "
            "set it in the runtime, or with ContainerPatch(env=...) for a container of another name."
        )
    given = Variables(step, tuple(typed(EnvVar, entry, description).to_dict() for entry in entries))
    before: dict[str, Json] = {}
    if step == constants.NODE:
        before = {name: {"name": name, "value": value} for name, value in spec.env.items()}
    elif not _has_step(spec, step):
        raise InvalidInput(f"job={step!r} needs an initializer of that kind: give one with initializer=.")
    for edit in spec.edits:
        if isinstance(edit.apply, Variables) and edit.apply.step == step:
            before = {str(entry["name"]): entry for entry in _variables(before, edit.apply.entries, step)}
    _variables(before, given.entries, step)
    return replace(spec, edits=(*spec.edits, Edit(description, given)))


def _has_step(spec: JobSpec, step: str) -> bool:
    if spec.initializer is None:
        return False
    return (spec.initializer.dataset if step == constants.DATASET_INITIALIZER else spec.initializer.model) is not None


def pod_specs(content: Json) -> Iterator[tuple[str, Json]]:
    """Yield the name and the change to the pods of every job that the patch `content`, in wire names, changes."""
    for patch in cast("list[Json]", at(content, "template", "spec").get("replicatedJobs") or []):
        yield str(patch["name"]), at(patch, "template", "spec", "template", "spec")


def _check_reserved_env(content: Json) -> None:
    # Rule of the Trainer admission webhook: these containers get their variables from `trainer` and `initializer`.
    for _, pod in pod_specs(content):
        for key in ("containers", "initContainers"):
            for container in cast("list[Json]", pod.get(key) or []):
                if container.get("env") and container.get("name") in (constants.NODE, *INITIALIZERS):
                    raise InvalidInput(
                        f"A patch may not set variables of container {container['name']!r}, the control plane refuses "
                        "it: use CustomTrainer(env=...), or SecretEnv and ConfigMapEnv for values from the cluster."
                    )


def typed(model: type[M], values: Json, what: str) -> M:
    """Return `values` as a model of the schema.

    Raises:
        InvalidInput: Naming `what`, every wrong field, and the one that was probably meant.
    """
    with in_words(what):
        return model.from_dict(values)


@contextmanager
def in_words(what: str) -> Generator[None]:
    """Turn what a model finds wrong into words.

    Raises:
        InvalidInput: Naming `what`, every wrong field, and the one that was probably meant.
    """
    try:
        yield
    except InvalidObject as error:
        raise InvalidInput(f"{what} does not fit the schema of a TrainJob: {error}") from None

"""Options of a Spark job, applied in order: Spark's own, and those of the trainer where Spark has a place for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.jobs.spark_spec import Role, SparkOption, SparkSpec, Wire
from kubeflow.trainer.jobs.jobspec import Option

ROLES: tuple[Role, ...] = ("driver", "executor")


def with_options(spec: SparkSpec, options: Sequence[SparkOption | Option] | None) -> SparkSpec:
    """Return `spec` with the changes of all options.

    Raises:
        InvalidInput: One of them is none, contradicts another, or changes what only a TrainJob has.
    """
    if isinstance(options, (SparkOption, Option)):
        raise InvalidInput(f"options takes a list: write options=[{type(options).__name__}(...)].")
    given = spec.name
    for option in cast("Sequence[object]", options or ()):
        before = spec
        if isinstance(option, type) or not isinstance(option, (SparkOption, Option)):
            raise InvalidInput(
                f"options takes objects of kubeflow.spark.options, not {option!r}. Executors, resources, settings and "
                "packages are arguments of process_data()."
            )
        spec = option.apply_to_spark(spec) if isinstance(option, SparkOption) else _translated(spec, option)
        if spec.name != before.name != given:
            raise InvalidInput(f"Two options name the job, {before.name!r} and {spec.name!r}. Leave one of them out.")
    return spec


def _translated(spec: SparkSpec, option: Option) -> SparkSpec:
    from kubeflow.trainer.rendering.pod_changes import TRAINS, pod_changes

    changes = pod_changes(option)
    pods: list[tuple[Role, Wire]] = []
    for job, pod in changes.pods:
        roles: Sequence[Role] = ROLES if job == TRAINS else [role for role in ROLES if role == job]
        if not roles:
            raise InvalidInput(
                f"options.{type(option).__name__}: a Spark job has no {job!r}: write job='driver' or job='executor', "
                "or leave job= out for both."
            )
        change: Wire = dict(pod)
        for role in roles:
            pods.append((role, change))
    for variable in changes.variables:
        _check_new(spec, variable)
    changed = replace(
        spec,
        name=spec.name if changes.name is None else changes.name,
        labels={**spec.labels, **changes.labels},
        annotations={**spec.annotations, **changes.annotations},
        suspend=spec.suspend or changes.suspend,
        deadline=spec.deadline if changes.deadline is None else changes.deadline,
        pods=(*spec.pods, *pods),
        variables=(*spec.variables, *(dict(variable) for variable in changes.variables)),
    )
    return changed.for_clusters(type(option).__name__) if getattr(option, "cluster_only", False) else changed


def _check_new(spec: SparkSpec, variable: Mapping[str, object]) -> None:
    name = str(variable["name"])
    if name in spec.env or any(known["name"] == name and known != variable for known in spec.variables):
        raise InvalidInput(f"The environment variable {name!r} is set twice. Leave one of them out.")

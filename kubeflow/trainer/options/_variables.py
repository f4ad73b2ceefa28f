"""Options that fill environment variables from Secrets and ConfigMaps, so that no credential stands in a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from kubeflow.core.display import REFERENCES, repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import with_variables
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.types.checks import check_env, check_object_name, check_strings

VariableStep: TypeAlias = Literal["node", "dataset-initializer", "model-initializer"]
"""Steps whose environment a TrainJob can set."""


@dataclass(frozen=True)
class SecretEnv(Option):
    """Environment variables with values from a Secret that exists, for all nodes.

    Attributes:
        secret: The Secret, in the job's namespace.
        keys: Variable to key of the Secret, or keys that are the names of variables.
        optional: Whether pods start when the Secret or the key is missing; the variable is unset then.
        job: The step whose variables they are.

    Example:
        >>> SecretEnv("wandb", ["WANDB_API_KEY"])
        >>> SecretEnv("registry", {"HF_TOKEN": "token"})
    """

    cluster_only: ClassVar[bool] = True

    secret: str
    keys: Mapping[str, str] | Sequence[str] = field(metadata=REFERENCES)
    optional: bool = False
    job: VariableStep = "node"

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("SecretEnv secret", self.secret)
        _check_keys("SecretEnv keys", self.keys)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these variables."""
        entries = _entries("secret_key_ref", self.secret, self.keys, self.optional)
        return with_variables(spec, f"Variables of secret {self.secret}", self.job, entries)


@dataclass(frozen=True)
class ConfigMapEnv(Option):
    """Environment variables with values from a ConfigMap that exists, for all nodes.

    Attributes:
        config_map: The ConfigMap, in the job's namespace.
        keys: Variable to key of the ConfigMap, or keys that are the names of variables.
        optional: Whether pods start when the ConfigMap or the key is missing; the variable is unset then.
        job: The step whose variables they are.
    """

    cluster_only: ClassVar[bool] = True

    config_map: str
    keys: Mapping[str, str] | Sequence[str] = field(metadata=REFERENCES)
    optional: bool = False
    job: VariableStep = "node"

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("ConfigMapEnv config_map", self.config_map)
        _check_keys("ConfigMapEnv keys", self.keys)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these variables."""
        entries = _entries("config_map_key_ref", self.config_map, self.keys, self.optional)
        return with_variables(spec, f"Variables of config map {self.config_map}", self.job, entries)


def _check_keys(field: str, keys: Mapping[str, str] | Sequence[str]) -> None:
    if isinstance(keys, Mapping):
        check_env(field, keys)
    else:
        check_strings(field, keys)
    if not keys:
        raise InvalidInput(f"{field} names the variables to set, like ['HF_TOKEN']: it must not be empty.")


def _entries(source: str, name: str, keys: Mapping[str, str] | Sequence[str], optional: bool) -> list[Json]:
    pairs = keys if isinstance(keys, Mapping) else {key: key for key in keys}
    extra: Json = {"optional": True} if optional else {}
    return [
        {"name": variable, "value_from": {source: {"name": name, "key": key, **extra}}}
        for variable, key in pairs.items()
    ]


thin_all(globals())

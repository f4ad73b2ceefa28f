"""`JobName`: the name of a job, for type checkers also the type of what the job's function returns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Generic, Self

if TYPE_CHECKING:
    from typing_extensions import TypeVar
    from yaml.nodes import Node

    # The default keeps `CustomTrainer` and `JobName` without arguments valid in strict mode (PEP 696).
    R_co = TypeVar("R_co", covariant=True, default=object)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", covariant=True)


class JobName(str, Generic[R_co]):
    """The name of a job, as `TrainerClient.train` returns it: a `str` in every respect.

    The type argument is what the job's function returns, so that `get_job_result` has a type. It exists for type
    checkers only. An async function stands as the awaitable that it returns; `get_job_result` gives what that yields.

    A pickle, a bundle of a train function and a YAML document hold a plain `str`: they are read where this package may
    not be installed. (PyYAML must be imported before the job is made; `str(name)` is always plain.)

    Example:
        >>> name = client.train(train_func=fit)  # def fit() -> dict[str, float]
        >>> client.get_job_result(name)["loss"]
    """

    __slots__ = ()

    # Read by the codec of `kubeflow.packaging`, which knows nothing of jobs.
    __sent_as__ = str

    def __new__(cls, name: str) -> Self:  # noqa: D102  # `str`'s own, but for PyYAML
        if "yaml" in sys.modules:
            _register_yaml()
        return super().__new__(cls, name)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


def _register_yaml() -> None:
    """Let PyYAML write a job's name as text; it takes no subclass of `str` by itself."""
    from yaml.representer import Representer, SafeRepresenter

    def text(dumper: SafeRepresenter, name: JobName[Any]) -> Node:
        return dumper.represent_str(str(name))

    for representer in (SafeRepresenter, Representer):
        representer.add_multi_representer(JobName, text)

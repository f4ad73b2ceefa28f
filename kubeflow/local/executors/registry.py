"""The executors by name. A new one gets a line here, and a module that is loaded when a job names it."""

from __future__ import annotations

from collections.abc import Callable

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.executor import NodeExecutor


def _process() -> NodeExecutor:
    from kubeflow.local.executors.process import ProcessExecutor

    return ProcessExecutor()


def _container() -> NodeExecutor:
    from kubeflow.local.executors.containers.container_executor import ContainerExecutor

    return ContainerExecutor()


_EXECUTORS: dict[str, Callable[[], NodeExecutor]] = {"process": _process, "container": _container}


def check(name: str) -> None:
    """Make sure that there is an executor of that name; none is loaded.

    Raises:
        InvalidInput: When this version has none, as for the job of a newer one.
    """
    if name not in _EXECUTORS:
        raise InvalidInput(
            f"This version of kubeflow has no executor {name!r}, which the job names (it has "
            f"{', '.join(_EXECUTORS)}): use the version that made the job."
        )


def executor(name: str) -> NodeExecutor:
    """Return a new executor for one job.

    Args:
        name: As the job's plan has it.

    Raises:
        InvalidInput: As `check` does.
    """
    check(name)
    return _EXECUTORS[name]()

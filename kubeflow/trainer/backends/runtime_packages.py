"""What is inside a runtime, told by a short job that runs in it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kubeflow.core.errors import KubeflowError
from kubeflow.core.stdlib import inspect
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import JobFailed, JobWaitTimeout
from kubeflow.trainer.jobs.fresh_names import fresh_name
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.jobs.waiting import wait_for_status
from kubeflow.trainer.types.runtimes import Runtime

logger = logging.getLogger(__name__)

# Seconds until the list must be there: time for an image of many gigabytes to be pulled.
_TIMEOUT = 900.0

_BEGIN, _END = "== kubeflow: what is in this runtime ==", "== kubeflow: end =="

# Runs in the runtime's own Python, whatever version that is; it must need nothing but the standard library.
_SCRIPT = inspect.cleandoc(f"""
    import os, platform, shutil, subprocess, sys
    print({_BEGIN!r})
    print("Python", platform.python_version(), "(" + sys.executable + ")")
    try:
        from importlib.metadata import distributions
        found = {{d.metadata["Name"] + "==" + d.version for d in distributions() if d.metadata["Name"]}}
        print("\\n".join(sorted(found, key=str.lower)))
    except ImportError:
        print("(packages cannot be listed before Python 3.8)")
    sys.stdout.flush()
    for tool in "nvidia-smi -L", "rocm-smi --showproductname", "neuron-ls", "npu-smi info", "hl-smi -L":
        if shutil.which(tool.split()[0]):
            subprocess.call(tool.split(), stderr=subprocess.STDOUT)
    print("CPUs:", os.cpu_count())
    print({_END!r})
    sys.stdout.flush()
""")


def runtime_packages(backend: Backend, runtime: Runtime, timeout: float = _TIMEOUT) -> str:
    """Return Python, its packages and the devices of a node of `runtime`, as text; see `Backend.get_runtime_packages`.

    Runs one job of one node and deletes it, whatever comes of it.

    Args:
        backend: Runs it.
        runtime: The runtime.
        timeout: Seconds until it must have said so.

    Raises:
        KubeflowError: When the job fails, or does not end in time: with the reason.
    """
    spec = JobSpec(
        name=fresh_name("packages"),
        runtime=runtime,
        command=("python3", "-c", _SCRIPT),
        args=(),
        num_nodes=1,
        annotations={"sdk.kubeflow.org/purpose": "runtime-packages"},
    )
    backend.train(spec)
    try:
        wait_for_status(backend, spec.name, {constants.TRAINJOB_COMPLETE}, timeout=timeout, polling_interval=timeout)
        lines = list(backend.get_job_logs(spec.name, LogSelection(FirstNode.STEP)))
    except JobFailed as error:
        raise KubeflowError(
            f"The packages of runtime {runtime.name!r} cannot be listed, because the job that lists them failed: "
            f"{error.reason}"
        ) from error
    except JobWaitTimeout as error:
        raise KubeflowError(
            f"The packages of runtime {runtime.name!r} could not be listed within {timeout:g} s: the job that lists "
            f"them did not get there, and has been deleted.\n{error.explanation}"
        ) from error
    finally:
        _clean_up(lambda: backend.delete_job(spec.name), spec.name)
    return "\n".join(_between(lines))


def _clean_up(delete: Callable[[], None], name: str) -> None:
    try:
        delete()
    except KubeflowError as error:
        logger.warning("TrainJob %s, which listed packages, may be left: %s", name, error)


def _between(lines: list[str]) -> list[str]:
    begin = lines.index(_BEGIN) + 1 if _BEGIN in lines else 0
    end = lines.index(_END) if _END in lines else len(lines)
    return lines[begin:end]

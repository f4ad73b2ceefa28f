"""The job of a service: one node, the keeper, which is started again when it is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from kubeflow.core.quantity import Quantity
from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.store.leases import whole_cpus
from kubeflow.trainer.errors import Unsupported

NODE = "server"
"""The only node of a service's job, and the replica that its log is read by."""

STORE = "services"
"""The folder of the state directory with the services, which no trainer lists."""

_FOR_EVER = 365_000.0  # days: a service is kept until somebody deletes it
# The keeper is started again when it is killed. The shell alone gets TERM when its supervisor dies, and ignores it: the
# service is to answer until the next client looks. Who ends the job sends TERM to the keeper too.
_AGAIN = (
    'trap "" TERM; left=100; while :; do "$@"; code=$?; [ "$code" -lt 128 ] && exit "$code"; '
    'left=$((left - 1)); [ "$left" -gt 0 ] || exit "$code"; sleep 0.1; done'
)
_RUN = (
    "import sys; from pathlib import Path; sys.path.extend(sys.argv[2:]); "
    "from kubeflow.kserve.backends.local.service_keeper import main; main(Path(sys.argv[1]))"
)


def service_plan(
    name: str, places: Places, resources: Mapping[str, str], *, labels: Mapping[str, str], grace: float
) -> JobPlan:
    """Return the plan of a service's job.

    Args:
        name: The service.
        places: Of the job.
        resources: Quantity by Kubernetes resource name.
        labels: For those who list services.
        grace: Seconds that requests get when the service ends.

    Raises:
        Unsupported: It asks for devices.
    """
    cpus, memory = limits(resources)
    root = str(Path(__file__).absolute().parents[4])
    # -P: a file of the user's that happens to be called random.py must not shadow the library.
    command = [sys.executable, "-P", "-W", "ignore", "-c", _RUN, str(places.directory), root]
    env = {key: text for key, text in os.environ.items() if key not in (MARK, SUPERVISES)}
    node = NodePlan(NODE, argv=("/bin/sh", "-c", _AGAIN, "sh", *command), env=env, cpus=cpus, memory=memory)
    return JobPlan(
        name,
        stages=((node,),),
        cwd=os.getcwd(),  # noqa: PTH109 - what a relative path of the function's means
        grace=grace + 5,  # the keeper ends its servers first
        labels=dict(labels),
        keep_days=_FOR_EVER,
        keep_jobs=1_000_000,
    )


def limits(resources: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return the CPUs and the bytes of memory that resources ask for; `None` for no limit.

    Raises:
        Unsupported: Devices are asked for.
    """
    others = [name for name in resources if name not in ("cpu", "memory", "ephemeral-storage")]
    if others:
        raise Unsupported(
            f"resources asks for {', '.join(others)}, and services of this machine predict on CPUs: they know 'cpu' "
            "and 'memory'. Leave it out, or make the service for a cluster with dry_run=True."
        )
    cpu, memory = resources.get("cpu"), resources.get("memory")
    return (
        whole_cpus(float(Quantity(cpu))) if cpu else None,
        int(Quantity(memory)) if memory else None,
    )


def checked_interpreter(python: object) -> None:
    """Refuse another interpreter than this one.

    Raises:
        Unsupported: One was given.
    """
    if python is not None:
        raise Unsupported(
            f"LocalProcessBackendConfig(python={python!r}) is for jobs: services run in the interpreter that makes "
            "them. Leave python= out."
        )


def check_system() -> None:
    """Refuse a system without sessions and signals.

    Raises:
        Unsupported: It is Windows.
    """
    if os.name != "posix":
        raise Unsupported("Services of this machine need Linux or macOS: use WSL.")

"""The runtimes of this machine: the names that Kubeflow Trainer ships, and what is missing here to run each of them."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass

from kubeflow.local.devices import visible_gpus
from kubeflow.trainer.errors import RuntimeMissesPackage, RuntimeMissesProgram, Unsupported
from kubeflow.trainer.runtimes.shipped import FRAMEWORKS, MODELS, shipped_runtime
from kubeflow.trainer.types.runtimes import Runtime, RuntimeTrainer
from kubeflow.trainer.types.trainers import TrainerType

MPI = "mpirun"
TUNE = "tune"
_DATA_CACHE = "data cache"
_IMAGE = "local"


@dataclass(frozen=True, slots=True)
class _Needs:
    """What runs the processes of a framework, and what that takes.

    Attributes:
        command: The launcher.
        package: The Python package that must be there, by the name of its module and of its project; empty for none.
        programs: Programs that must be on the path.
    """

    command: tuple[str, ...]
    package: str = ""
    programs: tuple[str, ...] = ()


_NEEDS = {
    "torch": _Needs(("torchrun",), "torch"),
    "jax": _Needs(("python",), "jax"),
    "xgboost": _Needs(("python",), "xgboost"),
    "deepspeed": _Needs((MPI,), "deepspeed", (MPI,)),
    "mlx": _Needs((MPI,), "mlx", (MPI,)),
    "torchtune": _Needs((TUNE, "run"), programs=(TUNE,)),  # the program comes with the package
    "mpi": _Needs((MPI,), programs=(MPI,)),
    "plain": _Needs(("python",)),
}
# How to get what pip does not install, per program.
_PROGRAMS = {
    MPI: "install Open MPI (`apt-get install openmpi-bin`, or `brew install open-mpi`)",
    TUNE: "run `pip install 'kubeflow[torchtune]'`",
}


def local_runtimes() -> list[Runtime]:
    """Return the runtimes of this machine, those that cannot run here included."""
    return [local_runtime(name) for name in FRAMEWORKS]


def local_runtime(name: str) -> Runtime:
    """Return one runtime; its devices are those of this machine.

    Args:
        name: Its name, or what `names.runtime_meant` takes for it.

    Raises:
        RuntimeNotFound: With the names that exist.
    """
    shipped = shipped_runtime(name)
    framework = shipped.trainer.framework
    gpus = len(visible_gpus())
    return Runtime(
        name=shipped.name,
        trainer=RuntimeTrainer(
            trainer_type=shipped.trainer.trainer_type,
            framework=framework,
            image=_IMAGE,
            device="gpu" if gpus else "cpu",
            device_count=str(gpus or os.cpu_count()),
            command=_NEEDS[framework].command,
        ),
        kind=shipped.kind,  # what the same name stands for on a cluster
        pretrained_model=MODELS.get(shipped.name),
        missing=_missing(shipped.name, framework),
    )


def check_runnable(runtime: Runtime, packages: Iterable[str], python: str | None = None) -> None:
    """Refuse a runtime that cannot run here.

    Args:
        runtime: The runtime; what it misses is looked up anew.
        packages: Projects that the job installs for itself.
        python: The Python that the job runs in, where that is not this one: it has nothing but `packages`.

    Raises:
        RuntimeMissesPackage: With what to install.
        RuntimeMissesProgram: With how to install it.
        Unsupported: For what only a cluster has.
    """
    from packaging.utils import canonicalize_name

    framework = runtime.trainer.framework
    if framework not in _NEEDS:
        raise Unsupported(
            f"Local processes do not know how runtime {runtime.name!r} starts its processes ({framework}): take one of "
            f"{', '.join(FRAMEWORKS)}, or make the job for a cluster with dry_run=True."
        )
    missing = _missing(runtime.name, framework)
    if _DATA_CACHE in missing:
        raise Unsupported(
            f"Runtime {runtime.name!r} reads from a distributed data cache, which only a cluster has: use "
            "'torch-distributed' here."
        )
    needs = _NEEDS[framework]
    installed = {canonicalize_name(package) for package in packages}
    if needs.package and needs.package not in installed and (python is not None or needs.package in missing):
        raise RuntimeMissesPackage(
            runtime.name, needs.package, sys.executable if python is None else python, own=python is None
        )
    for program in needs.programs:
        if program in missing:
            raise RuntimeMissesProgram(runtime.name, program, _PROGRAMS[program])


def describe(runtime: Runtime) -> str:
    """Return this interpreter, its packages and the devices of this machine, and what `runtime` misses, as text."""
    from importlib.metadata import distributions

    packages = sorted({f"{d.name}=={d.version}" for d in distributions() if d.name}, key=str.lower)
    gpus = visible_gpus()
    missing = _missing(runtime.name, runtime.trainer.framework) if runtime.trainer.framework in _NEEDS else ()
    return "\n".join(
        [
            f"Python {platform.python_version()} ({sys.executable})",
            *packages,
            f"GPUs: {', '.join(gpus) if gpus else 'none'}; CPUs: {os.cpu_count()}",
            *([f"Missing for {runtime.name}: {', '.join(missing)}"] if missing else []),
        ]
    )


def find_program(program: str) -> str | None:
    """Return the path of a program: beside this interpreter, where pip puts scripts, else on the path."""
    return shutil.which(program, path=sysconfig.get_path("scripts")) or shutil.which(program)


def brings_trainer(runtime: Runtime) -> bool:
    """Return whether `runtime` has a trainer of its own and takes no function."""
    return runtime.trainer.trainer_type is TrainerType.BUILTIN_TRAINER


def _missing(name: str, framework: str) -> tuple[str, ...]:
    needs = _NEEDS[framework]
    package = (needs.package,) if needs.package and importlib.util.find_spec(needs.package) is None else ()
    programs = tuple(program for program in needs.programs if find_program(program) is None)
    cluster = (_DATA_CACHE,) if name.endswith("-with-cache") else ()
    return (*package, *programs, *cluster)

"""The Python that this runs in: its version, the SDK, and which extras are installed."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING

import kubeflow
from kubeflow.core.errors import InvalidInput
from kubeflow.doctor.health import HealthFinding, bad, broken, missing, ok
from kubeflow.trainer.backends.registry import BACKEND_VARIABLE, BACKENDS, default_config

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_PROJECT = "kubeflow"
_LEAST = (3, 11)
OPENS: Mapping[str, str] = {
    "cli": "the command `kubeflow`",
    "examples": "functions that use torch and scikit-learn, on this machine",
    "cloudpickle": 'serializer="cloudpickle" for functions that have no source',
    "huggingface": "initializers of jobs on this machine that fetch from the Hugging Face Hub",
    "s3": "initializers of jobs on this machine, and artifacts, in S3",
    "torchtune": "BuiltinTrainer on this machine",
    "container": "jobs in containers of this machine",
    "optimizer": "searches by more than random draws and grids",
    "serving": "models that are served on this machine",
    "hub": "uploads of the artifacts of models",
    "pipelines": "pipelines of Kubeflow",
    "spark": "data that is prepared with Spark on this machine, and sessions",
    "plots": "tables and pictures of searches",
}
"""Extra -> what it opens. Extras for work on the SDK itself, and second names, are left out."""


def python_checks() -> Iterator[HealthFinding]:
    """Yield the findings of this Python."""
    version = platform.python_version()
    if sys.version_info < _LEAST:
        yield broken("Python", f"{version} at {sys.executable}", "Use Python 3.11 or later.")
    else:
        yield ok("Python", f"{version} at {sys.executable}")
    try:
        installed = metadata.version(_PROJECT)
    except metadata.PackageNotFoundError:
        yield missing(
            "kubeflow", f"{kubeflow.__version__}, used from a folder and not installed", "pip install kubeflow"
        )
        return
    if installed != kubeflow.__version__:
        yield broken(
            "kubeflow",
            f"{kubeflow.__version__} is imported from {kubeflow.__path__[0]}, and {installed} is installed",
            "Start Python elsewhere, or take the other one out of PYTHONPATH.",
        )
    else:
        yield ok("kubeflow", installed)
    yield _default_backend()
    for extra, opens in OPENS.items():
        yield _extra(extra, opens)


def _default_backend() -> HealthFinding:
    name = "default backend"
    try:
        chosen = default_config()
    except InvalidInput as error:
        return bad(name, error, asked=True)
    known = next(known for known, entry in BACKENDS.items() if entry.config is type(chosen))
    said = BACKEND_VARIABLE if os.environ.get(BACKEND_VARIABLE, "").strip() else f"{BACKEND_VARIABLE} is not set"
    return ok(name, f"{known} ({said}): where clients run jobs that are told nothing else")


def lacking(extra: str) -> list[str]:
    """Return what of an extra is not installed, or too old, as requirements; empty when all of it is there."""
    found: list[str] = []
    for requirement in _requirements(extra):
        if requirement.name == _PROJECT:
            for part in sorted(requirement.extras):
                found += lacking(part)
            continue
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(str(requirement).partition(";")[0].strip())
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            found.append(f"{requirement.name}{requirement.specifier} ({installed} is installed)")
    return list(dict.fromkeys(found))


def _extra(extra: str, opens: str) -> HealthFinding:
    name = f"kubeflow[{extra}]"
    if absent := lacking(extra):
        return missing(name, f"{opens}: needs {', '.join(absent)}", f"pip install 'kubeflow[{extra}]'")
    return ok(name, opens)


@lru_cache(maxsize=1)
def _all_requirements() -> tuple[Requirement, ...]:
    from packaging.requirements import Requirement

    return tuple(Requirement(text) for text in metadata.requires(_PROJECT) or ())


def _requirements(extra: str) -> list[Requirement]:
    """Return what an extra adds to the dependencies that everybody has."""
    chosen: list[Requirement] = []
    for requirement in _all_requirements():
        marker = requirement.marker
        if marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            chosen.append(requirement)
    return chosen

"""This machine: processors and memory, accelerators and whether torch sees them, and where local jobs are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from kubeflow.core.stdlib import json
from kubeflow.doctor.health import HealthFinding, broken, missing, ok
from kubeflow.local.devices import VISIBLE, visible_gpus
from kubeflow.local.state import STATE_DIR_VARIABLE, state_dir

GIB = 1 << 30
_LEAST_DISK = 1 * GIB  # a virtual environment with torch for CPUs takes about as much
_NVIDIA_SMI = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
# A process of its own: torch takes seconds to import, and a driver that hangs hangs whoever asks it.
_ASK_TORCH = (
    "import json, torch; mps = getattr(torch.backends, 'mps', None); "
    "print(json.dumps([torch.cuda.device_count(), bool(mps and mps.is_available())]))"
)


def hardware_checks(seconds: float) -> Iterator[HealthFinding]:
    """Yield what this machine computes with.

    Args:
        seconds: Seconds that a program of the driver may take, and torch.
    """
    import psutil

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    yield ok("processors", f"{cpus} CPUs, {memory.total / GIB:.1f} GiB of memory, {memory.available / GIB:.1f} free")
    gpus = visible_gpus()
    if gpus:
        yield ok("accelerators", f"{len(gpus)} NVIDIA GPUs: {_gpu_names(seconds) or ', '.join(gpus)}")
    elif os.environ.get(VISIBLE) is not None:
        yield missing(
            "accelerators",
            f"{VISIBLE}={os.environ[VISIBLE]!r} hides all GPUs of this machine",
            f"unset {VISIBLE}, if jobs of this machine should have them.",
        )
    elif sys.platform != "darwin":
        yield missing(
            "accelerators",
            "no GPU of NVIDIA has a device file in /dev",
            "Nothing, for CPUs. If there is one, install NVIDIA's driver, or start the container of this process with "
            "its GPUs (`docker run --gpus all`).",
        )
    yield from _torch(gpus, seconds)


def _torch(gpus: list[str], seconds: float) -> Iterator[HealthFinding]:
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        yield missing(
            "torch",
            "not installed; only functions that run on this machine need it",
            "pip install 'kubeflow[examples]', or the build for your GPUs: https://pytorch.org/get-started/locally/",
        )
        return
    if not gpus and sys.platform != "darwin":
        yield ok("torch", version)
        return
    command = [sys.executable, "-c", _ASK_TORCH]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        yield broken("torch", f"{version} did not say within {seconds:g} seconds which GPUs it sees", "Try nvidia-smi.")
        return
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield broken("torch", f"{version} cannot be imported: {said}", "Install torch again.")
        return
    count, metal = json.loads(done.stdout.strip().splitlines()[-1])
    if sys.platform == "darwin":
        yield ok("torch", f"{version}, {'with' if metal else 'without'} Metal (mps)")
    elif count < len(gpus):
        yield broken(
            "torch",
            f"{version} sees {count} of {len(gpus)} GPUs",
            "Install a build for CUDA that the driver takes: https://pytorch.org/get-started/locally/",
        )
    else:
        yield ok("torch", f"{version} sees {count} GPUs")


def _gpu_names(seconds: float) -> str:
    """Return models and memory of all GPUs as the driver's own program says them; empty where there is none."""
    if shutil.which(_NVIDIA_SMI[0]) is None:
        return ""
    try:
        done = subprocess.run(_NVIDIA_SMI, capture_output=True, text=True, check=False, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "; ".join(line.strip() for line in done.stdout.splitlines()) if done.returncode == 0 else ""


def state_checks() -> Iterator[HealthFinding]:
    """Yield whether local jobs can be kept, and how much room they have."""
    name = "state directory"
    place = state_dir()
    there = next(path for path in (place, *place.parents) if path.exists())
    remedy = f"Set {STATE_DIR_VARIABLE} to a directory that you may write to."
    if not there.is_dir():
        yield broken(name, f"{place} cannot be made: {there} is no directory", remedy)
        return
    try:
        if there == place:
            with tempfile.TemporaryFile(dir=place):
                pass
        elif not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(f"{there} may not be written to")
    except OSError as error:
        yield broken(name, f"{place} cannot be written to: {error.strerror or error}", remedy)
        return
    yield ok(name, f"{place}{'' if there == place else ', made by the first job'}")
    yield _disk(there)


def _disk(there: Path) -> HealthFinding:
    disk = shutil.disk_usage(there)
    words = f"{disk.free / GIB:.1f} of {disk.total / GIB:.1f} GiB free below the state directory"
    if disk.free < _LEAST_DISK:
        return broken(
            "disk", words, f"Make room, delete jobs that are not needed, or set {STATE_DIR_VARIABLE} to another disk."
        )
    return ok("disk", words)

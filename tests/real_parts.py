"""Which real parts of the world tests had to do without: counted by name at the end of a run.

A test that needs an API server, MPI or a container engine is skipped where there is none. That is right on a laptop, and
wrong where the part was installed for it: `KUBEFLOW_TEST_REQUIRED`, a list of names with commas, fails such a run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

REQUIRED = "KUBEFLOW_TEST_REQUIRED"
# Name -> what the reasons of skipped tests say of it. The first that fits counts.
PARTS = {
    "API server": r"API server",
    "measured files": r"measured files",
    "upstream releases": r"KUBEFLOW_TEST_UPSTREAM|releases",
    "registry": r"KUBEFLOW_TEST_REGISTRY|package index",
    "MPI": r"\bMPI\b|mpirun",
    "openssl": r"openssl",
    "podman": r"podman",
    "docker": r"docker",
    "Chromium": r"[Cc]hromium",
    "Java": r"[Jj]ava\b",
    "uv": r"\buv\b",
    "JAX": r"\bjax\b",
    "PyTorch": r"\btorch\b",
    "huggingface_hub": r"huggingface",
    "S3": r"boto3|moto",
    "another Python": r"no Python before|system's Python|interpreters of pyenv",
    "root": r"changes the user|may not make devices|\broot\b",
}
OTHERS = "others"


def part(reason: str) -> str:
    """Return the name of the part that a test was skipped for."""
    return next((name for name, pattern in PARTS.items() if re.search(pattern, reason)), OTHERS)


def required() -> set[str]:
    """Return the parts that must be there.

    Raises:
        ValueError: For a name that is none: a run that requires it would never fail.
    """
    names = {name.strip() for name in os.environ.get(REQUIRED, "").split(",") if name.strip()}
    if unknown := names - {*PARTS, OTHERS}:
        raise ValueError(f"{REQUIRED} names {', '.join(sorted(unknown))}; known are {', '.join(PARTS)}.")
    return names


def summary(reasons: Sequence[str]) -> list[str]:
    """Return the last lines of a run: each part, how many tests it left out, and the reason of the first of them."""
    if not reasons:
        return ["Real parts: all were there, no test was skipped."]
    names = [part(reason) for reason in reasons]
    first = dict(zip(reversed(names), reversed(reasons), strict=True))
    lines = [f"  {name:<18}{names.count(name):>5}  {first[name].removeprefix('Skipped: ')}" for name in sorted(first)]
    return [f"Real parts that were not there, and how many tests were skipped for each ({len(names)}):", *lines]


def missing(reasons: Sequence[str]) -> list[str]:
    """Return the parts that tests were skipped for although they are required."""
    return sorted(required() & {part(reason) for reason in reasons})

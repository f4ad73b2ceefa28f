"""What an installation weighs: packages and bytes of a virtual environment, without pip and compiled files."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_BESIDE = ("pip", "setuptools", "wheel")  # what environments come with


@dataclass(frozen=True, slots=True)
class Installed:
    """Size of an installation.

    Attributes:
        packages: Names and versions, sorted.
        bytes: Of all files that the packages installed, without `.pyc`: those depend on what was imported.
        largest: Package -> bytes of the five largest.
    """

    packages: Sequence[str]
    bytes: int
    largest: dict[str, int]


def measure(environment: Path) -> Installed:
    """Return what is installed in the virtual environment at `environment`."""
    (site,) = environment.glob("lib/python*/site-packages")
    sizes: dict[str, int] = {}
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        name = distribution.metadata["Name"]
        if name.lower() not in _BESIDE:
            files = {Path(str(file.locate())) for file in distribution.files or () if file.suffix != ".pyc"}
            sizes[f"{name}=={distribution.version}"] = sum(file.stat().st_size for file in files if file.is_file())
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    return Installed(sorted(sizes), sum(sizes.values()), dict(largest))

"""Whether a file is the user's own, or belongs to the interpreter or to an installed package.

The interpreter's own folders are known to `sysconfig` and `site`. In any other folder the metadata of distributions
decides (`*.dist-info/RECORD`, `installed-files.txt`, an egg): what `pip install --target` put there is installed,
what lies beside it is the user's. Packages installed in editable form have their files elsewhere and stay the user's:
the image of a job has never heard of them.
"""

from __future__ import annotations

import csv
import functools
import importlib.metadata
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from kubeflow.core.stdlib import os


def is_users(path: Path, entry: Path | None = None) -> bool:
    """Say whether a file belongs to the user rather than to the interpreter or an installed package.

    Args:
        path: The file.
        entry: The folder (or zip file) of the module path that its top-level module was found in. Without it,
            every entry of `sys.path` above the file counts.
    """
    if _in_installed_folder(path.parent):
        return False
    entries = [entry] if entry is not None else [Path(p) for p in sys.path if p and path.is_relative_to(p)]
    return not any(_is_installed_in(path, folder) for folder in entries)


def is_interpreters(path: Path) -> bool:
    """Say whether a file lies in a folder that this interpreter has on its module path by itself."""
    return any(path.is_relative_to(folder) for folder in _installed_folders())


@functools.cache
def _installed_folders() -> tuple[Path, ...]:
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages()}
    if spark := os.environ.get("SPARK_HOME"):  # its archive has `python/pyspark` without metadata
        paths.add(spark)
    found = {Path(p) for p in paths}
    return tuple(found | {p.resolve() for p in found})


@functools.cache
def _in_installed_folder(folder: Path) -> bool:
    if "site-packages" in folder.parts or "dist-packages" in folder.parts:
        return True
    return any(folder.is_relative_to(installed) for installed in _installed_folders())


def _is_installed_in(path: Path, entry: Path) -> bool:
    if entry.suffix == ".egg":
        return True
    try:
        changed = entry.stat().st_mtime_ns
        relative = path.relative_to(entry).as_posix()
    except (OSError, ValueError):
        return False
    files, names = _recorded(entry, changed)
    return relative in files or relative.partition("/")[0].partition(".")[0] in names


@functools.cache
def _recorded(entry: Path, changed: int) -> tuple[frozenset[str], frozenset[str]]:
    """Return the files, and the top-level names, that distributions have put into one entry of the module path.

    `changed` is the entry's time of change: installing one more package is seen.
    """
    files: set[str] = set()
    names: set[str] = set()
    for found in importlib.metadata.distributions(path=[str(entry)]):
        files.update(_files(found))
        if found.read_text("RECORD") is None and found.read_text("WHEEL") is not None:
            names.update((found.read_text("top_level.txt") or found.metadata["Name"].replace("-", "_")).split())
    return frozenset(files), frozenset(names)


def _files(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    if (record := distribution.read_text("RECORD")) is not None:
        for row in csv.reader(record.splitlines()):
            if row:
                yield row[0]
    # Written by pip for what has no wheel, relative to the metadata. A source tree's `*.egg-info` has none.
    elif (installed := distribution.read_text("installed-files.txt")) is not None:
        for line in installed.splitlines():
            yield os.path.normpath(f"metadata/{line}").replace(os.sep, "/")

"""What of a bundle stands on a Kubernetes object, and how to get the bundle back from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import os
from kubeflow.packaging.bundles.bundle import Bundle
from kubeflow.packaging.bundles.encoding import Unpacked, decode_command

_PREFIX = "sdk.kubeflow.org/"


def bundle_annotations(bundle: Bundle) -> dict[str, str]:
    """Return the annotations that say on the Kubernetes object what it runs: name and digest."""
    return {
        f"{_PREFIX}function": bundle.name,
        f"{_PREFIX}bundle-digest": f"sha256:{bundle.digest}",
    }


def unpack_object(document: object) -> Unpacked:
    """Take the bundle out of a Kubernetes object: a TrainJob, or anything with a container that runs one.

    Args:
        document: The parsed YAML or JSON.

    Raises:
        DamagedBundle: When no command in it holds a bundle, or the bundle does not match its digest.
    """
    commands = list(_commands(document))
    for command, environ in commands:
        if any("kubeflow: this job cannot start" in word for word in command):
            return decode_command(command, environ)
    return decode_command([])


def _commands(node: object) -> Iterator[tuple[list[str], dict[str, str]]]:
    if isinstance(node, dict):
        fields = cast("dict[str, object]", node)
        words = [str(w) for key in ("command", "args") for w in _items(fields.get(key))]
        if words:
            variables = [cast("dict[str, object]", v) for v in _items(fields.get("env")) if isinstance(v, dict)]
            yield words, {str(v.get("name")): str(v.get("value", "")) for v in variables}
        for value in fields.values():
            yield from _commands(value)
    elif isinstance(node, list):
        for value in _items(cast("list[object]", node)):
            yield from _commands(value)


def _items(node: object) -> list[object]:
    return cast("list[object]", node) if isinstance(node, list) else []


def write_files(unpacked: Unpacked, directory: str | os.PathLike[str]) -> list[Path]:
    """Write a bundle's files below a new or empty directory. Returns their paths.

    Raises:
        InvalidInput: When the directory holds something already, or a name in the bundle leads out of it.
    """
    root = Path(directory)
    if root.exists() and any(root.iterdir()):
        raise InvalidInput(f"{root} is not empty: name a new directory.")
    for name in unpacked.files:
        if name.startswith("/") or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise InvalidInput(f"The bundle holds a file name that leads out of it: {name!r}. Nothing was written.")
    written: list[Path] = []
    for name, content in unpacked.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if name in unpacked.executable:
            path.chmod(0o755)
        written.append(path)
    return written

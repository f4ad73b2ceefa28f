"""What stands for a Secret or a ConfigMap of a cluster: values by key, from a mapping, a folder or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.container.types import KeyedValues


def read_keyed_values(field: str, name: str, given: KeyedValues) -> Mapping[str, str]:
    """Return the values by key. Messages name keys and never a value.

    Args:
        field: Of the configuration, for messages.
        name: Of the Secret or ConfigMap.
        given: What the configuration says of it.

    Raises:
        InvalidInput: The folder or file is not there, is not text, or has a line that is none.
    """
    if isinstance(given, Mapping):
        return given
    path = Path(os.fspath(given)).expanduser()
    try:
        if path.is_dir():
            # Kubernetes and others keep the files of a mounted Secret in folders that begin with "..".
            files = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith("..")]
            return {file.name: file.read_text("utf-8") for file in files}
        return _lines(path.read_text("utf-8"), f"{field}[{name!r}]", path)
    except FileNotFoundError as error:
        raise InvalidInput(f"{field}[{name!r}] names {str(path)!r}, which is not there: correct the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{field}[{name!r}]: {str(path)!r} cannot be read as text: {type(error).__name__}."
        ) from error


def _lines(text: str, place: str, path: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip().removeprefix("export ")
        if not content or content.startswith("#"):
            continue
        key, separator, value = content.partition("=")
        if not separator or not key.strip():
            raise InvalidInput(f"{place}: line {number} of {str(path)!r} is not KEY=value.")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[key.strip()] = value
    return values

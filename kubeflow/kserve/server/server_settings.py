"""What a server process is told: one JSON file, whose path is in an environment variable."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json

SETTINGS_VARIABLE = "KUBEFLOW_SERVING_SETTINGS"
"""Environment variable with the path of the settings; without it, a server listens as a container does."""

BODY_LIMIT_VARIABLE = "KUBEFLOW_SERVING_BODY_LIMIT"
"""Environment variable: bytes of the largest body that a server reads. Default: 256 MiB."""

UNUSABLE = 78
"""Exit code of a server whose model cannot be loaded, so that starting it again is of no use (EX_CONFIG)."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How one server process runs.

    Attributes:
        name: What the model is called in paths.
        version: Its version; empty for none.
        model_file: Path of the model; empty where the program brings a function.
        model_format: Its format.
        descriptor: Of a socket that listens already, and is shared with the process before this one.
        keeper: Of a pipe that ends with the process that started this one.
        ready: Of a pipe that gets a line when the model is loaded, or why it cannot be.
        load_first: True to listen when the model is loaded; else requests are answered with 503 meanwhile.
        grace: Seconds that requests get which have come, when the server is told to end.
    """

    name: str
    version: str = ""
    model_file: str = ""
    model_format: str = ""
    descriptor: int = -1
    keeper: int = -1
    ready: int = -1
    load_first: bool = False
    grace: float = 5.0

    __repr__ = repr_of_fields

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read_settings(path: str | os.PathLike[str]) -> ServerSettings:
    """Return what `write` wrote."""
    return ServerSettings(**json.loads(Path(path).read_text(encoding="utf-8")))


def body_limit(default: int) -> int:
    """Return how many bytes a body may have.

    Raises:
        InvalidInput: The variable holds no number of bytes.
    """
    text = os.environ.get(BODY_LIMIT_VARIABLE, "").strip()
    if not text:
        return default
    if not text.isdigit() or not int(text):
        raise InvalidInput(f"{BODY_LIMIT_VARIABLE}={text!r} is in bytes, and more than 0.")
    return int(text)

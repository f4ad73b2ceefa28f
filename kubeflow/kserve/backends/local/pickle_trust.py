"""Which pickles are loaded without being asked for by name: those that this user's own jobs have made here.

Loading a pickle runs code that is in it. A file is trusted when it lies in the output of a job of this machine, or
among the artifacts of the registry of this machine, and only this user can have written it. What a job has fetched is
no output. Any other file needs the word of the user: `trust_pickle=True`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kubeflow.kserve.errors import ModelRejected
from kubeflow.kserve.server.model_files import ModelFile
from kubeflow.kserve.types.model_formats import MODEL_FORMATS

_JOBS, _OUTPUT = "jobs", "output"
_REGISTRY = ("registry", "artifacts")


def check_trusted(file: ModelFile, state: Path, *, said: str, made_here: Path | None = None) -> None:
    """Refuse a file that executes code when it is loaded, unless it was made here.

    Args:
        file: The file.
        state: The state directory.
        said: What the user calls the model.
        made_here: A folder that is the output of a job of this machine, which may be anywhere.

    Raises:
        ModelRejected: With how to say that it is to be loaded.
    """
    if not MODEL_FORMATS[file.format].executes_code or is_own(file.path, state, made_here=made_here):
        return
    raise ModelRejected(
        said,
        f"{file.path.name} is a pickle, loading it executes code that is in it, and no job or registry of this machine "
        "has made it",
        "If you know who made it, serve it with trust_pickle=True. Else ask for a format that holds no code, such as "
        "ONNX.",
    )


def is_own(path: Path, state: Path, *, made_here: Path | None = None) -> bool:
    """Return True when a file was made by a job of this machine, or is an artifact of its registry.

    Args:
        path: The file.
        state: The state directory.
        made_here: As for `check_trusted`.
    """
    try:
        real = path.resolve(strict=True)
        status = real.stat()
    except OSError:
        return False
    if status.st_uid != os.getuid() or status.st_mode & stat.S_IWOTH:
        return False
    home = state.resolve()
    if made_here is not None and real.is_relative_to(made_here.resolve()):
        return True
    if not real.is_relative_to(home):
        return False
    parts = real.relative_to(home).parts
    # jobs/<job>/output/...: what was fetched for a job lies in its workspace, and is no output.
    return parts[:2] == _REGISTRY or (len(parts) > 3 and parts[0] == _JOBS and parts[2] == _OUTPUT)

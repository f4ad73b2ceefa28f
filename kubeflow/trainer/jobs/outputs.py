"""Where a job leaves what it makes: `train(output=)`, and the variable by which its function sees the place."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json, re

OUTPUT = "KUBEFLOW_OUTPUT"
"""Environment variable of a job's nodes: a folder that is there, or the URI that the function itself writes to."""

CLAIM_SCHEME = "pvc"
CLAIM_MOUNT = "/mnt/kubeflow-output"
"""Where pods see the folder of a claim that is their job's output."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def as_output(given: object) -> Artifact | None:
    """Return what `train(output=)` was given as an artifact, a model unless it says otherwise; `None` for nothing.

    Raises:
        InvalidInput: It is neither a URI, nor a path, nor an `Artifact`; or a claim is not written as one.
    """
    if given is None:
        return None
    if isinstance(given, Artifact):
        found = given
    elif isinstance(given, str) and _SCHEME.match(given):
        found = Artifact(given, "model")
    elif isinstance(given, str | os.PathLike) and os.fspath(cast("str", given)):
        found = Artifact.at(cast("str", given), "model")
    else:
        raise InvalidInput(f"output= takes a URI, a path or an Artifact, not {given!r}: leave it out for the default.")
    if found.scheme == CLAIM_SCHEME:
        claim_of(found)
    return found


def claim_of(output: Artifact) -> tuple[str, str]:
    """Return the claim of a `pvc://` artifact, and the folder in it: `""` for all of it.

    Raises:
        InvalidInput: It names no claim, or a folder that is outside of it.
    """
    parts = urlsplit(output.uri)
    folder = PurePosixPath(unquote(parts.path.strip("/")))
    if not parts.netloc or ".." in folder.parts:
        raise InvalidInput(f"{output.uri!r} is no folder of a claim: write 'pvc://<claim>/<folder>'.")
    return parts.netloc, "" if folder == PurePosixPath() else str(folder)


def output_text(output: Artifact) -> str:
    """Return the JSON text that a job keeps its output as."""
    return json.dumps(output_data(output), separators=(",", ":"), sort_keys=True)


def output_data(output: Artifact) -> dict[str, object]:
    """Return the output as plain JSON data."""
    return {
        "uri": output.uri,
        "kind": output.kind,
        **({"format": output.format} if output.format is not None else {}),
        **({"metadata": dict(output.metadata)} if output.metadata else {}),
    }


def read_output(data: str | dict[str, Any]) -> Artifact:
    """Return the output that `output_text` or `output_data` gave.

    Raises:
        InvalidInput: It is none, as when somebody else wrote it.
    """
    try:
        fields = json.loads(data) if isinstance(data, str) else data
        return Artifact(**fields)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The output that the job names is none: {error}.") from error

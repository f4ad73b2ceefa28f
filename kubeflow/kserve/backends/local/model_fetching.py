"""The files of a model that is elsewhere, in a folder of its service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from kubeflow.local import fetch
from kubeflow.local.job.records import describe_exit


def fetch_model(uri: str, into: Path, environ: Mapping[str, str]) -> None:
    """Fetch a model, in a process of its own; `into` appears once it is whole.

    Args:
        uri: `hf://` or `s3://`.
        into: The folder that gets its files; it does not exist yet.
        environ: Environment of the process that fetches, with credentials where they are needed.

    Raises:
        FetchFailed: With the reason, and what to do.
    """
    part = into.with_name(f"{into.name}.part")
    command = [sys.executable, "-P", str(fetch.__file__), "model", uri, "--of", "service", "--into", str(part)]
    with subprocess.Popen(command, env=dict(environ), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        _, told = process.communicate()
    words = told.decode("utf-8", "replace").strip()
    if words:
        print(words, file=sys.stderr, flush=True)
    if process.returncode:
        last = words.splitlines()[-1].removeprefix("kubeflow: ") if words else describe_exit(process.returncode)
        raise fetch.FetchFailed(last)
    part.replace(into)

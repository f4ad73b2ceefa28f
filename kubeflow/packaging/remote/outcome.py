# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH103, PTH105, PTH110, PTH118, PTH123, UP006, UP035, UP045
"""How a rank reports how it ended: one JSON file, and in a pod also Kubernetes' termination message.

The format is read back by `kubeflow.packaging.rank_outcomes`.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional

OUTPUT_DIR = "KUBEFLOW_OUTPUT_DIR"
TERMINATION_LOG = "/dev/termination-log"
TERMINATION_PATH = "KUBEFLOW_TERMINATION_LOG"  # names that file where the pod's terminationMessagePath is another
# The kubelet keeps 4,096 bytes of a termination message.
# https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
TERMINATION_LIMIT = 4096
RANK_VARIABLES = (
    "RANK",
    "OMPI_COMM_WORLD_RANK",
    "PMIX_RANK",
    "PMI_RANK",
    "SLURM_PROCID",
    "JAX_PROCESS_ID",
    "DMLC_TASK_ID",
    "PET_NODE_RANK",
    "JOB_COMPLETION_INDEX",
)
LOCAL_RANK_VARIABLES = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")


def number(environ: Mapping[str, str], names: Any) -> int:
    """Return the first of the variables that holds a whole number, else 0."""
    for name in names:
        text = environ.get(name, "")
        if text.isdigit():
            return int(text)
    return 0


def begin(environ: Mapping[str, str], termination_log: str = "") -> None:
    """Take back what this rank said when it ran before in this container.

    torchrun counts the attempts of a node (`TORCHELASTIC_RESTART_COUNT`), but not those that it makes because another
    node has started anew.

    Args:
        environ: The environment: says the rank and where its word is.
        termination_log: As for `report`.
    """
    path = _termination(environ, termination_log)
    if not path:
        return
    import fcntl

    try:
        with open(path, "r+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _parsed(stream.read()).get("rank") == number(environ, RANK_VARIABLES):
                stream.truncate(0)
    except (OSError, ValueError):  # nobody can have said anything there
        pass


def report(document: Dict[str, Any], environ: Mapping[str, str], termination_log: str = "") -> None:
    """Write how this rank ended to every place that asks for it, and say on stderr what cannot be written.

    Args:
        document: `status`, and `result` or `error`; `rank` is filled in.
        environ: The environment: says the rank and where to write.
        termination_log: The file that the kubelet reads when the container ends; default: what the environment names.
    """
    attempt = number(environ, ("TORCHELASTIC_RESTART_COUNT",))
    document = dict(document, version=1, rank=number(environ, RANK_VARIABLES), attempt=attempt)
    try:
        if environ.get(OUTPUT_DIR):
            _write_file(document, environ[OUTPUT_DIR])
        path = _termination(environ, termination_log)
        if path:
            _write_termination(document, number(environ, LOCAL_RANK_VARIABLES), path)
        if document["status"] == "failed" and environ.get("TORCHELASTIC_ERROR_FILE"):
            _write_elastic(document["error"], environ["TORCHELASTIC_ERROR_FILE"])
    except OSError as error:
        print("kubeflow: the outcome of this rank could not be written: " + str(error), file=sys.stderr)


def _termination(environ: Mapping[str, str], given: str) -> str:
    path = given or environ.get(TERMINATION_PATH) or TERMINATION_LOG
    return path if environ.get("KUBERNETES_SERVICE_HOST") and os.path.exists(path) else ""


def _write_file(document: Dict[str, Any], directory: str) -> None:
    os.makedirs(directory, exist_ok=True)
    # Renamed into place: a reader never sees half a file. The name is free, as each rank has its own.
    final = os.path.join(directory, "rank-" + str(document["rank"]) + ".json")
    temporary = final + ".part"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(document, stream)
    os.replace(temporary, final)


def _write_termination(document: Dict[str, Any], local_rank: int, path: str) -> None:
    """One message a container: the first failure, else the value of the container's first rank."""
    import fcntl

    with open(path, "r+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        present = _parsed(stream.read())
        failed = document["status"] == "failed"
        # torchrun starts its ranks again in the same container: what an earlier attempt said is history.
        settled = present and present.get("attempt", 0) >= document["attempt"]
        if settled and (not failed or present.get("status") == "failed"):
            return
        if not failed and local_rank:
            return
        stream.seek(0)
        stream.truncate()
        stream.write(shorten(document, TERMINATION_LIMIT))


def _parsed(text: str) -> Dict[str, Any]:
    try:
        found: Dict[str, Any] = json.loads(text)
        return dict(found)
    except (ValueError, TypeError):  # what another program wrote
        return {}


def shorten(document: Dict[str, Any], limit: int) -> str:
    """Return the document as ASCII JSON of at most `limit` characters: frames go first, then the result."""
    document = json.loads(json.dumps(document))
    text = json.dumps(document)
    error: Optional[Dict[str, Any]] = document.get("error")
    if len(text) > limit and error:
        frames: List[Any] = error.get("frames", [])
        error["traceback"] = ""
        while frames and len(json.dumps(document)) > limit:
            frames.pop(0)  # the innermost frames, at the end, tell most
        if len(json.dumps(document)) > limit:
            error["message"] = error["message"][: limit // 16]
        text = json.dumps(document)
    if len(text) > limit:
        document.pop("result", None)
        document["no_result"] = "the value is larger than " + str(limit) + " bytes"
        text = json.dumps(document)
    return text


def _write_elastic(error: Dict[str, Any], path: str) -> None:
    """What torchrun shows as the root cause. https://pytorch.org/docs/stable/elastic/errors.html"""
    import time

    message = {
        "message": error["type"] + ": " + error["message"],
        "extraInfo": {"py_callstack": error["traceback"], "timestamp": str(int(time.time()))},
    }
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({"message": message}, stream)

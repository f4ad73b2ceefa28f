# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH100, PTH103, PTH105, PTH110, PTH118, PTH120, PTH123, UP006, UP035, UP045
"""How a rank reports how it ended: one JSON file, and in a pod also Kubernetes' termination message.

The format is read back by `kubeflow.packaging.results.rank_outcomes`.
"""

from __future__ import annotations

import os
import sys

from . import uses

# `json` is imported where it is used: the loader has this text in its own, and its start does without.
TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

OUTPUT_DIR = "KUBEFLOW_OUTPUT_DIR"
TERMINATION_LOG = "/dev/termination-log"
TERMINATION_PATH = "KUBEFLOW_TERMINATION_LOG"  # names that file where the pod's terminationMessagePath is another
# The kubelet keeps 4,096 bytes of a termination message.
# https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
TERMINATION_LIMIT = 4096
_ROOM = 16 * 1024  # bytes that the outcome of a rank takes from its disk at the start
_json_classes: List[Any] = []
_ballast: List[bytearray] = []  # memory that is given back when a report needs some
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


_reserved: List[Tuple[int, int]] = []  # descriptors and inodes: files that are closed when a report needs some
_started: List[Tuple[int, Mapping[str, str]]] = []  # the process of the rank, and the environment at its start


def begin(environ: Mapping[str, str], termination_log: str = "") -> None:
    """Make sure that this rank can report, and take back what it said when it ran before in this container.

    When it ends there may be no descriptor left, no room on the disk, no memory, and no environment that says where to.

    torchrun counts the attempts of a node (`TORCHELASTIC_RESTART_COUNT`), but not those that it makes because another
    node has started anew.

    Args:
        environ: The environment: says the rank and where its word is. What `report` takes if it is given none.
        termination_log: As for `report`.
    """
    environ = dict(environ)
    if environ.get(OUTPUT_DIR):
        environ[OUTPUT_DIR] = os.path.abspath(environ[OUTPUT_DIR])  # the user may go to another directory
    _started[:] = [(os.getpid(), environ)]
    _ballast.append(bytearray(1 << 20))
    import fcntl

    if uses.LIBRARIES:
        import json
        import time  # noqa: F401  # pyright: ignore[reportUnusedImport]  (found later without opening another file)

        for cls in (json.JSONEncoder, json.JSONDecoder):  # the user may put something else in place of their methods
            _json_classes.append(type("Json", (cls,), {n: f for n, f in vars(cls).items() if callable(f)}))
        try:
            for _ in range(4):
                descriptor = os.open(os.devnull, os.O_RDONLY)
                _reserved.append((descriptor, os.fstat(descriptor).st_ino))
            if environ.get(OUTPUT_DIR):
                os.makedirs(environ[OUTPUT_DIR], exist_ok=True)
                with open(_outcome_file(environ) + ".part", "w", encoding="ascii") as stream:
                    stream.write(" " * _ROOM)
        except OSError:  # `report` tries again, and says it
            pass
    path = _termination(environ, termination_log)
    if not path:
        return
    try:
        with open(path, "r+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if _parsed(stream.read()).get("rank") == number(environ, RANK_VARIABLES):
                stream.truncate(0)
    except (OSError, ValueError):  # nobody can have said anything there
        pass


def report(document: Dict[str, Any], environ: Optional[Mapping[str, str]] = None, termination_log: str = "") -> None:
    """Write how this rank ended to every place that asks for it, and say on stderr what cannot be written.

    A process that the rank has forked says nothing: its end is not that of the rank.

    Args:
        document: `status`, and `result` or `error`; `rank` is filled in.
        environ: The environment: says the rank and where to write; default: that of `begin`.
        termination_log: The file that the kubelet reads when the container ends; default: what the environment names.
    """
    if environ is None:
        process, environ = _started[0]
        if process != os.getpid():
            return
    give_up_reserve()
    attempt = number(environ, ("TORCHELASTIC_RESTART_COUNT",))
    document = dict(document, version=1, rank=number(environ, RANK_VARIABLES), attempt=attempt)
    places: List[Callable[[], None]] = []
    if environ.get(OUTPUT_DIR):
        final = _outcome_file(environ)
        places.append(lambda: _write_file(document, final))
    path = _termination(environ, termination_log)
    if path:
        local_rank = number(environ, LOCAL_RANK_VARIABLES)
        places.append(lambda: _write_termination(document, local_rank, path))
    elastic = environ.get("TORCHELASTIC_ERROR_FILE")
    if document["status"] == "failed" and elastic:
        places.append(lambda: _write_elastic(document["error"], elastic))
    for write in places:
        try:
            write()
        except OSError as error:
            say("kubeflow: the outcome of this rank could not be written: " + str(error) + "\n")


def say(text: str) -> None:
    """Write to stderr, also when the user has closed it or put something else in its place."""
    if uses.LIBRARIES:
        streams: Any = (sys.stderr, sys.__stderr__)
        for stream in streams:
            try:
                stream.write(text)
                stream.flush()
            except Exception:  # noqa: BLE001  (None, closed, full, or an object of the user's)
                continue
            return
    else:
        print(text, end="", file=sys.stderr, flush=True)


def give_up_reserve() -> None:
    """Make room for a report: memory, and files that can be opened."""
    _ballast.clear()
    while uses.LIBRARIES and _reserved:
        descriptor, inode = _reserved.pop()
        try:
            if os.fstat(descriptor).st_ino == inode:  # else the user has closed it, and has another file there
                os.close(descriptor)
        except OSError:
            pass


def _termination(environ: Mapping[str, str], given: str) -> str:
    path = given or environ.get(TERMINATION_PATH) or TERMINATION_LOG
    return path if environ.get("KUBERNETES_SERVICE_HOST") and os.path.exists(path) else ""


def _outcome_file(environ: Mapping[str, str]) -> str:
    return os.path.join(environ[OUTPUT_DIR], "rank-" + str(number(environ, RANK_VARIABLES)) + ".json")


def _write_file(document: Dict[str, Any], final: str) -> None:
    os.makedirs(os.path.dirname(final), exist_ok=True)
    # Renamed into place: a reader never sees half a file. The name is free, as each rank has its own.
    temporary = final + ".part"
    if uses.LIBRARIES:
        try:
            _overwrite(temporary, _json(document))
        except OSError:  # no room for more than `begin` has taken
            _overwrite(temporary, shorten(document, _ROOM))
    else:
        _overwrite(temporary, _json(document))
    os.replace(temporary, final)


def _overwrite(path: str, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        stream.truncate()


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


def _json(value: Any) -> str:
    import json

    cls = _json_classes[0] if uses.LIBRARIES and _json_classes else json.JSONEncoder
    text: str = cls().encode(value)  # the user may put something else in place of `dumps`
    return text


def _parsed(text: str) -> Dict[str, Any]:
    import json

    cls = _json_classes[1] if uses.LIBRARIES and _json_classes else json.JSONDecoder
    try:
        found: Dict[str, Any] = cls().decode(text)
        return dict(found)
    except (ValueError, TypeError):  # what another program wrote
        return {}


def shorten(document: Dict[str, Any], limit: int) -> str:
    """Return the document as ASCII JSON of at most `limit` characters: frames go first, then the result."""
    text = _json(document)
    document = _parsed(text)
    error: Optional[Dict[str, Any]] = document.get("error")
    if len(text) > limit and error:
        frames: List[Any] = error.get("frames", [])
        error["traceback"] = ""
        while frames and len(_json(document)) > limit:
            frames.pop(0)  # the innermost frames, at the end, tell most
        if len(_json(document)) > limit:
            error["message"] = error["message"][: limit // 16]
        text = _json(document)
    if len(text) > limit:
        document.pop("result", None)
        document["no_result"] = "the value is larger than " + str(limit) + " bytes"
        text = _json(document)
    return text


def _write_elastic(error: Dict[str, Any], path: str) -> None:
    """What torchrun shows as the root cause. https://pytorch.org/docs/stable/elastic/errors.html"""
    import time

    message = {
        "message": error["type"] + ": " + error["message"],
        "extraInfo": {"py_callstack": error["traceback"], "timestamp": str(int(time.time()))},
    }
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(_json({"message": message}))

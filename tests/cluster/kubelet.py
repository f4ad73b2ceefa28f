"""Containers of the test cluster: a command as local processes, or a script; with logs as a kubelet writes them.

A container's log is `LOGS/<namespace>/<pod>/<container>.log`, each line with the time it came; the log of the life before
is `<container>.previous.log`, as soon as the container waits for its next one. A container ends with its first process, and takes all that it started with it.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil

from tests.cluster.scenarios import Script

MARK = "KUBEFLOW_TEST_CONTAINER"
# What a rank writes where no kubelet mounts /dev/termination-log.
TERMINATION_LOG = "KUBEFLOW_TERMINATION_LOG"
MESSAGE_LIMIT = 4096
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended. Times are RFC 3339."""

    code: int
    reason: str
    message: str
    started: str
    finished: str


def now() -> str:
    """Return the time as Kubernetes writes it in objects: to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp() -> str:
    """Return the time as container runtimes write it in logs: to the nanosecond."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{rest:09}Z"


def expand(word: str, environment: Mapping[str, str]) -> str:
    """Return a word of a command with its `$(NAME)` filled in, as Kubernetes does it."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], match[0])

    return _REFERENCE.sub(value, word)


def open_log(folder: Path, container: str) -> IO[bytes]:
    """Open the log of a new life of a container."""
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / f"{container}.log").open("ab", buffering=0)


def retire_log(folder: Path, container: str) -> None:
    """Make the log of a container that has ended that of its previous life."""
    (folder / f"{container}.log").rename(folder / f"{container}.previous.log")


class Life:
    """One life of a container. `ended` is called from another thread, once."""

    def __init__(self, ended: Callable[[Exit], None]) -> None:
        self._ended = ended
        self._started = now()

    def _end(self, code: int, reason: str, message: str) -> None:
        reason = reason or ("Completed" if code == 0 else "Error")
        self._ended(Exit(code, reason, message[:MESSAGE_LIMIT], self._started, now()))

    def kill(self, grace: float) -> None:
        """End it: politely, and after `grace` seconds for good. Returns at once."""
        raise NotImplementedError


class ScriptedLife(Life):
    """A container that lives by a script."""

    def __init__(self, script: Script, log: IO[bytes], ended: Callable[[Exit], None]) -> None:
        super().__init__(ended)
        self._script, self._log = script, log
        self._killed = threading.Event()
        threading.Thread(target=self._live, daemon=True).start()

    def kill(self, grace: float) -> None:
        """End it."""
        self._killed.set()

    def _live(self) -> None:
        script = self._script
        with self._log:
            time_ = stamp()
            for index, line in enumerate(script.lines):
                if index and script.pause and self._killed.wait(script.pause):
                    break
                if index % script.together == 0:
                    time_ = stamp()
                self._log.write(f"{time_} {line}\n".encode())
        if script.stays != 0:
            self._killed.wait(script.stays)
        while not (self._killed.is_set() or script.until()):
            self._killed.wait(0.02)
        if self._killed.is_set():
            self._end(143, "", "")
        else:
            self._end(script.exit_code, script.reason, script.message)


class ProcessLife(Life):
    """A container that is a process of this machine, in a folder of its own that stands for its file system."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: IO[bytes],
        ended: Callable[[Exit], None],
    ) -> None:
        super().__init__(ended)
        folder.mkdir(parents=True, exist_ok=True)
        self._log, self._name = log, str(folder)
        self._message = folder / "termination-log"
        self._message.write_bytes(b"")
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            **environment,
            TERMINATION_LOG: str(self._message),
            MARK: self._name,
        }
        words = [expand(word, given) for word in command]
        self._process: subprocess.Popen[bytes] | None = None
        try:
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            log.close()
            threading.Thread(target=self._end, args=(128, "StartError", str(error)), daemon=True).start()
            return
        self._process = process
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Its first process; `None` when it could not be started."""
        return None if self._process is None else self._process.pid

    def kill(self, grace: float) -> None:
        """Send TERM to its first process, and KILL to all of it after `grace` seconds."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)  # does nothing to a process that has been waited for
        timer = threading.Timer(grace, self._process.kill)
        timer.daemon = True
        timer.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        """Write pieces of a line as they come, as CRI-O does: only the first of them with a time."""
        assert isinstance(process.stdout, io.BufferedReader)
        fresh = True
        with self._log, process.stdout as stream:
            while piece := stream.read1(1 << 16):
                for part in re.findall(rb"[^\n]*\n|[^\n]+", piece):
                    self._log.write(f"{stamp()} ".encode() * fresh + part)
                    fresh = part.endswith(b"\n")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        code = process.wait()
        self._kill_rest()
        reader.join(0.2)
        while reader.is_alive():  # somebody holds the output still: a process that was just being started was not seen
            self._kill_rest()
            reader.join(0.2)
        self._end(code if code >= 0 else 128 - code, "", self._message.read_text("utf-8", errors="replace"))

    def _kill_rest(self) -> None:
        """torchrun gives each rank a session of its own: only their environment says where they belong."""
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self._name:
                    process.kill()
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue


def environment_of(
    container: Mapping[str, Any],
    pod: Mapping[str, Any],
    lookup: Callable[[str, str], Mapping[str, str]],
) -> dict[str, str]:
    """Return the variables of a container.

    Args:
        container: From the pod's spec.
        pod: The pod.
        lookup: The data of a `"secrets"` or `"configmaps"` of a name; raises `LookupError` where there is none.

    Raises:
        LookupError: With what the kubelet says when an object or a key is missing.
    """
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for field, kind in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if field in source:
                prefix = source.get("prefix") or ""
                found |= {prefix + key: value for key, value in lookup(kind, source[field]["name"]).items()}
    for variable in container.get("env") or []:
        if "valueFrom" in variable:
            value = _value_from(variable["valueFrom"], pod, lookup)
            if value is not None:
                found[variable["name"]] = value
        else:
            found[variable["name"]] = expand(variable.get("value", ""), found)
    return found


def _value_from(
    source: Mapping[str, Any], pod: Mapping[str, Any], lookup: Callable[[str, str], Mapping[str, str]]
) -> str | None:
    for field, kind in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
        if field in source:
            data = lookup(kind, source[field]["name"])
            if source[field]["key"] not in data:
                raise LookupError(f"couldn't find key {source[field]['key']} in {kind[:-1]} {source[field]['name']}")
            return data[source[field]["key"]]
    if "fieldRef" in source:
        path = source["fieldRef"]["fieldPath"]
        keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
        if keyed:
            return str(pod["metadata"].get(keyed[1], {}).get(keyed[2], ""))
        value: Any = pod
        for part in path.split("."):
            value = value.get(part, {})
        return value if isinstance(value, str) else ""
    return None

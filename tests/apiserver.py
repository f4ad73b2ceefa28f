"""A real Kubernetes API server for tests, reached through `kubeflow.cluster`.

`KUBEFLOW_TEST_KUBECONFIG` names the kubeconfig of a cluster that tests may use; else `KUBEFLOW_TEST_APISERVER` a
command that takes a folder, starts a server, prints the path of a kubeconfig, and leaves its process id in
`FOLDER/pid`. The CRDs come from `KUBEFLOW_TEST_UPSTREAM`, a folder with the control planes' releases.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from kubeflow.cluster import Cluster
from kubeflow.core.transport import Request

KUBECONFIG = os.environ.get("KUBEFLOW_TEST_KUBECONFIG")
COMMAND = os.environ.get("KUBEFLOW_TEST_APISERVER")
UPSTREAM = os.environ.get("KUBEFLOW_TEST_UPSTREAM")
MISSING = not UPSTREAM or not (KUBECONFIG or COMMAND)
REASON = "no API server: set KUBEFLOW_TEST_KUBECONFIG or KUBEFLOW_TEST_APISERVER, and KUBEFLOW_TEST_UPSTREAM"


class Recorded:
    """A `Transport` that keeps what it was asked to send, for tests that count requests."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.cluster = Cluster.connect(config_file=str(kubeconfig))
        self.requests: list[Request] = []

    def send(self, request: Request) -> Mapping[str, Any]:
        self.requests.append(request)
        return self.cluster.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.requests.append(request)
        return self.cluster.lines(request)

    def debug(self, action: str) -> bytes:
        """Have the test server do something to itself: POST `/debug/kapi/ACTION`."""
        return b"\n".join(self.cluster.lines(Request("POST", f"/debug/kapi/{action}")))


TokenTransport = Recorded


class Refused(Exception):
    """The server answered a test's own hands (`tests.cluster.wire`) with an error status."""

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        self.code = code
        self.reason = status.get("reason")
        self.causes: list[dict[str, str]] = status.get("details", {}).get("causes") or []
        self.message = str(status.get("message"))
        super().__init__(f"{code} {self.message}")


def upstream_crds() -> list[dict[str, Any]]:
    """Return Trainer's CRDs as upstream ships them."""
    files = sorted(Path(str(UPSTREAM)).glob("trainer/v2.3.0/manifests/base/crds/*_*.yaml"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [yaml.load(file.read_text("utf-8"), loader) for file in files]


@contextmanager
def apiserver(
    folder: Path, crds: Iterable[Mapping[str, Any]] | None = None, flags: Iterable[str] = ()
) -> Iterator[Recorded]:
    """Yield a transport to an API server that has `crds`; default: Trainer's, as upstream ships them.

    Args:
        folder: Where the server that is started keeps its state.
        crds: Installed before this returns.
        flags: For the command that starts a server; a cluster that is there has its own.
    """
    crds = upstream_crds() if crds is None else crds
    if KUBECONFIG:
        yield add_crds(Recorded(Path(KUBECONFIG)), crds)
        return
    with own_server(folder, *flags) as kubeconfig:
        yield add_crds(Recorded(kubeconfig), crds)


@contextmanager
def own_server(folder: Path, *flags: str, collects_garbage: bool = False) -> Iterator[Path]:
    """Start a server that has nothing yet, and yield its kubeconfig.

    Several run side by side for minutes, and most of the time nobody asks them anything.

    Args:
        folder: Where it keeps its state.
        flags: For the command that starts it.
        collects_garbage: True where objects are to go with their owners. It lists all objects each second for that.
    """
    given = [*flags, *([] if collects_garbage else ["--gc=false"])]
    environment = {"GOGC": "400", **os.environ}  # Go's own collector takes a sixth of its time otherwise
    command = [str(COMMAND), str(folder), *given]
    started = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    try:
        yield Path(started.stdout.strip())
    finally:
        os.kill(int((folder / "pid").read_text("utf-8")), signal.SIGTERM)


def add_crds(transport: Recorded, crds: Iterable[Mapping[str, Any]]) -> Recorded:
    """Install `crds` and wait until they are served."""
    for manifest in crds:
        crd = {key: value for key, value in manifest.items() if key != "status"}
        name = crd["metadata"]["name"]
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        query = {"fieldManager": "tests", "force": "true"}
        transport.send(Request("PATCH", path, query, crd, "application/apply-patch+yaml"))
        deadline = time.monotonic() + 30
        while not _served(transport.send(Request("GET", path))):
            assert time.monotonic() < deadline, f"{name} is not served"
            time.sleep(0.05)
    return transport


def _served(crd: Mapping[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)

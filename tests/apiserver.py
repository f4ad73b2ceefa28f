"""A real Kubernetes API server for tests, and the smallest transport that reaches it.

`KUBEFLOW_TEST_KUBECONFIG` names the kubeconfig of a cluster that tests may use; else `KUBEFLOW_TEST_APISERVER` a
command that takes a folder, starts a server, prints the path of a kubeconfig, and leaves its process id in
`FOLDER/pid`. The CRDs come from `KUBEFLOW_TEST_UPSTREAM`, a folder with the control planes' releases.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import yaml

from kubeflow.core.resource import Request

KUBECONFIG = os.environ.get("KUBEFLOW_TEST_KUBECONFIG")
COMMAND = os.environ.get("KUBEFLOW_TEST_APISERVER")
UPSTREAM = os.environ.get("KUBEFLOW_TEST_UPSTREAM")
MISSING = not UPSTREAM or not (KUBECONFIG or COMMAND)
REASON = "no API server: set KUBEFLOW_TEST_KUBECONFIG or KUBEFLOW_TEST_APISERVER, and KUBEFLOW_TEST_UPSTREAM"


class Refused(Exception):
    """The server answered with an error status."""

    def __init__(self, code: int, status: Mapping[str, Any]) -> None:
        self.code = code
        self.reason = status.get("reason")
        self.causes: list[dict[str, str]] = status.get("details", {}).get("causes") or []
        super().__init__(f"{code} {status.get('message')}")


class TokenTransport:
    """Sends requests with a bearer token, over TLS checked against the kubeconfig's authority."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text("utf-8"))
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server = cluster["server"]
        self._tls = ssl.create_default_context(cadata=authority)
        self._token = config["users"][0]["user"]["token"]
        self.requests: list[Request] = []

    def send(self, request: Request) -> Mapping[str, Any]:
        self.requests.append(request)
        url = self._server + request.path + ("?" + urlencode(request.query) if request.query else "")
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": request.content_type}
        message = urllib.request.Request(url, body, headers, method=request.method)
        try:
            with urllib.request.urlopen(message, timeout=30, context=self._tls) as answer:
                result: dict[str, Any] = json.loads(answer.read())
                return result
        except HTTPError as error:
            raise Refused(error.code, json.loads(error.read())) from None


def upstream_crds() -> list[dict[str, Any]]:
    """Return Trainer's CRDs as upstream ships them."""
    files = sorted(Path(str(UPSTREAM)).glob("trainer/v2.3.0/manifests/base/crds/*_*.yaml"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [yaml.load(file.read_text("utf-8"), loader) for file in files]


@contextmanager
def apiserver(folder: Path, crds: Iterable[Mapping[str, Any]] | None = None) -> Iterator[TokenTransport]:
    """Yield a transport to an API server that has `crds`; default: Trainer's, as upstream ships them."""
    crds = upstream_crds() if crds is None else crds
    if KUBECONFIG:
        yield _with_crds(TokenTransport(Path(KUBECONFIG)), crds)
        return
    started = subprocess.run([str(COMMAND), str(folder)], check=True, capture_output=True, text=True)
    try:
        yield _with_crds(TokenTransport(Path(started.stdout.strip())), crds)
    finally:
        os.kill(int((folder / "pid").read_text("utf-8")), signal.SIGTERM)


def _with_crds(transport: TokenTransport, crds: Iterable[Mapping[str, Any]]) -> TokenTransport:
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

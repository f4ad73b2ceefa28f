"""The admission webhooks of the test cluster: an HTTPS server on loopback, and where the API server is told of it."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.admission import (
    default_jobset,
    default_trainjob,
    refuse_jobset,
    refuse_jobset_change,
    refuse_trainjob,
)
from tests.cluster.wire import Wire

Object = dict[str, Any]

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_TRAINER = "/apis/trainer.kubeflow.org/v1alpha1"


@dataclass(frozen=True, slots=True)
class _Hook:
    """One webhook.

    Attributes:
        name: What the API server calls it.
        mutates: True when it changes what it is asked about; else it accepts or refuses.
        resource: Group, version and plural of what it is asked about.
        operations: On which it is asked.
    """

    name: str
    mutates: bool
    resource: tuple[str, str, str]
    operations: tuple[str, ...]


_TRAINJOBS, _JOBSETS = ("trainer.kubeflow.org", "v1alpha1", "trainjobs"), ("jobset.x-k8s.io", "v1alpha2", "jobsets")
_OF_TRAINER = (
    _Hook("defaulter.trainjob.trainer.kubeflow.org", True, _TRAINJOBS, ("CREATE", "UPDATE")),
    _Hook("validator.trainjob.trainer.kubeflow.org", False, _TRAINJOBS, ("CREATE", "UPDATE")),
)
_OF_JOBSET = (
    _Hook("mjobset.kb.io", True, _JOBSETS, ("CREATE",)),
    _Hook("vjobset.kb.io", False, _JOBSETS, ("CREATE", "UPDATE")),
)


class Webhooks:
    """Serves the webhooks of a Trainer minor and its JobSet to an API server of this machine, until it is stopped.

    Those of Trainer are played for 2.3 alone.
    """

    def __init__(self, wire: Wire, folder: Path, minor: str) -> None:
        self._wire, self._newest = wire, minor == "2.3"
        key, certificate = _certificate()
        file = folder / "webhooks.pem"
        file.write_bytes(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        handler = type("Handler", (_Handler,), {"webhooks": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.daemon_threads = True
        self._authority = base64.b64encode(certificate).decode()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self) -> None:
        """Serve, and have the API server ask."""
        self._thread.start()
        hooks = [*(_OF_TRAINER if self._newest else ()), *_OF_JOBSET]
        for mutates, kind, name in (
            (True, "MutatingWebhookConfiguration", "defaulter.trainer.kubeflow.org"),
            (False, "ValidatingWebhookConfiguration", "validator.trainer.kubeflow.org"),
        ):
            body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}}
            entries = [self._entry(hook) for hook in hooks if hook.mutates == mutates]
            self._wire.send("POST", f"{_ADMISSION}/{kind.lower()}s", {**body, "webhooks": entries})

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, name: str, request: Mapping[str, Any]) -> Object:
        """Return the response to an admission request."""
        given: Object = request["object"]
        if name == "defaulter.trainjob.trainer.kubeflow.org":
            return _changed(given, default_trainjob(given, request.get("oldObject")))
        if name == "mjobset.kb.io":
            return _changed(given, default_jobset(given, retention=self._newest))
        if name == "vjobset.kb.io":
            old = request.get("oldObject")
            problem = refuse_jobset_change(old, given) if old else refuse_jobset(given)
            code, reason = 422, "Invalid"
        else:
            problem, code, reason = self._refuse_trainjob(given), 403, "Forbidden"
        if not problem:
            return {"allowed": True}
        return {"allowed": False, "status": {"code": code, "reason": reason, "message": problem}}

    def _entry(self, hook: _Hook) -> Object:
        group, version, plural = hook.resource
        rule = {"apiGroups": [group], "apiVersions": [version], "resources": [plural]}
        url = f"https://127.0.0.1:{self._server.server_address[1]}/{hook.name}"
        return {
            "name": hook.name,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 10,
            "clientConfig": {"url": url, "caBundle": self._authority},
            "rules": [{**rule, "operations": list(hook.operations)}],
        }

    def _refuse_trainjob(self, job: Object) -> str:
        if job["metadata"].get("deletionTimestamp"):
            return ""

        def find(name: str) -> Mapping[str, Any] | None:
            path = f"{_TRAINER}/clustertrainingruntimes/{name}"
            if job["spec"]["runtimeRef"].get("kind") == "TrainingRuntime":
                path = f"{_TRAINER}/namespaces/{job['metadata']['namespace']}/trainingruntimes/{name}"
            return self._wire.find(path)

        return refuse_trainjob(job, find)


class _Handler(BaseHTTPRequestHandler):
    webhooks: Webhooks
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that the base class has)
        """Say nothing."""

    def do_POST(self) -> None:
        review: Object = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request: Object = review["request"]
        response = self.webhooks.answer(self.path.split("?")[0].strip("/"), request)
        body = {"apiVersion": review["apiVersion"], "kind": review["kind"]}
        content = json.dumps({**body, "response": {"uid": request["uid"], **response}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _changed(before: Object, after: Object) -> Object:
    if before == after:
        return {"allowed": True}
    patch = [{"op": "replace", "path": "/spec", "value": after["spec"]}]
    text = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


def _certificate() -> tuple[bytes, bytes]:
    """Return key and certificate of loopback, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhooks of the test cluster")])
    now = datetime.now(UTC)
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(loopback, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), certificate.public_bytes(pem)

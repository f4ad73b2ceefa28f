"""An HTTPS server of admission webhooks on loopback, and where the API server is told of it."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.apiserver import Refused
from tests.cluster.wire import Wire

Object = dict[str, Any]

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_PROBED = "tests.kubeflow.org/probed"  # a label of ConfigMaps that are never stored


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook.

    Attributes:
        name: What the API server calls it.
        mutates: True when it changes what it is asked about; else it accepts or refuses.
        resource: Group, version and plural of what it is asked about.
        operations: On which it is asked.
        answer: Returns the response to an admission request.
        namespaces: Labels of the namespaces for which it is asked; default: all.
    """

    name: str
    mutates: bool
    resource: tuple[str, str, str]
    operations: tuple[str, ...]
    answer: Callable[[Mapping[str, Any]], Object]
    namespaces: Mapping[str, str] | None = None


class AdmissionServer:
    """Serves webhooks to an API server of this machine, until it is stopped.

    Args:
        wire: The cluster.
        folder: Where key and certificate go.
        name: Of the configurations.
        hooks: The webhooks.
    """

    def __init__(self, wire: Wire, folder: Path, name: str, hooks: Sequence[Hook]) -> None:
        self._wire, self._name, self._hooks = wire, name, {hook.name: hook for hook in hooks}
        key, certificate = _certificate()
        file = folder / f"{name}.pem"
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
        """Serve, and return when the API server asks: it takes notice of configurations a moment after it has them."""
        self._thread.start()
        for mutates, kind, name in (
            (True, "MutatingWebhookConfiguration", f"defaulter.{self._name}"),
            (False, "ValidatingWebhookConfiguration", f"validator.{self._name}"),
        ):
            body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}}
            entries = [self._entry(hook) for hook in self._hooks.values() if hook.mutates == mutates]
            entries.append(self._probe(name, mutates))
            self._wire.send("POST", f"{_ADMISSION}/{kind.lower()}s", {**body, "webhooks": entries})
            self._until_asked(name)

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, name: str, request: Mapping[str, Any]) -> Object:
        """Return the response to an admission request."""
        return self._hooks[name].answer(request)

    def _probe(self, configuration: str, mutates: bool) -> Object:
        """Return a webhook that refuses what is made to find out whether a configuration is in force."""
        denied = refused("it is in force", 403, "Forbidden")
        resource = ("", "v1", "configmaps")
        hook = Hook(f"probed.{configuration}", mutates, resource, ("CREATE",), lambda _: denied)
        self._hooks[hook.name] = hook
        return {**self._entry(hook), "objectSelector": {"matchLabels": {_PROBED: configuration}}}

    def _until_asked(self, configuration: str) -> None:
        deadline = time.monotonic() + 60
        probe = {"metadata": {"name": "probe", "labels": {_PROBED: configuration}}}
        while time.monotonic() < deadline:
            try:
                self._wire.send("POST", "/api/v1/namespaces/default/configmaps", probe, query={"dryRun": "All"})
            except Refused as refusal:
                assert "it is in force" in refusal.message, refusal.message
                return
            time.sleep(0.02)
        raise AssertionError(f"the API server does not ask the webhooks of {configuration}")

    def _entry(self, hook: Hook) -> Object:
        group, version, plural = hook.resource
        rule = {"apiGroups": [group], "apiVersions": [version], "resources": [plural]}
        url = f"https://127.0.0.1:{self._server.server_address[1]}/{hook.name}"
        selector = {} if hook.namespaces is None else {"namespaceSelector": {"matchLabels": dict(hook.namespaces)}}
        return {
            "name": hook.name,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 10,
            "clientConfig": {"url": url, "caBundle": self._authority},
            "rules": [{**rule, "operations": list(hook.operations)}],
            **selector,
        }


def refused(problem: str, code: int, reason: str) -> Object:
    """Return the response that refuses an object, or one that allows it where there is no problem."""
    if not problem:
        return {"allowed": True}
    return {"allowed": False, "status": {"code": code, "reason": reason, "message": problem}}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Object:
    """Return the response that replaces what differs among the fields of an object."""
    patch = [
        {"op": "replace" if field in before else "add", "path": f"/{field}", "value": after[field]}
        for field in after
        if before.get(field) != after[field]
    ]
    if not patch:
        return {"allowed": True}
    text = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


class _Handler(BaseHTTPRequestHandler):
    webhooks: AdmissionServer
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

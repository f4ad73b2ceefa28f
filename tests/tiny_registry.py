"""A registry of images to be pulled and never pushed: some for everybody, some with a password.

Each is pulled and removed by one test: another process may run another test on the same engine.
https://distribution.github.io/distribution/spec/api/. It listens in the network namespace of an engine of the tests.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "127.0.0.1:5000"
PRIVATE_ADDRESS = "127.0.0.1:5001"
"""Whoever asks here has to sign in."""
TINY = f"{ADDRESS}/tiny:1"
ABANDONED = f"{ADDRESS}/abandoned:1"
PRIVATE = f"{PRIVATE_ADDRESS}/private:1"
HELPED = f"{PRIVATE_ADDRESS}/helped:1"
_REPOSITORIES = ("tiny", "abandoned", "private", "helped")
USER, PASSWORD = "someone", "a-password"

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PADDING = 3_000_000  # bytes that no compression makes fewer
_PAUSE = 0.1  # seconds between two pieces of a layer, so that there is progress to tell


def serve(root: bytes) -> None:
    """Serve images with the content of a tar, in threads of this process."""
    images = {name: _image(root, name) for name in _REPOSITORIES}
    allowed = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def do_GET(self, *, body: bool = True) -> None:
            parts = self.path.strip("/").split("/")
            closed = self.connection.getsockname()[1] == int(PRIVATE_ADDRESS.partition(":")[2])
            if closed and self.headers.get("Authorization") != allowed:
                self._answer(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}', body)
            elif parts == ["v2"]:
                self._answer(200, b"{}", body)
            elif (image := images.get(parts[1])) is None:
                self._answer(404, b'{"errors": [{"code": "NAME_UNKNOWN", "message": "repository name unknown"}]}', body)
            elif parts[2] == "manifests" and parts[3] in ("1", _digest(image.manifest)):
                self._answer(200, image.manifest, body, _MANIFEST)
            elif parts[2] == "blobs" and parts[3] in image.blobs:
                self._answer(200, image.blobs[parts[3]], body, "application/octet-stream")
            else:
                self._answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}', body)

        def _answer(self, status: int, content: bytes, body: bool, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", _digest(content))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.end_headers()
            for start in range(0, len(content) if body else 0, _PADDING // 30):
                self.wfile.write(content[start : start + _PADDING // 30])
                time.sleep(_PAUSE if len(content) > _PADDING else 0)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
            print(format % args, flush=True)

    for address in (ADDRESS, PRIVATE_ADDRESS):
        host, _, port = address.partition(":")
        server = ThreadingHTTPServer((host, int(port)), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()


@dataclass(frozen=True)
class _Image:
    manifest: bytes
    blobs: Mapping[str, bytes]


def _image(root: bytes, name: str) -> _Image:
    """Return an image that shares nothing with the others: who has pulled one has no part of another."""
    tar = root + os.urandom(_PADDING)  # after its end, a tar may have anything
    layer = gzip.compress(tar, compresslevel=0)
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
            "os": "linux",
            "config": {"Env": ["PATH=/usr/bin:/bin"], "Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar)]},
            "history": [{}],
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "size": len(config), "digest": _digest(config)},
            "layers": [{"mediaType": _LAYER, "size": len(layer), "digest": _digest(layer)}],
        }
    ).encode()
    return _Image(manifest, {_digest(content): content for content in (layer, config)})


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

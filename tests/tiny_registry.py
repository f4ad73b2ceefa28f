"""A registry of images that serves one, to be pulled and never pushed: `tiny:1` for everybody, `private:1` with a password.

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "127.0.0.1:5000"
PRIVATE_ADDRESS = "127.0.0.1:5001"
"""Whoever asks here has to sign in."""
TINY = f"{ADDRESS}/tiny:1"
PRIVATE = f"{PRIVATE_ADDRESS}/private:1"
USER, PASSWORD = "someone", "a-password"

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PADDING = 3_000_000  # bytes that no compression makes fewer
_PAUSE = 0.1  # seconds between two pieces of a layer, so that there is progress to tell


def serve(root: bytes) -> None:
    """Serve an image with the content of a tar, in a thread of this process."""
    layer = gzip.compress(root + os.urandom(_PADDING), compresslevel=1)  # after its end, a tar may have anything
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
            "os": "linux",
            "config": {"Env": ["PATH=/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(layer))]},
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
    blobs = {_digest(content): content for content in (layer, config, manifest)}
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
            elif parts[1:2] not in (["tiny"], ["private"]):
                self._answer(404, b'{"errors": [{"code": "NAME_UNKNOWN", "message": "repository name unknown"}]}', body)
            elif parts[2] == "manifests" and (parts[3] == "1" or parts[3] in blobs):
                self._answer(200, manifest, body, _MANIFEST)
            elif parts[2] == "blobs" and parts[3] in blobs:
                self._answer(200, blobs[parts[3]], body, "application/octet-stream")
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


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

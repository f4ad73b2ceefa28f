"""JSON to and from an API server over connections that are kept: for the parts of the test cluster, which write a lot.

Not for what is under test, and not for tests that look at one request: `tests.apiserver.TokenTransport` is.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from tests.apiserver import Refused

Object = dict[str, Any]
MERGE = "application/merge-patch+json"


def _status(content: bytes) -> Object:
    try:
        found: Object = json.loads(content)
    except ValueError:  # a path that nothing serves is answered with a word
        return {"message": content.decode(errors="replace")}
    return found


class Wire:
    """One cluster, reached with the first user of a kubeconfig. Threads may share it."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text("utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self.server = urlsplit(cluster["server"])
        self.authority = cluster.get("certificate-authority-data")
        self.token: str = config["users"][0]["user"]["token"]
        self._tls = None
        if self.server.scheme == "https":
            self._tls = ssl.create_default_context(cadata=base64.b64decode(self.authority).decode())
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._made: weakref.WeakSet[http.client.HTTPConnection] = weakref.WeakSet()

    def close(self) -> None:
        """Close what is kept, and wake up whoever waits for an answer: there will be none."""
        with self._lock:
            idle, made = self._idle, list(self._made)
            self._idle = []
        for connection in made:
            with suppress(OSError, AttributeError):  # it is closed already
                connection.sock.shutdown(socket.SHUT_RDWR)
        for connection in idle:
            connection.close()

    def connection(self, timeout: float = 30) -> http.client.HTTPConnection:
        """Return a new connection, not yet opened."""
        host, port = str(self.server.hostname), self.server.port
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        if self._tls is not None:
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        with self._lock:
            self._made.add(connection)
        return connection

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Return the answer's object; raise `Refused` for any answer that is no success. Waits while a kind is set up."""
        while True:
            try:
                return self._send(method, path, body, query, content_type)
            except Refused as refused:
                if refused.code != 429:
                    raise
                time.sleep(0.1)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        content_type: str,
    ) -> Object:
        url = path + ("?" + urlencode(query) if query else "")
        text = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        for connection in (kept, self.connection()) if kept else (self.connection(),):
            try:
                connection.request(method, url, text, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (ConnectionError, ssl.SSLError, http.client.HTTPException):
                connection.close()  # the server closes connections that were idle
                if connection is not kept:
                    raise
                continue
            with self._lock:
                self._idle.append(connection)
            break
        if answer.status >= 300:
            raise Refused(answer.status, _status(content))
        found: Object = json.loads(content)
        return found

    def patch(self, path: str, body: Mapping[str, Any]) -> Object:
        """Merge `body` into an object."""
        return self.send("PATCH", path, body, content_type=MERGE)

    def apply(self, path: str, body: Mapping[str, Any], *, manager: str) -> Object:
        """Apply an object, as the owner of all its fields."""
        query = {"fieldManager": manager, "force": "true"}
        return self.send("PATCH", path, body, query=query, content_type="application/apply-patch+yaml")

    def find(self, path: str) -> Object | None:
        """Return the object at `path`, or `None` where there is none."""
        try:
            return self.send("GET", path)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def exists(self, path: str) -> bool:
        """Say whether there is something at `path`."""
        return self.find(path) is not None

    def remove(self, path: str, *, uid: str = "") -> None:
        """Delete an object if it is there; with `uid`, only that one, and none that has its name by now."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self.send("DELETE", path, options)
        except Refused as refused:
            if refused.code != 404 and not (uid and refused.code == 409):
                raise

    def items(self, path: str) -> list[Object]:
        """Return all objects of a collection."""
        found: list[Object] = self.send("GET", path)["items"]
        return found

    def watch(self, path: str, stop: threading.Event) -> Iterator[Object]:
        """Yield the events of a collection, from all that is there on, until `stop`; never ends by itself."""
        version = ""
        while not stop.is_set():
            try:
                if not version:
                    listed = self.send("GET", path)
                    version = listed["metadata"]["resourceVersion"]
                    yield {"type": "RELIST", "object": {"items": listed["items"]}}
                for event in self._streamed(path, version, stop):
                    if event.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
                        version = ""  # too old, or a refusal in place of events: list again
                        stop.wait(0.1)
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    yield event
            except (OSError, http.client.HTTPException, ValueError):
                stop.wait(0.1)
            except Refused as refused:
                if refused.code < 500:
                    raise
                stop.wait(0.1)

    def _streamed(self, path: str, version: str, stop: threading.Event) -> Iterator[Object]:
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "20"}
        connection = self.connection(timeout=40)
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            connection.request("GET", f"{path}?{urlencode(query)}", headers=headers)
            answer = connection.getresponse()
            while not stop.is_set() and (line := answer.readline()):
                event: Object = json.loads(line)
                yield event
        finally:
            connection.close()

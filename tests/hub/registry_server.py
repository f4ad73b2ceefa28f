"""A model registry over HTTP, made from a pinned OpenAPI document: it holds every request and every answer against it.

The pin says which operations there are, which parameters they take, and what a body and an answer have. What an operation
does follows from its path: `/things` is a collection, `/things/{id}` one of it, `/thing` a search, `/things/{id}/parts` the
parts of one. What is wrong with a request is answered with 400; what is wrong with an answer fails the test, by `complaints`.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema

from kubeflow.hub.filters.filter_syntax import Comparison, Condition, parse_filter

SCHEMAS = Path(__file__).parents[2] / "schemas"
PINS = {"v1": "model-registry/v0.3.json", "v1alpha3": "model-registry-v1alpha3/v0.3.json"}
# Collection -> its entities; of a collection of parts, the field that names the owner.
KINDS = {
    "registered_models": "RegisteredModel", "model_versions": "ModelVersion", "versions": "ModelVersion", "artifacts": "Artifact",
    "model_artifacts": "Artifact", "serving_environments": "ServingEnvironment", "inference_services": "InferenceService",
    "serves": "ServeModel", "experiments": "Experiment", "experiment_runs": "ExperimentRun",
}  # fmt: skip
OWNER = {
    "ModelVersion": "registeredModelId",
    "InferenceService": "servingEnvironmentId",
    "ExperimentRun": "experimentId",
}
SINGULAR = {
    "registered_model": "RegisteredModel", "model_version": "ModelVersion", "artifact": "Artifact", "model_artifact": "Artifact",
    "serving_environment": "ServingEnvironment", "inference_service": "InferenceService", "experiment": "Experiment",
    "experiment_run": "ExperimentRun",
}  # fmt: skip


@dataclass
class Fault:
    """What happens instead of the next requests that match: `status`, or a connection that is closed for 0.

    `acted`: the request is done, and only its answer is lost.
    """

    method: str
    path: str
    status: int
    times: int = 1
    acted: bool = False


@dataclass
class RegistryServer:
    """A running server. `token`: without it, everything is 401."""

    version: str
    token: str | None = None
    page: int = 3
    requests: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])
    faults: list[Fault] = field(default_factory=list[Fault])
    entities: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    url: str = ""
    page_for_all: bytes | None = None

    def __post_init__(self) -> None:
        self.become(self.version)
        self._lock = threading.RLock()
        self._clock = time.time_ns() // 1_000_000

    def become(self, version: str) -> None:
        """Serve another version from now on, with the same entities."""
        self.version = version
        self._validators: dict[str, Any] = {}
        self.document: Mapping[str, Any] = json.loads((SCHEMAS / PINS[version]).read_text("utf-8"))
        self.paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "([^/]+)", path) + "$"), path, item)
            for path, item in self.document["paths"].items()
        ]

    # -- one request --------------------------------------------------------------------------------------------

    def answer(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes] | None:
        parts = urlsplit(target)
        self.requests.append(f"{method} {target}")
        if self.page_for_all is not None:
            return 200, "text/html", self.page_for_all
        with self._lock:
            fault = next(
                (f for f in self.faults if f.times and f.method == method and parts.path.endswith(f.path)), None
            )
            if fault is not None:
                fault.times -= 1
                if fault.acted:
                    self._answer(method, parts.path, dict(parse_qsl(parts.query)), body, headers)
                return None if fault.status == 0 else self._error(fault.status, "the database is gone")
            return self._answer(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), body, headers)

    def _answer(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return self._error(401, "no valid token")
        for pattern, template, item in self.paths:
            found = pattern.match(path)
            if found and method.lower() in item:
                operation = item[method.lower()]
                try:
                    values = self._checked(operation, [unquote(part) for part in found.groups()], template, query)
                    given = self._checked_body(operation, body)
                    result = self._done(template, method, values, query, given)
                except Refused as refused:
                    return self._error(refused.status, str(refused))
                status, response = next((s, r) for s, r in operation["responses"].items() if s.startswith("2"))
                self._check_answer(response, result, f"{method} {path}")
                return int(status), "application/json", json.dumps(result).encode()
        return 404, "text/plain", b"404 page not found\n"

    def _error(self, status: int, message: str) -> tuple[int, str, bytes]:
        return status, "application/json", json.dumps({"code": str(status), "message": message}).encode()

    def _checked(
        self, operation: Mapping[str, Any], places: list[str], template: str, query: Mapping[str, str]
    ) -> dict[str, str]:
        values = dict(zip(re.findall(r"\{([^}]+)\}", template), places, strict=True))
        known = {parameter["name"]: parameter for parameter in operation["parameters"]}
        if unknown := set(query) - set(known):
            raise Refused(400, f"unknown parameter {min(unknown)}")
        for name, value in {**query, **values}.items():
            self._hold(value, known[name]["schema"], f"parameter {name}")
        if missing := [name for name, each in known.items() if each["required"] and name not in {**query, **values}]:
            raise Refused(400, f"missing parameter {missing[0]}")
        return values

    def _checked_body(self, operation: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        if "requestBody" not in operation:
            if body:
                raise Refused(400, "a body where none is taken")
            return {}
        try:
            given = json.loads(body)
        except ValueError:
            raise Refused(400, "the body is no JSON") from None
        self._hold(given, operation["requestBody"]["content"]["application/json"]["schema"], "body")
        return dict(given)

    def _hold(self, value: object, schema: Mapping[str, Any], what: str) -> None:
        try:
            self._validator(schema).validate(value)
        except jsonschema.ValidationError as error:
            raise Refused(400, f"{what}: {error.message}") from None

    def _check_answer(self, response: Mapping[str, Any], result: object, what: str) -> None:
        schema = response["content"]["application/json"]["schema"]
        self.complaints += [f"{what}: {error.message}" for error in self._validator(schema).iter_errors(result)]

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            closed = {name: _closed(node) for name, node in self.document["components"]["schemas"].items()}
            self._validators[key] = jsonschema.Draft7Validator({**schema, "components": {"schemas": closed}})
        return self._validators[key]

    # -- what operations do -------------------------------------------------------------------------------------

    def _done(
        self, template: str, method: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any]
    ) -> dict[str, Any]:
        steps = template.removeprefix(f"/api/model_registry/{self.version}/").split("/")
        if steps[0] in SINGULAR:
            return self._searched(SINGULAR[steps[0]], query)
        identity = next(iter(values.values()), None)
        if identity is None:
            kind = KINDS[steps[0]]
            return (
                self._created(kind, body, body.get(OWNER.get(kind, "")))
                if method == "POST"
                else self._listed(kind, query)
            )
        owner = self._entity(KINDS[steps[0]], identity)
        if len(steps) == 2:
            return self._changed(owner, body) if method == "PATCH" else _shown(owner)
        kind = KINDS[steps[2]]
        if method == "POST":
            if kind in OWNER:
                body[OWNER[kind]] = identity
            return self._created(kind, body, identity)
        return self._listed(kind, query, identity)

    def _entity(self, kind: str, identity: str) -> dict[str, Any]:
        found = self.entities.get(identity)
        if found is None or found["_kind"] != kind:
            raise Refused(404, f"no {kind} found for id {identity}")
        return found

    def _created(self, kind: str, body: dict[str, Any], owner: str | None) -> dict[str, Any]:
        if "id" in body:
            return self._changed(self._entity(kind, body["id"]), body)
        if owner is not None and owner not in self.entities:
            raise Refused(404, f"no owner found for id {owner}")
        name = body.get("name")
        if any((e["_kind"], e["_owner"], e.get("name")) == (kind, owner, name) for e in self.entities.values()):
            raise Refused(409, f"{kind} {name} already exists")
        now = self._now()
        entity = {
            **body,
            "id": str(len(self.entities) + 1),
            "createTimeSinceEpoch": now,
            "lastUpdateTimeSinceEpoch": now,
            "_kind": kind,
            "_owner": owner,
        }
        self.entities[entity["id"]] = entity
        return _shown(entity)

    def _changed(self, entity: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        entity.update(body, lastUpdateTimeSinceEpoch=self._now())
        return _shown(entity)

    def _searched(self, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
        for entity in self.entities.values():
            wanted = {
                "name": query.get("name"),
                "externalId": query.get("externalId"),
                "_owner": query.get("parentResourceId"),
            }
            if entity["_kind"] == kind and all(value in (None, entity.get(key)) for key, value in wanted.items()):
                return _shown(entity)
        raise Refused(404, f"no {kind} found")

    def _listed(self, kind: str, query: Mapping[str, str], owner: str | None = None) -> dict[str, Any]:
        found = [e for e in self.entities.values() if e["_kind"] == kind and owner in (None, e["_owner"])]
        if kind := query.get("artifactType", ""):
            found = [entity for entity in found if entity["artifactType"] == kind]
        if text := query.get("filterQuery"):
            condition = parse_filter(text).condition
            found = [entity for entity in found if matches(condition, entity)]
        order = {"CREATE_TIME": "createTimeSinceEpoch", "LAST_UPDATE_TIME": "lastUpdateTimeSinceEpoch"}
        key = order.get(query.get("orderBy", ""), "id")
        found.sort(key=lambda entity: (int(entity[key]), int(entity["id"])), reverse=query.get("sortOrder") == "DESC")
        first = int(query.get("nextPageToken") or 0)
        size = min(self.page, int(query.get("pageSize") or 20))
        last = first + size
        items = [_shown(entity) for entity in found[first:last]]
        return {
            "items": items,
            "size": len(items),
            "pageSize": size,
            "nextPageToken": str(last) if last < len(found) else "",
        }

    def _now(self) -> str:
        self._clock += 1
        return str(self._clock)


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def matches(condition: Condition, entity: Mapping[str, Any]) -> bool:
    """Whether an entity is what a filter asks for: written here a second time, without SQL."""
    if not isinstance(condition, Comparison):
        return (all if condition.word == "AND" else any)(matches(part, entity) for part in condition.parts)
    if condition.suffix is None and condition.name in entity and condition.name != "customProperties":
        left: Any = entity[condition.name]
        if condition.name in ("id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"):
            left = int(left)
    else:
        value = entity.get("customProperties", {}).get(condition.name)
        if value is None:
            return False
        kind = next(key for key in value if key.endswith("_value"))
        if condition.suffix not in (None, kind):
            return False
        left = int(value[kind]) if kind == "int_value" else value[kind]
    return any(_compares(condition.operator, left, right) for right in condition.values)


def _compares(operator: str, left: Any, right: Any) -> bool:
    numbers = [isinstance(side, int | float) and not isinstance(side, bool) for side in (left, right)]
    if numbers[0] != numbers[1] or isinstance(left, bool) != isinstance(right, bool):
        return False
    if operator in ("LIKE", "ILIKE"):
        pattern = "".join({"%": ".*", "_": "."}.get(mark, re.escape(mark)) for mark in right)
        return re.fullmatch(pattern, left, re.IGNORECASE if operator == "ILIKE" else 0) is not None
    signs: Mapping[str, Callable[[Any, Any], bool]] = {
        "=": lambda a, b: a == b, "IN": lambda a, b: a == b, "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    }  # fmt: skip
    return signs[operator](left, right)


def _closed(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object of the API takes no other fields than those of its schema."""
    return {**node, "additionalProperties": False} if "properties" in node else node


def _shown(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if not key.startswith("_")}


@contextmanager
def running(version: str, token: str | None = None) -> Iterator[RegistryServer]:
    """Give a server on loopback."""
    server = RegistryServer(version, token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one piece: else each answer waits 40 ms for an acknowledgement

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = server.answer(self.command, self.path, body, dict(self.headers))
            if answer is None:
                self.close_connection = True
                return
            status, kind, content = answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()

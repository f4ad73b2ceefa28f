"""The paths of a model server, and the status codes of what can go wrong.

| code | when |
|---|---|
| 400 | no JSON, no tensor, a wrong datatype or shape, an input that the model does not take |
| 404 | another model, another version, no such path |
| 405 | no such method |
| 413 | a body beyond the limit |
| 415 | a compressed body |
| 500 | the model failed, or returned what cannot be sent |
| 503 | the model is being loaded, or the server ends |

Every error is `{"error": "..."}`. Sources of paths: https://github.com/kserve/open-inference-protocol and
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import inspect, json
from kubeflow.kserve.inference.infer_messages import JSON_TYPE, HttpBody, InferRequest, read_request
from kubeflow.kserve.server.loaded_models import LoadedModel, ModelCall
from kubeflow.kserve.server.model_calls import BrokenOutput, answer_v1, answer_v2, call_of_v1, call_of_v2
from kubeflow.kserve.server.serving_metrics import TEXT_TYPE, ServingMetrics

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T")

logger = logging.getLogger("kubeflow.kserve.server")

BODY_LIMIT = 256 * 1024 * 1024
"""Bytes of the largest body that is read, unless the server is told otherwise."""

EXTENSIONS = ("binary_tensor_data",)


class _HttpError(Exception):
    """The request is answered with an error. The text is for the caller."""

    def __init__(self, code: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        self.code = code
        self.headers = dict(headers or {})
        super().__init__(text)


class ServingApp:
    """One model, answered for over HTTP.

    Args:
        name: What the model is called in paths.
        version: Its version; empty for none.
        body_limit: Bytes of the largest body that is read.

    Attributes:
        model: The model, once it is loaded; until then requests are answered with 503.
        ending: True once the server has been told to end; it is not ready any more then.
    """

    def __init__(self, name: str, version: str = "", *, body_limit: int = BODY_LIMIT) -> None:
        self.name = name
        self.version = version
        self.model: LoadedModel | None = None
        self.ending = False
        self.metrics = ServingMetrics(name)
        self._limit = body_limit
        self._limiter: CapacityLimiter | None = None

    def asgi(self) -> Starlette:
        """Return the application."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        get, post = ["GET"], ["POST"]
        model = "/v2/models/{name}"
        routes = [
            Route("/", self._told(lambda _: {"status": "alive"}), methods=get),
            Route("/v2", self._told(self._server), methods=get),
            Route("/v2/health/live", self._told(lambda _: {"live": True}), methods=get),
            Route("/v2/health/ready", self._told(self._is_ready), methods=get),
            Route("/v2/models", self._told(lambda _: {"models": [self.name]}), methods=get),
            *(
                route
                for path in (model, model + "/versions/{version}")
                for route in (
                    Route(path, self._told(self._metadata), methods=get),
                    Route(path + "/ready", self._told(self._model_ready), methods=get),
                    Route(path + "/infer", self._predicting("v2", self._infer), methods=post),
                )
            ),
            Route("/v1/models", self._told(lambda _: {"models": [self.name]}), methods=get),
            Route("/v1/models/{name}:predict", self._predicting("v1", self._predict), methods=post),
            Route("/v1/models/{name}", self._told(self._model_ready), methods=get),
            Route("/metrics", self._metrics, methods=get),
        ]
        return Starlette(routes=routes, exception_handlers={404: _no_path, 405: _no_method})

    def _told(self, what: Callable[[Request], object]) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler of a path that answers at once."""

        async def handle(request: Request) -> Response:
            try:
                return _json(what(request))
            except _HttpError as answer:
                return _error(answer)

        return handle

    def _server(self, _: Request) -> object:
        from importlib.metadata import PackageNotFoundError, version

        try:
            own = version("kubeflow")
        except PackageNotFoundError:
            own = "0"
        return {"name": "kubeflow", "version": own, "extensions": list(EXTENSIONS)}

    def _check_ready(self) -> LoadedModel:
        if self.ending:
            raise _HttpError(503, "the server ends", {"Retry-After": "1"})
        if self.model is None:
            raise _HttpError(503, f"model {self.name!r} is being loaded", {"Retry-After": "1"})
        return self.model

    def _is_ready(self, _: Request) -> object:
        self._check_ready()
        return {"ready": True}

    def _model_ready(self, request: Request) -> object:
        self._check_name(request)
        self._check_ready()
        return {"name": self.name, "ready": True}

    def _metadata(self, request: Request) -> object:
        self._check_name(request)
        model = self._check_ready()
        return {
            "name": self.name,
            "versions": [self.version] if self.version else [],
            "platform": model.platform,
            "inputs": [spec.document() for spec in model.inputs],
            "outputs": [spec.document() for spec in model.outputs],
        }

    def _check_name(self, request: Request) -> None:
        asked = request.path_params["name"]
        if asked != self.name:
            raise _HttpError(404, f"there is no model {asked!r} here, but {self.name!r}")
        version = request.path_params.get("version", self.version)
        if version != self.version:
            there = f"version {self.version!r}" if self.version else "no versions"
            raise _HttpError(404, f"model {self.name!r} has no version {version!r} here, but {there}")

    async def _metrics(self, _: Request) -> Response:
        from starlette.responses import Response

        return Response(self.metrics.text(ready=self.model is not None), media_type=TEXT_TYPE)

    def _predicting(
        self, protocol: str, predict: Callable[[Request, LoadedModel], Awaitable[HttpBody]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler of a path that asks the model."""

        async def handle(request: Request) -> Response:
            from starlette.responses import Response

            self.metrics.waiting += 1
            try:
                self._check_name(request)
                body = await predict(request, self._check_model())
                answer = Response(body.content, headers=dict(body.headers))
            except _HttpError as error:
                answer = _error(error)
            except InvalidInput as error:
                answer = _error(_HttpError(400, str(error)))
            finally:
                self.metrics.waiting -= 1
            self.metrics.answered(protocol, answer.status_code)
            return answer

        return handle

    def _check_model(self) -> LoadedModel:
        """Return the model; also a server that ends answers what has come."""
        if self.model is None:
            self._check_ready()
            raise AssertionError
        return self.model

    async def _infer(self, request: Request, model: LoadedModel) -> HttpBody:
        content, headers = await self._body(request), {k.lower(): v for k, v in request.headers.items()}

        def read() -> tuple[InferRequest, ModelCall]:
            asked = read_request(content, headers)
            return asked, call_of_v2(asked)

        # What is large is read in a thread of its own, so that others are answered meanwhile.
        asked, call = await _in_thread(read) if len(content) > _LARGE else read()
        found = await self._ask(model, call)
        return await self._written(lambda: answer_v2(asked, found, self.name, self.version))

    async def _predict(self, request: Request, model: LoadedModel) -> HttpBody:
        content = await self._body(request)
        call = await _in_thread(lambda: call_of_v1(content)) if len(content) > _LARGE else call_of_v1(content)
        found = await self._ask(model, call)
        return await self._written(lambda: answer_v1(found))

    async def _ask(self, model: LoadedModel, call: ModelCall) -> object:
        from anyio import CapacityLimiter, to_thread

        from kubeflow.local.executors.limits import usable_cpus

        if self._limiter is None:
            self._limiter = CapacityLimiter(model.threads or max(1, len(usable_cpus())))
        began = time.perf_counter()
        try:
            found = await to_thread.run_sync(model.predict, call, limiter=self._limiter)
            return await cast("Awaitable[object]", found) if inspect.isawaitable(found) else found
        except InvalidInput:
            raise
        except Exception as error:
            logger.exception("model %s failed", self.name)
            raise _HttpError(500, f"model {self.name!r} failed: {type(error).__name__}: {error}") from error
        finally:
            self.metrics.predicted(time.perf_counter() - began)

    async def _written(self, write: Callable[[], HttpBody]) -> HttpBody:
        try:
            return await _in_thread(write)
        except BrokenOutput as error:
            logger.error("model %s: %s", self.name, error)  # noqa: TRY400 - its text is all there is
            raise _HttpError(500, str(error)) from error

    async def _body(self, request: Request) -> bytes:
        if (encoding := request.headers.get("content-encoding", "identity").lower()) != "identity":
            raise _HttpError(415, f"a body of Content-Encoding {encoding!r} is not read: send it as it is")
        length = request.headers.get("content-length", "")
        # The server reads the rest and drops it: closed with bytes unread, a connection is reset, and the answer lost.
        too_large = _HttpError(413, f"the body has more than {self._limit:,} bytes: send fewer rows at once")
        if length.isdigit() and int(length) > self._limit:
            raise too_large
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > self._limit:
                raise too_large
            pieces.append(piece)
        return b"".join(pieces)


_LARGE = 64 * 1024  # bytes that are read in about a millisecond


async def _in_thread(function: Callable[[], T]) -> T:
    from anyio import to_thread

    return await to_thread.run_sync(function)


def _error(answer: _HttpError) -> Response:
    return _json({"error": str(answer)}, answer.code, answer.headers)


def _json(value: object, code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON that Python's own function writes, whatever the model's code puts in its place."""
    from starlette.responses import Response

    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(written, code, headers, media_type=JSON_TYPE)


async def _no_path(request: Request, _: Exception) -> Response:
    return _error(_HttpError(404, f"there is no path {request.url.path!r}: see /v2, /v2/models, /v1/models, /metrics"))


async def _no_method(request: Request, error: Exception) -> Response:
    headers = cast("Mapping[str, str]", getattr(error, "headers", None) or {})
    return _error(_HttpError(405, f"{request.method} is not for {request.url.path!r}", headers))

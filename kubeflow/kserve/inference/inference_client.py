"""Requests for predictions: sent, repeated where that is harmless, and read.

A request is sent again when nothing has answered it: there was no connection, it broke before an answer began, or the
answer is 429, 502 or 503. A model is asked twice then at worst, which changes nothing. Once an answer has begun, its
request is not sent again.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.patience import Patience
from kubeflow.kserve.errors import PredictionFailed
from kubeflow.kserve.inference.infer_messages import HttpBody, read_answer, read_object, write_request
from kubeflow.kserve.inference.predict_inputs import infer_request, needs_specs, read_v1_answer, v1_request
from kubeflow.kserve.inference.prediction import Prediction
from kubeflow.kserve.inference.tensors import TensorSpec
from kubeflow.kserve.types.endpoints import Endpoint

if TYPE_CHECKING:
    import urllib3
    from urllib3 import PoolManager

DEFAULT_TIMEOUT = 60.0
"""Seconds for a call of `predict`, its repetitions included."""

_LONGEST_PAUSE = 2.0  # seconds between two tries: a model that is ready again is asked soon
_AGAIN = (429, 502, 503)  # nobody has worked on the request, or has promised to
_MOST_WORDS = 2_000  # characters of an error that are shown
_REMEDIES: Mapping[int, str] = {
    401: "Give the client a token of the gateway.",
    403: "Ask who runs the gateway for the right to call it.",
    413: "Send fewer rows at once.",
    415: "Send the request in the service's protocol.",
}


def infer(
    endpoint: Endpoint,
    inputs: object,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    parameters: Mapping[str, object] | None = None,
    outputs: Sequence[str] = (),
    binary: bool = False,
) -> Prediction:
    """Ask a model for a prediction.

    Args:
        endpoint: Where the request goes.
        inputs: Protocol v2: an array, nested lists, a mapping of tensors by name, a data frame, or a list of mappings
            with the same keys. Protocol v1: the same, and a whole body with `instances`.
        timeout: Seconds for the whole call. A model that is not ready is asked again within them.
        parameters: Parameters of the request (v2), further keys of the body (v1).
        outputs: Names of the outputs that are wanted, all by default; protocol v2.
        binary: Send and ask for tensors as bytes (protocol v2), which is quicker for large ones. Not every server reads
            them: KServe's own and Triton do, MLServer does not.

    Raises:
        InvalidInput: The inputs cannot be sent in the endpoint's protocol.
        PredictionFailed: The service answers with an error, with no answer, or not in time.
    """
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"timeout is in seconds, more than 0, not {timeout!r}.")
    name = endpoint.model_name
    if endpoint.protocol == "v1":
        if binary or outputs:
            raise InvalidInput("Protocol v1 has neither binary tensors nor a choice of outputs: leave both out.")
        body = v1_request(inputs, parameters)
        answer, _ = _send(endpoint, f"/v1/models/{name}:predict", body, timeout)
        return _read(endpoint, lambda: read_v1_answer(answer, name))
    identifier = uuid.uuid4().hex
    asks = needs_specs(inputs)
    wanted = input_specs(endpoint) if asks else ()
    request = infer_request(inputs, identifier, parameters, outputs, wanted)
    path = f"/v2/models/{name}/infer"
    try:
        answer, headers = _send(endpoint, path, write_request(request, binary=binary), timeout)
    except PredictionFailed as error:
        # Another model may have taken the place of the one that was asked what it takes.
        if error.code != 400 or not asks or (now := input_specs(endpoint, fresh=True)) == wanted:
            raise
        request = infer_request(inputs, identifier, parameters, outputs, now)
        answer, headers = _send(endpoint, path, write_request(request, binary=binary), timeout)
    return _read(endpoint, lambda: _prediction(answer, headers, identifier))


def input_specs(endpoint: Endpoint, *, fresh: bool = False) -> tuple[TensorSpec, ...]:
    """Return what a model of protocol v2 says that it takes; nothing where it does not tell.

    The answer is kept for half a minute.

    Args:
        endpoint: The model.
        fresh: Ask again.
    """
    key = (endpoint.url, endpoint.model_name, endpoint.headers.get("Host", ""))
    kept = _specs.get(key)
    if kept is not None and not fresh and time.monotonic() < kept[0]:
        return kept[1]
    answer = _get(endpoint, f"/v2/models/{endpoint.model_name}", 5.0)
    if answer is None or answer.status in _AGAIN:
        return ()
    found: list[TensorSpec] = []
    with contextlib.suppress(InvalidInput):
        document = read_object(answer.data)
        entries = document.get("inputs") if answer.status == 200 else None
        for entry in cast("list[object]", entries) if isinstance(entries, list) else ():
            fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
            name, datatype, shape = (fields.get(key) for key in ("name", "datatype", "shape"))
            if isinstance(name, str) and isinstance(datatype, str):
                lengths = cast("list[object]", shape) if isinstance(shape, list) else []
                found.append(TensorSpec(name, datatype, tuple(each for each in lengths if isinstance(each, int))))
    _specs[key] = (time.monotonic() + _KEPT, tuple(found))
    return tuple(found)


def is_ready(endpoint: Endpoint, *, timeout: float = 2.0) -> bool:
    """Return True when the model is ready to predict, by its own word. One request, not repeated."""
    name = endpoint.model_name
    answer = _get(endpoint, f"/v1/models/{name}" if endpoint.protocol == "v1" else f"/v2/models/{name}/ready", timeout)
    if answer is None or answer.status != 200:
        return False
    try:
        told = read_object(answer.data)
    except InvalidInput:  # Triton answers with an empty body
        return True
    return told.get("ready", True) in (True, "True", "true")


def _get(endpoint: Endpoint, path: str, timeout: float) -> urllib3.BaseHTTPResponse | None:
    """Ask once; `None` when there is no answer."""
    import urllib3

    url = endpoint.url.rstrip("/") + path
    try:
        return _pools(endpoint.ca_file).request(
            "GET", url, headers=dict(endpoint.headers), timeout=timeout, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError:
        return None


def _prediction(content: bytes, headers: Mapping[str, str], identifier: str) -> Prediction:
    answer = read_answer(content, headers)
    outputs = {tensor.name: tensor.value() for tensor in answer.outputs}
    return Prediction(
        outputs, answer.model_name, answer.model_version, answer.id or identifier, dict(answer.parameters)
    )


def _read(endpoint: Endpoint, read: Callable[[], Prediction]) -> Prediction:
    try:
        return read()
    except InvalidInput as error:
        raise PredictionFailed(
            endpoint.service, 200, f"the answer is not of protocol {endpoint.protocol}: {error}.",
            remedy=f"Is {endpoint} a model server?",
        ) from error  # fmt: skip


def _send(endpoint: Endpoint, path: str, body: HttpBody, timeout: float) -> tuple[bytes, Mapping[str, str]]:
    """Send a request until there is an answer that says more than "later", and return it with its headers."""
    import urllib3

    url = endpoint.url.rstrip("/") + path
    headers = {"Accept": "*/*", **body.headers, **endpoint.headers}
    pools = _pools(endpoint.ca_file)
    deadline = time.monotonic() + timeout
    patience = Patience(timeout, first=0.1, longest=_LONGEST_PAUSE)
    left = timeout
    while True:
        code, retry_after = 0, None
        cause: Exception | None = None
        try:
            answer = pools.request(
                "POST",
                url,
                body=body.content,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(left, 10.0), read=left),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            raise PredictionFailed(
                endpoint.service, 0, f"it has not answered within {timeout:g} s.", remedy="Give a larger timeout=."
            ) from error
        except urllib3.exceptions.HTTPError as error:
            words, cause = _connection_words(endpoint, error), error
            if isinstance(error, urllib3.exceptions.SSLError):
                raise PredictionFailed(endpoint.service, 0, words, remedy="Is ca_file the authority's?") from error
        else:
            content = _body(endpoint, answer)
            if answer.status == 200:
                return content, {name.lower(): value for name, value in answer.headers.items()}
            code, words = answer.status, _words(content, answer.headers.get("Content-Type", ""))
            retry_after = _seconds(answer.headers.get("Retry-After"))
            if code not in _AGAIN:
                raise PredictionFailed(endpoint.service, code, words, remedy=_remedy(endpoint, code))
        pause = patience.failed(retry_after)
        if pause is not None and time.monotonic() + pause < deadline:
            time.sleep(pause)
            left = deadline - time.monotonic()
            if left > 0:  # this process may have been held up
                continue
        raise PredictionFailed(
            endpoint.service, code, f"{words} (asked {patience.failures} time(s) in {timeout:g} s)",
            remedy="Wait until it is ready: client.wait_for_service_status().",
        ) from cause  # fmt: skip


def _body(endpoint: Endpoint, answer: urllib3.BaseHTTPResponse) -> bytes:
    """Return the body of an answer that has begun."""
    import urllib3

    try:
        return answer.read(decode_content=True)
    except urllib3.exceptions.HTTPError as error:
        raise PredictionFailed(
            endpoint.service, answer.status, f"its answer broke off: {error}.",
            remedy="The request was not sent again, as the answer had begun: send it again if that is all right.",
        ) from error  # fmt: skip
    finally:
        answer.release_conn()


def _words(content: bytes, kind: str) -> str:
    """Return what a server says of an error: its `error` or `detail`, else its text."""
    text = content.decode("utf-8", "replace").strip()
    if "html" in kind.lower():
        return f"a page and no answer of a model server: {' '.join(text.split())[:200]!r}"
    try:
        document = read_object(content)
    except InvalidInput:
        return text[:_MOST_WORDS] or "no words"
    told = document.get("error") or document.get("detail") or document.get("message")
    return (told if isinstance(told, str) else text)[:_MOST_WORDS]


def _remedy(endpoint: Endpoint, code: int) -> str:
    if code == 404:
        return f"It was asked for model {endpoint.model_name!r} at {endpoint}."
    if code >= 500:
        return f"Its log may say more: client.get_service_logs({endpoint.service!r})."
    return _REMEDIES.get(code, "")


def _connection_words(endpoint: Endpoint, error: Exception) -> str:
    cause = getattr(error, "reason", None) or error.__cause__ or error
    return f"{endpoint} does not answer: {cause}"


def _seconds(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header; `None` for a date, which model servers do not send."""
    return float(text) if text is not None and text.strip().isdigit() else None


_KEPT = 30.0  # seconds for which what a model takes is remembered
_specs: dict[tuple[str, str, str], tuple[float, tuple[TensorSpec, ...]]] = {}
_kept: dict[tuple[int, str | None], PoolManager] = {}
_lock = threading.Lock()


def _pools(ca_file: str | None) -> PoolManager:
    """Return the connections of this process for one authority; a call costs no new one where it has one."""
    import urllib3

    key = (os.getpid(), ca_file)  # a process that was forked has connections of its own
    with _lock:
        if key not in _kept:
            _kept[key] = urllib3.PoolManager(num_pools=32, maxsize=64, ca_certs=ca_file)
        return _kept[key]

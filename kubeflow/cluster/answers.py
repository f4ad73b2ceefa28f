"""The answer of an API server: a JSON object, or a typed error with the server's message and one remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

from kubeflow.cluster.breaks import LOGIN, NO_LOGIN_WORDS
from kubeflow.cluster.errors import (
    AlreadyExists,
    ApiError,
    Cause,
    ClusterError,
    Conflict,
    ControlPlaneMissing,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    ServerFault,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from kubeflow.cluster.target import Target
from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import json, re
from kubeflow.core.transport import Request

# Fields in messages of strict decoding: `unknown field "spec.trainer.numNode"`, `duplicate field "spec.suspend"`.
_STRICT = re.compile(r'((?:unknown|duplicate) field) "([^"]+)"')
# Refusals by rules of the cluster's administrators, with the words after which the reason stands. A webhook or a policy
# may answer with any status.
_DENIALS = {
    "admission webhook": re.compile(r'admission webhook "([^"]+)" denied the request(?:: )?'),
    "admission policy": re.compile(r"ValidatingAdmissionPolicy '([^']+)' with binding '[^']+' denied request(?:: )?"),
}
_SILENT_WEBHOOK = re.compile(r'failed calling webhook "([^"]+)"')
_NO_TLS = "Client sent an HTTP request to an HTTPS server"
_NO_STATUS: Mapping[str, object] = {}
_CONTROL_PLANES = {
    "trainer.kubeflow.org": "Kubeflow Trainer",
    "kubeflow.org": "Katib",
    "sparkoperator.k8s.io": "the Spark Operator",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer to a request. `origin` names the server and the credentials, in words."""

    status: int
    body: bytes
    content_type: str = ""
    retry_after: str | None = None
    location: str | None = None
    origin: str = ""

    __repr__ = repr_of_fields

    @property
    def wait(self) -> float | None:
        """Seconds after which the server wants to be asked again: a number, or the time until a date."""
        if not self.retry_after:
            return None
        try:
            return max(0.0, float(self.retry_after))
        except ValueError:
            pass
        try:
            date = parsedate_to_datetime(self.retry_after)
        except ValueError:
            return None
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def read(request: Request, answer: Answer) -> Mapping[str, object]:
    """Return the JSON object in an answer.

    Raises:
        ClusterError: The answer is an error, or no JSON object.
    """
    if not 200 <= answer.status < 300:
        raise refusal(request, answer)
    content = _json(answer.body)
    if content is None:
        raise ApiError(
            f"Cannot {Target.of(request)}: {answer.origin} answered with "
            f"{answer.content_type or 'something'} that is no JSON object: {_excerpt(answer.body)!r}. "
            "Something between here and the cluster answers in its place, like a proxy or a login page: "
            "check the server's URL and the proxy settings.",
            code=answer.status,
        )
    return content


def refusal(request: Request, answer: Answer) -> ClusterError:
    """Return the error that an answer stands for."""
    target = Target.of(request)
    status: Mapping[str, object] = _json(answer.body) or {}
    return _Refusal(request, answer, target, status if status.get("kind") == "Status" else _NO_STATUS).error()


@dataclass(frozen=True, slots=True)
class _Refusal:
    request: Request
    answer: Answer
    target: Target
    status: Mapping[str, object]

    def error(self) -> ClusterError:
        if (denied := self._denied()) is not None:
            return self._of(Forbidden if self.answer.status in (401, 403) else Invalid, denied)
        match self.answer.status:
            case 401:
                return self._of(
                    Unauthorized,
                    f"{self.answer.origin} does not accept the credentials. They are missing, wrong or expired: log in "
                    "to the cluster again (`kubectl auth whoami` must work); in a pod, check its service account.",
                )
            case 407:  # the answer of a proxy that forwards; tunnels end in `breaks`
                return Unreachable(f"{self._cannot()}No way to {self.answer.origin}: {NO_LOGIN_WORDS}. {LOGIN}")
            case 403:
                return self._of(Forbidden, self._forbidden())
            case 404 if self._unserved():
                return self._missing()
            case 404:
                return self._of(NotFound, f"{self._cannot()}{self._not_found()}")
            case 409 if self._reason() == "AlreadyExists":
                return self._of(
                    AlreadyExists, f"{self._cannot()}Choose another name, or delete the one that is there first."
                )
            case 409 if "Apply failed with" in self._words():
                return self._of(
                    Conflict,
                    f"{self._cannot()}Leave out what the other one owns, or take it over with force=True.",
                )
            case 409:
                return self._of(
                    Conflict, f"{self._cannot()}It has changed since it was read: read it again and repeat the change."
                )
            case 410:
                return self._of(Gone, f"{self._cannot()}The state it refers to is too old: list again.")
            case 400 | 413 | 422:
                return self._of(Invalid, self._invalid())
            case 429:
                return self._of(
                    TooManyRequests, f"{self._cannot()}The server is busy: send fewer requests, or try again later."
                )
            case status if status >= 500:
                return self._of(ServerFault, self._failed())
            case status if 300 <= status < 400:
                return self._of(
                    ApiError,
                    f"{self._cannot()}{self.answer.origin} redirects to {self.answer.location!r}: check that the "
                    "server's URL is that of the API server, and not of a login page or a proxy.",
                )
            case status:
                return self._of(ApiError, f"{self._cannot()}The server answered HTTP {status}.")

    def _of(self, kind: type[ApiError], message: str) -> ApiError:
        return kind(
            message,
            code=self.answer.status,
            reason=self._reason(),
            server_message=self._words(),
            causes=tuple(self._causes()),
            retry_after=_number(self._details(), "retryAfterSeconds") if self.answer.wait is None else self.answer.wait,
            continue_token=str(self._part("metadata").get("continue") or ""),
        )

    def _reason(self) -> str:
        return str(self.status.get("reason") or "")

    def _words(self) -> str:
        return str(self.status.get("message") or "") or _excerpt(self.answer.body)

    def _details(self) -> Mapping[str, object]:
        return self._part("details")

    def _part(self, name: str) -> Mapping[str, object]:
        found = self.status.get(name)
        return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}

    def _causes(self) -> Iterator[Cause]:
        # Of a patch, the server names the fields in a text that holds the whole object as well.
        if unknown := _STRICT.findall(self._words()):
            for problem, field in unknown:
                yield Cause(field, problem)
            return
        listed = self._details().get("causes")
        for cause in cast("Sequence[object]", listed) if isinstance(listed, list) else ():
            if isinstance(cause, dict):
                entry = cast("Mapping[str, object]", cause)
                yield Cause(str(entry.get("field") or ""), str(entry.get("message") or ""))

    def _cannot(self) -> str:
        return f"Cannot {self.target}: {_sentence(self._words() or f'HTTP {self.answer.status}')} "

    def _unserved(self) -> bool:
        """Tell a kind that the cluster does not have from an object that is not there: the latter has a name."""
        return not self._details().get("name") and self.request.path.startswith("/apis/")

    def _missing(self) -> ControlPlaneMissing:
        group = self.target.group
        product = _CONTROL_PLANES.get(group)
        return ControlPlaneMissing(
            f"{self.answer.origin} does not serve {self.request.path.split('/namespaces/')[0]}: "
            + (
                f"{product} is not installed in this cluster, or in a version that does not have this kind. Ask its "
                "administrator to install it, or use another cluster (config_file=, context=)."
                if product
                else f"{group or 'this API'} is not installed in this cluster, or in another version."
            )
        )

    def _not_found(self) -> str:
        missing = self._details()
        if missing.get("kind") == "namespaces":
            return (
                f"Create the namespace ({'kubectl create namespace ' + str(missing.get('name'))}), or use another one."
            )
        if self.target.name is None:
            return "Check the server's URL."
        return f"Check the name{' and the namespace' if self.target.namespace else ''}."

    def _forbidden(self) -> str:
        words = self._words()
        if "system:anonymous" in words:
            return (
                f"{self._cannot()}The request came without credentials that the cluster knows: log in to the cluster "
                "again, so that `kubectl auth whoami` says who you are."
            )
        if "exceeded quota" in words:
            return f"{self._cannot()}Ask for less, delete what is not needed any more, or have the quota raised."
        if "being terminated" in words:
            return f"{self._cannot()}Wait until the namespace is gone and create it again, or use another one."
        plural = self.target.resource + (f".{self.target.group}" if self.target.group else "")
        asked = f"`kubectl auth can-i {self.target.verb} {plural}"
        asked += f" -n {self.target.namespace}`" if self.target.namespace else " --all-namespaces`"
        return (
            f"{self._cannot()}These credentials lack the right to {self.target.verb} {self.target.resource}"
            f"{self.target.place}: ask the cluster's administrator for it ({asked} must say yes), or use "
            "another namespace."
        )

    def _denied(self) -> str | None:
        words = self._words()
        for who, pattern in _DENIALS.items():
            if (found := pattern.search(words)) is not None:
                said = words[found.end() :] or "it does not say why; ask the cluster's administrator"
                return f"Cannot {self.target}: refused by the cluster's {who} {found[1]!r}: {_sentence(said)}"
        return None

    def _failed(self) -> str:
        webhook = _SILENT_WEBHOOK.search(self._words())
        if webhook is None:
            cause = f"The server failed (HTTP {self.answer.status})"
        else:
            product = next((_CONTROL_PLANES[group] for group in _CONTROL_PLANES if webhook[1].endswith(group)), None)
            cause = (
                f"{product or f'What is behind the admission webhook {webhook[1]!r}'} is installed, but does not run"
            )
        return f"{self._cannot()}{cause}: try again later; if it lasts, tell the cluster's administrator."

    def _invalid(self) -> str:
        if _NO_TLS in self._words():
            return f"{self._cannot()}Write https:// in the server's URL, which is from {self.answer.origin}."
        if self.answer.status == 413:
            return f"{self._cannot()}The object is too large for the API server: make it smaller."
        causes = tuple(self._causes())
        if not causes:
            return f"{self._cannot()}".rstrip()
        listed = "".join(f"\n  {cause.field or '(object)'}: {_shortened(cause.message)}" for cause in causes)
        return f"Cannot {self.target}: the server refuses the object. Correct these fields:{listed}"


def _json(body: bytes) -> Mapping[str, object] | None:
    try:
        found = json.loads(body)
    except ValueError:  # also what is no UTF-8
        return None
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else None


def _number(values: Mapping[str, object], key: str) -> float | None:
    found = values.get(key)
    return float(found) if isinstance(found, int | float) else None


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:2000].decode("utf-8", "replace").split())
    return text if len(text) <= 200 else text[:200] + "..."


def _shortened(text: str) -> str:
    """Leave the middle out of a text that quotes a whole object: what is wrong with it stands at the end."""
    return text if len(text) <= 600 else f"{text[:100]} ... {text[-400:]}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."

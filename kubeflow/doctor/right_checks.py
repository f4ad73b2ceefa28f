"""What these credentials may do in a namespace, by the calls of the clients: the rights that each call needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError
from kubeflow.core.transport import Request, Transport
from kubeflow.doctor.control_planes import KSERVE, SPARK, TRAINER, ServedApis, served_apis
from kubeflow.doctor.health import HealthFinding, bad, missing, ok
from kubeflow.pipelines.access_rights import CALL_RULES, AccessRule

_REVIEWS = "/apis/authorization.k8s.io/v1"
_VERSION = "authorization.k8s.io/v1"
# Call -> the API group without which the call is not possible at all.
_GROUPS = {"train": TRAINER, "optimize": TRAINER, "process_data": SPARK, "serve": KSERVE}
_CHANGE = (AccessRule(TRAINER, ("trainjobs",), ("delete", "patch")),)
_MOST_SHOWN = 6


def right_checks(transport: Transport, namespace: str) -> Iterator[HealthFinding]:
    """Yield for each call of the clients whether these credentials may do it.

    One request tells the rights in the namespace; one more is sent for each right of the whole cluster, and for each
    that the server does not list because something other than roles decides.

    Args:
        transport: The cluster.
        namespace: That of jobs.
    """
    try:
        apis = served_apis(transport)
        rights = _Rights(transport, namespace)
        for call, rules in {**CALL_RULES, "delete_job, suspend_job": _CHANGE}.items():
            if apis.serves(_GROUPS.get(call, TRAINER)):
                yield _call(call, _served(rules, apis), rights, namespace)
    except ClusterError as error:
        yield bad("rights", error, asked=True)


def _served(rules: Iterable[AccessRule], apis: ServedApis) -> list[AccessRule]:
    return [rule for rule in rules if not rule.group or apis.serves(rule.group)]


def _call(call: str, rules: Sequence[AccessRule], rights: _Rights, namespace: str) -> HealthFinding:
    lacking: list[tuple[str, str, bool]] = []
    for rule in rules:
        for resource in rule.resources:
            plural, _, below = resource.partition("/")
            full = "/".join(filter(None, (f"{plural}.{rule.group}" if rule.group else plural, below)))
            lacking += [
                (verb, full, rule.cluster)
                for verb in rule.verbs
                if not rights.allow(rule.group, resource, verb, cluster=rule.cluster)
            ]
    if not lacking:
        return ok(call, f"allowed in namespace {namespace!r}")
    words = [f"{verb} {resource}" for verb, resource, _ in lacking]
    more = f" and {len(words) - _MOST_SHOWN} more" if len(words) > _MOST_SHOWN else ""
    verb, resource, cluster = lacking[0]
    scope = "--all-namespaces" if cluster else f"-n {namespace}"
    return missing(
        call,
        f"these credentials may not {', '.join(words[:_MOST_SHOWN])}{more}",
        f"Ask the administrator for them: `kubectl auth can-i {verb} {resource} {scope}` must say yes.",
    )


class _Rights:
    """The rights of these credentials, asked for once each."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport, self._namespace = transport, namespace
        body = {"apiVersion": _VERSION, "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
        answer = self._review("selfsubjectrulesreviews", body)
        self._rules = [
            rule for rule in wire.objects(answer, "status", "resourceRules") if not rule.get("resourceNames")
        ]
        self._incomplete = wire.at(answer, "status", "incomplete") is True
        self._asked: dict[tuple[str, str, str, bool], bool] = {}

    def allow(self, group: str, resource: str, verb: str, *, cluster: bool) -> bool:
        # Of a resource of the whole cluster, a role in a namespace lists rights that it cannot give.
        if not cluster:
            if any(_grants(rule, group, resource, verb) for rule in self._rules):
                return True
            if not self._incomplete:
                return False
        key = (group, resource, verb, cluster)
        if key not in self._asked:
            self._asked[key] = self._allowed(*key)
        return self._asked[key]

    def _allowed(self, group: str, resource: str, verb: str, cluster: bool) -> bool:
        plural, _, below = resource.partition("/")
        about = {"group": group, "resource": plural, "verb": verb, **({"subresource": below} if below else {})}
        if not cluster:
            about["namespace"] = self._namespace
        body = {"apiVersion": _VERSION, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": about}}
        return wire.at(self._review("selfsubjectaccessreviews", body), "status", "allowed") is True

    def _review(self, plural: str, body: Mapping[str, object]) -> Mapping[str, object]:
        return self._transport.send(Request("POST", f"{_REVIEWS}/{plural}", {}, body, repeatable=True))


def _grants(rule: wire.Json, group: str, resource: str, verb: str) -> bool:
    """Return whether a rule of RBAC has the right (https://kubernetes.io/docs/reference/access-authn-authz/rbac/)."""
    groups, resources, verbs = (set(wire.each(str, rule.get(key))) for key in ("apiGroups", "resources", "verbs"))
    below = resource.partition("/")[2]
    wanted = {"*", resource, *({f"*/{below}"} if below else ())}
    return bool(groups & {"*", group} and resources & wanted and verbs & {"*", verb})

"""Which control planes of Kubeflow a cluster serves, in which minors, and which runtimes jobs can name there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError, Forbidden
from kubeflow.cluster.readings import Found, reading
from kubeflow.core.stdlib import re
from kubeflow.core.transport import Request, Transport
from kubeflow.doctor.health import HealthFinding, bad, broken, missing, ok

TRAINER, KATIB, SPARK, KSERVE = "trainer.kubeflow.org", "kubeflow.org", "sparkoperator.k8s.io", "serving.kserve.io"
_JOBSET, _KUEUE = "jobset.x-k8s.io", "kueue.x-k8s.io"


@dataclass(frozen=True, slots=True)
class _ControlPlane:
    """A control plane: its API group, the kind that clients need, and what goes without it."""

    group: str
    version: str
    plural: str
    title: str
    without: str
    remedy: str


_PLANES = (
    _ControlPlane(
        TRAINER, "v1alpha1", "trainjobs", "Kubeflow Trainer",
        "no training jobs on this cluster",
        "Have it installed (https://www.kubeflow.org/docs/components/trainer/), or train on this machine: "
        "KUBEFLOW_BACKEND=localprocess.",
    ),
    _ControlPlane(
        KATIB, "v1beta1", "experiments", "Katib",
        "searches run from the client",
        'Nothing: OptimizerClient(engine="client") needs none.',
    ),
    _ControlPlane(
        SPARK, "v1beta2", "sparkapplications", "Spark Operator",
        "no Spark jobs on this cluster",
        "Have it installed (https://www.kubeflow.org/docs/components/spark-operator/), or use "
        "SparkClient(LocalProcessBackendConfig()).",
    ),
    _ControlPlane(
        KSERVE, "v1beta1", "inferenceservices", "KServe",
        "no models are served on this cluster",
        "Have it installed (https://kserve.github.io), or use KServeClient(LocalProcessBackendConfig()).",
    ),
    _ControlPlane(
        _KUEUE, "v1beta1", "workloads", "Kueue",
        "options.Queue has no effect",
        "Nothing, for jobs without a queue. Else have it installed (https://kueue.sigs.k8s.io).",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServedApis:
    """The API groups of a cluster: the versions of each, the preferred one first."""

    versions: Mapping[str, Sequence[str]]

    def serves(self, group: str) -> bool:
        """Return whether the cluster has the group."""
        return group in self.versions


def served_apis(transport: Transport) -> ServedApis:
    """Return the API groups of a cluster, with one request, which everybody may send who is logged in.

    Raises:
        ClusterError: The groups cannot be read.
    """
    found: dict[str, list[str]] = {}
    for group in wire.objects(transport.send(Request("GET", "/apis")), "groups"):
        preferred = wire.text(group, "preferredVersion", "version")
        versions = [wire.text(version, "version") for version in wire.objects(group, "versions")]
        found[wire.text(group, "name")] = sorted(versions, key=lambda version, first=preferred: version != first)  # type: ignore[misc]
    return ServedApis(found)


def plane_checks(transport: Transport, namespace: str) -> Iterator[HealthFinding]:
    """Yield each control plane with its minor, and the runtimes of training jobs.

    Args:
        transport: The cluster.
        namespace: That of jobs.
    """
    try:
        apis = served_apis(transport)
    except ClusterError as error:
        yield bad("control planes", error, asked=True)
        return
    for plane in _PLANES:
        yield _of(plane, apis, transport)
        if plane.group == TRAINER and apis.serves(TRAINER):
            if not apis.serves(_JOBSET):
                yield broken(
                    "JobSet",
                    "Trainer makes JobSets of its jobs, and the cluster has none",
                    "Have it installed: https://jobset.sigs.k8s.io.",
                )
            yield _runtimes(transport, namespace)
        if plane.group == KATIB and apis.serves(KATIB):
            yield from _katib_label(transport, namespace)


def _of(plane: _ControlPlane, apis: ServedApis, transport: Transport) -> HealthFinding:
    if not apis.serves(plane.group):
        return missing(plane.title, f"not installed: {plane.without}", plane.remedy)
    versions = apis.versions[plane.group]
    if plane.group != _KUEUE and plane.version not in versions:
        return broken(
            plane.title,
            f"it serves {', '.join(versions)} of {plane.group}, and this SDK needs {plane.version}",
            "Have it upgraded, or use a version of the SDK that knows it (docs/compatibility.md).",
        )
    if plane.group == KATIB and not _has(transport, plane):  # the training operator's v1 is in the same group
        return missing(plane.title, f"not installed: {plane.without}", plane.remedy)
    minor = _MINORS[plane.group](transport) if plane.group in _MINORS else _Version(None)
    return minor.finding(plane.title, f"{plane.group}/{versions[0]}")


def _has(transport: Transport, plane: _ControlPlane) -> bool:
    answer = reading(lambda: transport.send(Request("GET", f"/apis/{plane.group}/{plane.version}")))
    if not isinstance(answer, Found):
        return True  # nobody knows
    return any(wire.text(resource, "name") == plane.plural for resource in wire.objects(answer.value, "resources"))


@dataclass(frozen=True, slots=True)
class _Version:
    """The version of a control plane: `None` where it cannot be seen; `guessed` by what its API looks like."""

    text: str | None
    known: Sequence[str] = ()
    guessed: bool = False

    def finding(self, title: str, api: str) -> HealthFinding:
        if self.text is None:
            return ok(title, f"{api}; its version cannot be seen")
        numbers = re.match(r"v?(\d+)\.(\d+)", self.text)
        minor = f"{numbers[1]}.{numbers[2]}" if numbers else self.text
        said = f"{api}, {'by its API ' if self.guessed else 'version '}{self.text.removeprefix('v')}"
        if self.known and minor not in self.known:
            newest = tuple(map(int, self.known[-1].split(".")))
            newer = numbers is not None and (int(numbers[1]), int(numbers[2])) > newest
            if not newer:
                return broken(
                    title, f"{said}, older than this SDK knows ({self.known[0]} and later)", "Have it upgraded."
                )
            said += f", newer than this SDK, which uses it as {self.known[-1]}"
        return ok(title, said)


def _trainer(transport: Transport) -> _Version:
    from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

    from kubeflow.trainer.backends.kubernetes.connection.trainer_minor import minor_by_schema, published_version

    if version := published_version(transport):
        return _Version(version, AVAILABILITY.minors)
    minor = reading(lambda: minor_by_schema(transport))
    return _Version(minor.value if isinstance(minor, Found) else None, AVAILABILITY.minors, guessed=True)


def _kserve(transport: Transport) -> _Version:
    from kubeflow_api.kserve.v1beta1.availability import AVAILABILITY

    from kubeflow.kserve.backends.cluster.serving_minor import serving_minor

    minor = reading(lambda: serving_minor(transport))
    return _Version(minor.value if isinstance(minor, Found) else None, AVAILABILITY.minors, guessed=True)


def _spark(transport: Transport) -> _Version:
    from kubeflow.spark.backends.kubernetes.operator_settings import KNOWN, operator_settings

    version = operator_settings(transport).version
    return _Version(None if version is None else ".".join(map(str, version)), KNOWN)


_MINORS = {TRAINER: _trainer, KSERVE: _kserve, SPARK: _spark}


def _runtimes(transport: Transport, namespace: str) -> HealthFinding:
    from kubeflow.trainer.backends.kubernetes.runtimes.catalogue import Catalogue

    name = "runtimes"
    catalogue = Catalogue(transport, namespace)
    try:
        names = sorted(known.runtime.name for known in catalogue.load())
    except ClusterError as error:
        return bad(name, error, asked=not isinstance(error, Forbidden))
    if not names:
        return missing(
            name,
            "jobs can name none" + (f"; {catalogue.unlisted}" if catalogue.unlisted else ""),
            "Have those installed that Kubeflow Trainer ships (manifests/overlays/runtimes).",
        )
    return ok(name, ", ".join(names))


def _katib_label(transport: Transport, namespace: str) -> Iterator[HealthFinding]:
    from kubeflow.optimizer.engines.katib.experiment_objects import INJECTION_LABEL, unlabelled

    read = reading(lambda: transport.send(Request("GET", f"/api/v1/namespaces/{namespace}")))
    if isinstance(read, Found) and wire.strings(read.value, "metadata", "labels").get(INJECTION_LABEL) != "enabled":
        found = unlabelled(namespace)
        yield missing(f"Katib in {found.what}", found.why, f"{found.remedy}.")

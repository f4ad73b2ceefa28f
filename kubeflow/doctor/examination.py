"""`examine`: all checks side by side, each within its time."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.object_names import check_namespace
from kubeflow.core.tracebacks import thin_all
from kubeflow.doctor.health import Examination, ExaminedSection, HealthFinding, HealthState, broken
from kubeflow.doctor.machine_checks import hardware_checks, state_checks
from kubeflow.doctor.python_checks import python_checks
from kubeflow.doctor.side_by_side import HealthCheck, SideBySide
from kubeflow.doctor.tool_checks import engine_checks, registry_checks, spark_checks
from kubeflow.trainer.backends.registry import BACKEND_VARIABLE, BACKENDS

if TYPE_CHECKING:
    from kubeflow.cluster import Cluster

SectionName: TypeAlias = Literal[
    "python", "machine", "containers", "spark", "registry", "cluster", "control-planes", "rights"
]
SECTIONS: tuple[SectionName, ...] = (
    "python", "machine", "containers", "spark", "registry", "cluster", "control-planes", "rights",
)  # fmt: skip
"""The sections that `examine` knows, in their order."""

_OF_CLUSTERS = ("cluster", "control-planes", "rights")
_SECONDS = 10.0
_SHARE = 0.8  # of the time of a check: that of one question, so that its error comes before the check is given up
# The section that a backend needs, by the name that KUBEFLOW_BACKEND has for it.
_BACKEND_SECTION = {"kubernetes": "cluster", "container": "containers"}
_PLUGIN = "The credentials plugin of the kubeconfig may be waiting for a login: log in, or take a longer --timeout."
_DISK = "Its disk does not answer: set KUBEFLOW_STATE_DIR to a directory of another one."
_NETWORK = "Check the network and the VPN, or look again with a longer --timeout."


def examine(
    sections: Sequence[SectionName] | None = None,
    *,
    backend: str | None = None,
    config_file: str | os.PathLike[str] | None = None,
    context: str | None = None,
    namespace: str | None = None,
    timeout: float = _SECONDS,
) -> Examination:
    """Return what this machine and its cluster can do, what is missing, and why. Changes nothing, and starts no job.

    All checks run side by side. What fails, hangs or is not allowed is a finding, not an error.

    Args:
        sections: Some of `SECTIONS`. What they are about is then asked for: where it is not there, it is broken, and
            not only missing. Default: all.
        backend: `kubernetes`, `localprocess` or `container`: the cluster or the engine that it needs is asked for too.
            Default: the one that `KUBEFLOW_BACKEND` names.
        config_file: The kubeconfig. Default: as for `KubernetesBackendConfig`.
        context: The context in it. Default: its current one.
        namespace: The namespace of jobs. Default: that of the context.
        timeout: Seconds that a check may take; the checks of a cluster take up to three times as long.

    Raises:
        InvalidInput: A section or the backend is none, `timeout` is no positive number, or `namespace` no name.

    Example:
        >>> print(examine(["machine"]))
    """
    chosen = _chosen(sections)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"timeout={timeout!r} is no positive number of seconds.")
    if namespace is not None:
        check_namespace(namespace)
    asked = {*(sections or ()), _BACKEND_SECTION.get(_backend(backend), "")}
    if config_file or context:
        asked.add("cluster")
    of_machine = SideBySide((check for check in _machine(asked, timeout) if check.section in chosen), timeout)
    found = _cluster((config_file, context, namespace), chosen, asked, timeout)
    found |= of_machine.findings()
    return Examination(tuple(ExaminedSection(name, tuple(found[name])) for name in chosen if found.get(name)))


def _machine(asked: Collection[str], timeout: float) -> Iterator[HealthCheck]:
    once = timeout * _SHARE
    yield HealthCheck("python", "packages", python_checks)
    yield HealthCheck("machine", "hardware", partial(hardware_checks, once))
    yield HealthCheck("machine", "state directory", state_checks, slow=_DISK)
    yield HealthCheck("containers", "container engines", partial(engine_checks, once, "containers" in asked))
    yield HealthCheck("spark", "Spark", partial(spark_checks, "spark" in asked))
    yield HealthCheck("registry", "model registry", partial(registry_checks, once), slow=_NETWORK)


def _cluster(
    named: tuple[str | os.PathLike[str] | None, str | None, str | None],
    chosen: Collection[str],
    asked: Collection[str],
    timeout: float,
) -> dict[str, list[HealthFinding]]:
    """Return the findings of a cluster: first whether it answers, then all the rest at once."""
    if not set(chosen).intersection(_OF_CLUSTERS):
        return {}
    # They load models, which nobody needs who only imports `examine`.
    from kubeflow.doctor.cluster_checks import (
        ClusterChoice,
        Hasty,
        connection_findings,
        identity_checks,
        namespace_checks,
        node_checks,
        version_checks,
    )
    from kubeflow.doctor.control_planes import plane_checks
    from kubeflow.doctor.right_checks import right_checks

    choice = ClusterChoice(*named)
    connected: list[Cluster] = []

    def connect() -> Iterator[HealthFinding]:
        cluster, finding = connection_findings(choice, asked=bool(set(asked).intersection(_OF_CLUSTERS)))
        connected.extend([] if cluster is None else [cluster])
        yield finding

    found = SideBySide([HealthCheck("cluster", "kubeconfig", connect, slow=_PLUGIN)], timeout).findings()
    answering: list[tuple[Hasty, str]] = []
    for cluster in tuple(connected):
        transport = Hasty(cluster, timeout * _SHARE)
        check = HealthCheck("cluster", "API server", partial(version_checks, transport), slow=_NETWORK)
        (version,) = SideBySide([check], timeout).findings()["cluster"]
        found["cluster"].append(version)
        if version.state is HealthState.OK:
            answering.append((transport, cluster.namespace))
    if not answering:
        for name in ("control-planes", "rights"):
            if name in asked:
                found[name] = [broken(name, "there is no cluster that answers", "See the section cluster.")]
        return found
    ((transport, namespace),) = answering
    rest = [
        HealthCheck("cluster", "user", partial(identity_checks, transport), slow=_NETWORK),
        HealthCheck("cluster", "namespace", partial(namespace_checks, transport, namespace), slow=_NETWORK),
        HealthCheck("cluster", "nodes", partial(node_checks, transport), slow=_NETWORK),
        HealthCheck("control-planes", "control planes", partial(plane_checks, transport, namespace), slow=_NETWORK),
        HealthCheck("rights", "rights", partial(right_checks, transport, namespace), slow=_NETWORK),
    ]
    for name, findings in SideBySide((check for check in rest if check.section in chosen), timeout).findings().items():
        found.setdefault(name, []).extend(findings)
    return found


def _backend(given: str | None) -> str:
    if given is not None and given not in BACKENDS:
        raise InvalidInput(
            f"backend={given!r} names no backend.{did_you_mean(str(given), BACKENDS)} Known: {', '.join(BACKENDS)}."
        )
    return given or os.environ.get(BACKEND_VARIABLE, "").strip().lower()


def _chosen(sections: Sequence[str] | None) -> tuple[str, ...]:
    if sections is None:
        return SECTIONS
    if isinstance(sections, str):
        raise InvalidInput(f"sections= is a list of sections: write [{sections!r}].")
    for name in sections:
        if name not in SECTIONS:
            raise InvalidInput(
                f"{name!r} is no section of an examination.{did_you_mean(str(name), SECTIONS)} "
                f"Sections: {', '.join(SECTIONS)}."
            )
    needed = {*sections, *(("cluster",) if set(sections).intersection(_OF_CLUSTERS) else ())}
    return tuple(name for name in SECTIONS if name in needed)


thin_all(globals())

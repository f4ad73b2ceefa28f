"""What jobs of this machine need besides Python: container engines, Java with pyspark; and the model registry."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

from kubeflow.core.errors import KubeflowError
from kubeflow.core.transport import Request
from kubeflow.doctor.health import HealthFinding, bad, broken, missing, ok
from kubeflow.doctor.python_checks import lacking

_GIB = 1 << 30
_START = {"docker": "`systemctl start docker`", "podman": "`systemctl --user start podman.socket`"}


def engine_checks(seconds: float, asked: bool) -> Iterator[HealthFinding]:
    """Yield the container engines that answer; those that do not where somebody says that they are there.

    Args:
        seconds: Seconds that an engine may take.
        asked: True when jobs are to run in containers.
    """
    from kubeflow.local.executors.containers.engine_search import seen_engines

    if lacking("container"):
        yield bad(
            "container engines",
            "The package 'docker', which drives podman as well, is not installed. Run `pip install "
            "'kubeflow[container]'`.",
            asked=asked,
        )
        return
    answering = False
    for seen in seen_engines(max(int(seconds), 1)):
        if (facts := seen.facts) is not None:
            answering = True
            mode = "rootless" if facts.rootless else "as root"
            size = f"{facts.cpus} CPUs, {facts.memory / _GIB:.1f} GiB of memory"
            yield ok(facts.kind, f"{facts.version} at {seen.host}, {mode}, {size}")
        elif seen.problem is not None:
            yield bad(seen.origin or seen.host, seen.problem, asked=True)
    if not answering:
        there = [name for name in _START if shutil.which(name)]
        start = " or ".join(_START[name] for name in there)
        remedy = (
            f"Start it: {start}; or name its socket with DOCKER_HOST"
            if there
            else "Install docker (https://docs.docker.com/engine/install/) or podman (https://podman.io/docs/installation)"
        )
        why = f"None answers{f', though {chr(32).join(there)} is installed' if there else ''}."
        yield bad("container engines", f"{why} {remedy}.", asked=asked)


def spark_checks(asked: bool) -> Iterator[HealthFinding]:
    """Yield whether Spark can run on this machine.

    Args:
        asked: True when it is to.
    """
    from kubeflow.spark.backends.localspark.java_check import check_java, check_spark
    from kubeflow.spark.errors import PySparkMissing

    try:
        spark = check_spark(sys.executable)
    except PySparkMissing as error:
        why = f"{error.found} cannot be used" if error.found else "not installed"
        remedy = "`pip install 'kubeflow[spark]'` (about 450 MB), or use SparkClient(KubernetesBackendConfig())."
        yield (broken if asked else missing)("pyspark", why, remedy)
    else:
        sessions = "" if spark.has_connect else "; without what sessions need (pip install 'pyspark[connect]')"
        yield ok("pyspark", f"{spark.version} in {spark.home}{sessions}")
    try:
        yield ok("Java", check_java(os.environ))
    except KubeflowError as error:  # a JAVA_HOME that does not serve is a mistake, whoever asks
        yield bad("Java", error, asked=asked or bool(os.environ.get("JAVA_HOME")))


def registry_checks(seconds: float) -> Iterator[HealthFinding]:
    """Yield which model registry a bare `ModelRegistryClient()` means, and whether it answers.

    Args:
        seconds: Seconds that it may take.
    """
    from kubeflow.hub.addresses import address_of

    name = "model registry"
    address = address_of(None)
    if address.url is None:
        yield ok(name, f"that of this machine ({address.reason})")
        return
    from kubeflow.cluster.errors import ApiError, NotFound
    from kubeflow.hub.stores.server_access import transport

    server = transport(address, None, None)
    for version in ("v1", "v1alpha3"):
        path = f"/api/model_registry/{version}/registered_models"
        try:
            server.send(Request("GET", path, {"pageSize": "1"}, timeout=seconds, once=True))
        except NotFound:
            continue
        except ApiError as error:
            yield bad(name, error, asked=True)
            return
        yield ok(name, f"{address.url} ({address.reason}), REST {version}")
        return
    yield bad(
        name,
        f"What answers at {address.url} ({address.reason}) is no model registry. Correct the URL; it has no "
        "/api/model_registry in it.",
        asked=True,
    )

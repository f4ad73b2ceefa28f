"""An API server with the kinds that the clients of this SDK make, and the question whether it takes an object of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver import UPSTREAM, own_server
from tests.cluster.katib.katibcontroller import katib_crds
from tests.cluster.stage import MISSING, REASON, crds, documents, install
from tests.cluster.wire import Wire


@contextmanager
def all_kinds(folder: Path) -> Iterator[Wire]:
    """Yield a connection to a new API server that serves jobs, searches, Spark applications and services of models."""
    if MISSING:
        pytest.skip(REASON)
    upstream = Path(str(UPSTREAM))
    with own_server(folder) as kubeconfig:
        wire = Wire(kubeconfig)
        install(wire, crds("2.3"))
        install(wire, katib_crds())
        install(wire, list(documents(upstream / "spark-operator" / "v2.5.2" / "config" / "crd" / "bases")))
        services = documents(upstream / "kserve" / "v0.20.0" / "config" / "crd" / "full")
        install(wire, [crd for crd in services if crd["spec"]["names"]["kind"] == "InferenceService"])
        yield wire
        wire.close()


def assert_taken(wire: Wire, made: dict[str, Any]) -> None:
    """Have the server check an object with all its fields, and store nothing."""
    group, kind = made["apiVersion"], made["kind"]
    path = f"/{'apis' if '/' in group else 'api'}/{group}/namespaces/default/{kind.lower()}s"
    taken = wire.send("POST", path, made, query={"dryRun": "All", "fieldValidation": "Strict"})
    assert taken["metadata"]["uid"]

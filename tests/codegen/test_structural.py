"""Any valid structural schema pins, gives its CRD back, and becomes models that accept what the API server accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from kubeflow.cluster.errors import ApiError
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request
from tests.apiserver import COMMAND, KUBECONFIG, REASON, Recorded, apiserver
from tests.codegen import awkward, shapes
from tests.codegen.crds import crd, imported, manifest

# Kinds that are no `spec` in an envelope: no fields but their own, and nothing said at all.
FLAT = crd(
    {"type": "object", "properties": {"data": {"type": "object", "additionalProperties": {"type": "string"}}}}, "Flat"
)
OPAQUE = crd({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "Opaque")
CASES = [*shapes.CASES, *awkward.CASES]
CRDS = [*(manifest(case.spec, kind=case.kind) for case in CASES), FLAT, OPAQUE]
ENVELOPES: list[tuple[str, Any, bool]] = [
    ("Flat", {"data": {"a": "b"}}, True),
    ("Flat", {}, True),
    ("Flat", {"data": {"a": 1}}, False),
    ("Flat", {"other": 1}, False),
    ("Opaque", {"spec": {"a": 1}, "more": [1]}, True),
]


def objects() -> Iterator[tuple[str, Any, bool]]:
    """Yield each kind with what its object has beside its name, and whether the API server takes it."""
    for case in CASES:
        yield from ((case.kind, {"spec": spec}, True) for spec in case.taken)
        yield from ((case.kind, {"spec": spec}, False) for spec in case.refused)
    yield from ENVELOPES


OBJECTS = list(objects())


def wire(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "gadget.example/v1", "kind": kind, "metadata": {"name": "one"}, **content}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with imported(tmp_path_factory.mktemp("structural"), *CRDS) as found:
        yield found


def model(package: ModuleType, kind: str) -> Any:
    """Return the class of a kind; one whose name generated modules need for themselves has another name."""
    return getattr(package, f"{kind}Object", None) or getattr(package, kind)


def ids(entry: object) -> str | None:
    return json.dumps(entry)[:60] if isinstance(entry, dict) else None


@pytest.mark.parametrize(("kind", "content", "taken"), OBJECTS, ids=ids)
def test_models_and_rules_accept_what_the_schema_accepts(
    package: ModuleType, kind: str, content: dict[str, Any], taken: bool
) -> None:
    try:
        made = model(package, kind).from_dict(wire(kind, content))
        problems = [str(violation) for violation in package.validate_rules(made)]
    except InvalidInput as refused:
        problems = [str(refused)]
    assert (not problems) == taken, problems
    if taken:
        assert made.to_dict() == wire(kind, content)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with apiserver(tmp_path_factory.mktemp("apiserver"), CRDS) as transport:
        yield transport


@pytest.mark.skipif(not (COMMAND or KUBECONFIG), reason=REASON)
@pytest.mark.parametrize(("kind", "content", "taken"), OBJECTS, ids=ids)
def test_the_api_server_decides_the_same(server: Recorded, kind: str, content: dict[str, Any], taken: bool) -> None:
    path = f"/apis/gadget.example/v1/namespaces/default/{kind.lower()}s"
    request = Request("POST", path, {"fieldValidation": "Strict", "dryRun": "All"}, wire(kind, content))
    try:
        server.send(request)
    except ApiError as error:
        assert error.code in (400, 422), error
        assert not taken, error
    else:
        assert taken

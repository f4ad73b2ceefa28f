"""What can go wrong with a server: faults in the middle, versions of the API, credentials, addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubeflow_api.registry import v1, v1alpha3

from kubeflow.core.errors import InvalidInput
from kubeflow.hub import (
    ModelConflict,
    ModelRegistryClient,
    RegistryDenied,
    RegistryError,
    RegistryRefused,
    RegistryUnavailable,
    RegistryVersionMismatch,
)
from kubeflow.hub.addresses import address_of
from kubeflow.hub.stores.server_access import transport
from kubeflow.local.executors.ports import ReservedPort
from tests.hub.registry_server import Fault, RegistryServer, running

URI = "s3://models/iris/1"
STEPS = ("/registered_models", "/versions", "/artifacts")


def client(server: RegistryServer) -> ModelRegistryClient:
    return ModelRegistryClient(server.url, author="ada")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("acted", [False, True], ids=["undone", "done"])
def test_a_registration_that_broke_off_is_completed_by_the_next_call(
    server: RegistryServer, step: str, acted: bool
) -> None:
    registry = client(server)
    server.faults.append(Fault("POST", step, 500, acted=acted))
    with pytest.raises(RegistryUnavailable, match="the database is gone.*call again") as raised:
        registry.register_model("half", URI, version="v1", metadata={"a": 1})
    assert isinstance(raised.value, RegistryError)
    made = registry.register_model("half", URI, version="v1", metadata={"a": 1})
    assert (made.uri, made.metadata) == (URI, {"a": 1})
    kinds = sorted(entity["_kind"] for entity in server.entities.values())
    assert kinds == ["Artifact", "ModelVersion", "RegisteredModel"]
    with pytest.raises(ModelConflict):
        registry.register_model("half", "s3://other", version="v1")


def test_an_answer_that_is_lost_leaves_nothing_twice(server: RegistryServer) -> None:
    registry = client(server)
    server.faults.append(Fault("POST", "/versions", 0, acted=True))
    with pytest.raises(RegistryUnavailable):
        registry.register_model("lost", URI, version="v1")
    assert registry.register_model("lost", URI, version="v1").uri == URI
    assert len(server.entities) == 3


@pytest.mark.parametrize("step", STEPS)
def test_what_somebody_else_registered_at_the_same_moment_is_taken_if_it_is_the_same(
    server: RegistryServer, step: str
) -> None:
    server.faults.append(Fault("POST", step, 409, acted=True))
    assert client(server).register_model("race", URI, version="v1", metadata={"a": 1}).uri == URI
    assert len(server.entities) == 3


def test_reads_are_asked_again_by_themselves(server: RegistryServer) -> None:
    client(server).register_model("iris", URI, version="1")
    server.faults += [Fault("GET", "/registered_model", 503, times=2), Fault("GET", "/model_version", 0)]
    assert client(server).get_model_version("iris", "latest").uri == URI
    assert client(server).get_model_version("iris", "1").uri == URI


def test_one_probe_finds_the_version_that_is_served(server: RegistryServer) -> None:
    registry = client(server)
    assert server.requests == []
    assert [*registry.list_models()] == []
    probes = [line for line in server.requests if "pageSize=1" in line and "pageSize=100" not in line]
    assert len(probes) == (1 if server.version == "v1" else 2)
    before = len(server.requests)
    assert [*registry.list_models()] == []
    assert len(server.requests) == before + 1
    assert registry.registry.endswith(f"(REST {server.version})")


def test_a_server_of_another_version_than_wanted_says_which_it_serves(server: RegistryServer) -> None:
    other = "v1" if server.version == "v1alpha3" else "v1alpha3"
    registry = ModelRegistryClient(server.url, api_version=other)  # type: ignore[arg-type]
    with pytest.raises(RegistryVersionMismatch, match=f"serves REST {server.version}, and api_version='{other}'"):
        registry.register_model("iris", URI, version="1")
    assert server.entities == {}


def test_a_server_that_changes_its_version_is_noticed(server: RegistryServer) -> None:
    registry = client(server)
    registry.register_model("iris", URI, version="1")
    server.become("v1" if server.version == "v1alpha3" else "v1alpha3")
    with pytest.raises(RegistryVersionMismatch, match="Make a new ModelRegistryClient"):
        registry.get_model("iris")
    assert client(server).get_model_version("iris", "1").uri == URI


def test_what_is_no_registry_is_said_so() -> None:
    with page(b'{"hello": "world"}') as url, pytest.raises(RegistryVersionMismatch, match="is no model registry"):
        next(iter(ModelRegistryClient(url).list_models()))
    with page(b"<html>log in</html>") as url, pytest.raises(RegistryError, match="no JSON object"):
        next(iter(ModelRegistryClient(url).list_models()))


def test_a_dead_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with ReservedPort() as nobodys:
        url = f"http://127.0.0.1:{nobodys.number}"
        with pytest.raises(RegistryUnavailable, match="the server refuses connections.*Check base_url="):
            ModelRegistryClient(url).register_model("iris", URI, version="1")
    monkeypatch.setenv("KUBEFLOW_MODEL_REGISTRY", url)
    assert url in repr(ModelRegistryClient())


def test_a_token_is_sent_and_missed() -> None:
    with running("v1", token="let-me-in") as server:
        with pytest.raises(RegistryDenied, match="answers 401, no valid token. Give user_token="):
            next(iter(client(server).list_models()))
        registry = ModelRegistryClient(server.url, user_token="let-me-in\n")
        assert [*registry.list_models()] == []
        assert "let-me-in" not in repr(registry)


def test_the_token_of_the_environment_goes_to_the_server_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEFLOW_MODEL_REGISTRY_TOKEN", "let-me-in")
    with running("v1", token="let-me-in") as server:
        with pytest.raises(RegistryDenied):
            next(iter(client(server).list_models()))
        monkeypatch.setenv("KUBEFLOW_MODEL_REGISTRY", server.url)
        assert [*ModelRegistryClient().list_models()] == []


def test_a_filter_that_only_the_server_refuses_is_in_its_words(server: RegistryServer) -> None:
    server.faults.append(Fault("GET", "/registered_models", 400))
    registry = client(server)
    with pytest.raises(RegistryRefused, match="the database is gone"):
        [*registry.list_models("name = 'a'")]


def test_integers_of_v1_have_nine_digits() -> None:
    with running("v1") as server, pytest.raises(InvalidInput, match=r"metadata\['n'\] is 1000000000, .*'1000000000'"):
        client(server).register_model("iris", URI, version="1", metadata={"n": 10**9})
    with running("v1alpha3") as server:
        client(server).register_model("iris", URI, version="1", metadata={"n": 10**9})
        assert client(server).get_model_version("iris", "1").metadata == {"n": 10**9}


def test_a_path_of_this_machine_is_no_use_on_a_server(server: RegistryServer, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="upload_artifact"):
        client(server).register_model("iris", str(tmp_path), version="1")
    assert server.entities == {}


def test_metadata_of_other_types_survives_an_update(server: RegistryServer) -> None:
    registry = client(server)
    registry.register_model("iris", URI, version="1", metadata={"a": 1})
    stored = next(entity for entity in server.entities.values() if entity["_kind"] == "ModelVersion")
    struct = {"metadataType": "MetadataStructValue", "struct_value": "eyJhIjogMX0="}
    stored["customProperties"]["s"] = struct
    version = registry.get_model_version("iris", "1")
    assert version.metadata == {"a": 1}
    version.custom_properties["a"] = 2
    registry.update_model_version(version)
    assert stored["customProperties"] == {"a": {"metadataType": "MetadataIntValue", "int_value": "2"}, "s": struct}


def test_the_generated_operations_speak_for_themselves(server: RegistryServer) -> None:
    package = v1 if server.version == "v1" else v1alpha3
    api = package.Operations(transport(address_of(server.url), None, None))
    model = api.create_registered_model(
        {"name": "iris", "custom_properties": {"n": {"metadataType": "MetadataIntValue", "int_value": "3"}}}
    )
    assert model.name == "iris"
    assert model.id is not None
    for number in range(7):
        api.create_registered_model({"name": f"m{number}"})
    page = api.get_registered_models_page(page_size="2", order_by="ID")
    assert (page.size, len(page.items), page.next_page_token) == (2, 2, "2")
    assert len([*api.get_registered_models(page_size="2")]) == 8
    version = api.create_registered_model_version(model.id, {"name": "1", "registeredModelId": model.id})
    doc: Any = package.DocArtifact(uri="s3://doc", name="doc")
    made = api.upsert_model_version_artifact(str(version.id), doc)
    assert isinstance(made, package.DocArtifact)
    assert [type(each) for each in api.get_model_version_artifacts(str(version.id))] == [package.DocArtifact]
    environment = api.create_serving_environment({"name": "prod"})
    service = api.create_inference_service({"registeredModelId": model.id, "servingEnvironmentId": str(environment.id)})
    assert service.registered_model_id == model.id
    before = len(server.requests)
    calls: list[Callable[[], object]] = [
        lambda: api.create_registered_model({"nam": "iris"}),
        lambda: api.create_registered_model({"name": "a", "customProperties": {"n": {"metadataType": "Int"}}}),
        lambda: api.upsert_model_version_artifact("1", {"uri": "s3://a"}),
        lambda: api.get_registered_model(""),
        lambda: api.get_registered_model(".."),
    ]
    for call in calls:
        with pytest.raises(InvalidInput):
            call()
    assert len(server.requests) == before


def test_a_parameter_that_does_not_match_its_pattern_is_not_sent() -> None:
    with running("v1") as server:
        api = v1.Operations(transport(address_of(server.url), None, None))
        with pytest.raises(InvalidInput, match="registered_model_id='a/b' does not match"):
            api.get_registered_model("a/b")
        with pytest.raises(InvalidInput, match="pageSize='0'"):
            next(iter(api.get_registered_models(page_size="0")))
        assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("https://registry.example.com",), "https://registry.example.com:443"),
        (("http://localhost",), "http://localhost:8080"),
        (("registry.example.com",), "https://registry.example.com:443"),
        (("registry.example.com", 8443), "https://registry.example.com:8443"),
        (("registry.example.com", None, False), "http://registry.example.com:8080"),
        (("https://a.example:456/gateway/",), "https://a.example:456/gateway"),
        (("http://[::1]:9",), "http://[::1]:9"),
    ],
)
def test_addresses_are_those_of_the_published_client(arguments: tuple[str], url: str) -> None:
    assert address_of(*arguments).url == url


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("ftp://a",), "is no URL of a registry"),
        (("http://user:secret@a",), "has a user in it"),
        (("http://a:1", 2), "port=2 say different things"),
        (("http://a", None, True), "is_secure=True say different things"),
        (("http://a", 70000), "ports are 1 to 65535"),
        (("http://a:b",), "is no URL"),
        (("http://a?b=c",), "is no URL of a registry"),
    ],
)
def test_addresses_that_cannot_be_are_refused(arguments: tuple[str], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        address_of(*arguments)


def test_the_service_of_the_cluster_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_REGISTRY_SERVICE_SERVICE_HOST", "10.0.0.7")
    monkeypatch.setenv("MODEL_REGISTRY_SERVICE_SERVICE_PORT", "8081")
    assert address_of(None).url == "http://10.0.0.7:8081"
    assert "http://10.0.0.7:8081" in ModelRegistryClient().registry


def test_authorities_are_a_path_or_their_content(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        ModelRegistryClient("https://a.example", custom_ca=str(tmp_path / "none.pem"))


@contextmanager
def page(content: bytes) -> Iterator[str]:
    """Give a server that answers everything with one page."""
    with running("v1") as server:
        server.page_for_all = content
        yield server.url


def test_the_pins_hold_no_prose() -> None:
    for name in ("model-registry", "model-registry-v1alpha3"):
        pin = json.loads((Path(__file__).parents[2] / "schemas" / name / "v0.3.json").read_text("utf-8"))
        told: list[object] = []

        def visit(node: object, told: list[object] = told) -> None:
            if isinstance(node, dict):
                told += [
                    value
                    for key, value in node.items()
                    if key in ("description", "summary", "example") and isinstance(value, str) and value
                ]
                for value in node.values():
                    visit(value)
            elif isinstance(node, list):
                for value in node:
                    visit(value)

        visit(pin)
        assert told == []

"""What every registry does: the same tests on this machine and over both versions of the REST API."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.hub import (
    IncompleteVersion,
    ModelConflict,
    ModelNotFound,
    ModelRegistryClient,
    RegistryError,
    StorageConfig,
)

URI = "s3://models/iris/1"
METADATA: Mapping[str, Any] = {"accuracy": 0.97, "rows": 150, "negative": -3, "ok": True, "stage": "test", "größe": "ü"}


def register(registry: ModelRegistryClient, version: str = "1", name: str = "iris", **values: Any) -> Any:
    return registry.register_model(name, f"s3://models/{name}/{version}", version=version, **values)


def test_what_is_registered_is_read_again(registry: ModelRegistryClient) -> None:
    made = registry.register_model(
        "iris",
        URI,
        version="1",
        model_format_name="sklearn",
        model_format_version="1",
        owner="team",
        version_description="the first",
        metadata=METADATA,
        storage_config=StorageConfig("bucket", "iris/1", "reader"),
        external_id="uid-1",
    )
    assert (made.name, made.owner, made.uri, made.format) == ("iris", "team", URI, "sklearn")
    model, version = registry.get_model("iris"), registry.get_model_version("iris", "1")
    artifact = registry.get_model_artifact("iris", "1")
    assert made.version is not None
    assert model.id == made.id
    assert (version.id, version.author, version.description) == (made.version.id, "ada", "the first")
    assert version.metadata == METADATA
    assert [type(value) for value in version.metadata.values()] == [type(METADATA[name]) for name in version.metadata]
    assert (version.model_name, version.external_id, version.state) == ("iris", "uid-1", "LIVE")
    assert (version.uri, version.model_format_name, version.model_format_version) == (URI, "sklearn", "1")
    assert (artifact.storage_key, artifact.storage_path, artifact.service_account_name) == (
        "bucket",
        "iris/1",
        "reader",
    )
    assert artifact.name == "iris"  # the published client looks for it by the name of the model
    assert version.created is not None
    assert datetime.now(UTC) - version.created < timedelta(days=365)
    assert pickle.loads(pickle.dumps(version)).uri == URI


def test_the_same_call_again_is_the_same_version(registry: ModelRegistryClient) -> None:
    first = register(registry, metadata=METADATA, model_format_name="onnx")
    again = register(registry, metadata=METADATA, model_format_name="onnx")
    less = register(registry)
    assert {first.version.id, again.version.id, less.version.id} == {first.version.id}
    assert len([*registry.list_model_versions("iris")]) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"uri": "s3://models/other"}, "uri is 's3://models/iris/1' there"),
        ({"model_format_name": "onnx"}, "model_format_name is 'sklearn' there"),
        ({"metadata": {"accuracy": 0.5}}, r"metadata\['accuracy'\] is 0.97 there, and 0.5 here"),
        ({"metadata": {"ok": 1}}, r"metadata\['ok'\]"),
        ({"version_description": "another"}, "version_description is 'a model' there"),
        ({"author": "bob"}, "author is 'ada' there"),
        ({"owner": "bob"}, "update_model"),
    ],
)
def test_other_content_under_the_same_version_is_refused(
    registry: ModelRegistryClient, change: dict[str, Any], named: str
) -> None:
    common: dict[str, Any] = {
        "uri": URI,
        "version": "1",
        "model_format_name": "sklearn",
        "version_description": "a model",
    }
    registry.register_model("iris", **common, metadata=METADATA)
    with pytest.raises(ModelConflict, match=named):
        registry.register_model("iris", **{**common, **change})
    with pytest.raises(ModelConflict, match="Nothing was changed"):
        registry.register_model("iris", **{**common, **change})
    assert registry.get_model_version("iris", "1").metadata == METADATA


def test_latest_is_the_newest_that_is_not_archived(registry: ModelRegistryClient) -> None:
    for version in ("b", "c", "a"):
        register(registry, version)
    assert registry.get_model_version("iris", "latest").name == "a"
    registry.archive_model("iris", version="a")
    assert registry.get_model_version("iris", "latest").uri == "s3://models/iris/c"
    assert registry.get_model_version("iris", "a").state == "ARCHIVED"
    registry.restore_model("iris", version="a")
    assert registry.get_model_version("iris", "latest").name == "a"
    for version in ("a", "b", "c"):
        registry.archive_model("iris", version=version)
    with pytest.raises(ModelNotFound, match="no version that is not archived"):
        registry.get_model_version("iris", "latest")


def test_what_is_archived_takes_no_registration(registry: ModelRegistryClient) -> None:
    register(registry)
    registry.archive_model("iris", version="1")
    with pytest.raises(ModelConflict, match=r"restore_model\('iris', version='1'\) first"):
        register(registry)
    registry.archive_model("iris")
    assert registry.get_model("iris").state == "ARCHIVED"
    with pytest.raises(ModelConflict, match=r"restore_model\('iris'\) first"):
        register(registry, "2")
    registry.restore_model("iris")
    assert register(registry, "2").state == "LIVE"


def test_changes_are_stored(registry: ModelRegistryClient) -> None:
    register(registry, metadata={"a": 1, "b": 2})
    model, version = registry.get_model("iris"), registry.get_model_version("iris", "1")
    artifact = registry.get_model_artifact("iris", "1")
    model.description, version.custom_properties, artifact.uri = "a plant", {"b": 3.5, "c": "new"}, "s3://moved"
    model = registry.update_model(model)
    assert registry.update_model_version(version).uri == "s3://models/iris/1"
    registry.update_model_artifact(artifact)
    assert registry.get_model("iris").description == "a plant"
    read = registry.get_model_version("iris", "1")
    assert (read.metadata, read.uri) == ({"b": 3.5, "c": "new"}, "s3://moved")
    model.description = None
    registry.update_model(model)
    assert registry.get_model("iris").description == "a plant"
    model.description = ""
    registry.update_model(model)
    assert not registry.get_model("iris").description


def test_a_change_of_the_wrong_thing_is_refused(registry: ModelRegistryClient) -> None:
    register(registry)
    model: Any = registry.get_model("iris")
    wrong: Any = "iris"
    with pytest.raises(TypeError, match="expected a ModelVersion, not RegisteredModel"):
        registry.update_model_version(model)
    with pytest.raises(TypeError, match="expected a RegisteredModel, not str"):
        registry.update_model(wrong)
    model.state = "ARCHIVE"
    with pytest.raises(InvalidInput, match="Did you mean 'ARCHIVED'"):
        registry.update_model(model)
    model.state, model.id = "LIVE", None
    with pytest.raises(InvalidInput, match="never stored"):
        registry.update_model(model)
    model.id = "4711"
    with pytest.raises(ModelNotFound):
        registry.update_model(model)


def test_lists_come_in_order_and_whole(registry: ModelRegistryClient) -> None:
    names = [f"model-{number}" for number in range(8)]  # more than two pages of the server
    for name in names:
        register(registry, name=name)
    assert [model.name for model in registry.list_models()] == names
    assert [model.name for model in registry.list_models(order_by="ID", descending=True)] == names[::-1]
    time.sleep(0.005)  # registries tell times by the millisecond
    registry.archive_model("model-3")
    assert [*registry.list_models(order_by="LAST_UPDATE_TIME")][-1].name == "model-3"
    assert [v.model_name for v in registry.list_model_versions()] == names


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('name = "1"', "1"),
        ("name != '1'", "234"),
        ("name <> '1'", "234"),
        ("accuracy > 0.8", "23"),
        ("accuracy >= 0.8 AND accuracy < 0.95", "12"),
        ("rows > 15 OR stage = 'test'", "134"),
        ("rows = 10 OR rows = 20 AND accuracy > 0.95", "1"),
        ("(rows = 10 OR rows = 20) AND accuracy > 0.95", ""),
        ("rows IN (10, 30)", "13"),
        ('stage IN ("test", "gone")', "1"),
        ('stage LIKE "t%"', "1"),
        ('stage LIKE "T%"', "4"),
        ('stage ILIKE "T__T"', "14"),
        ('stage LIKE "%*%"', ""),
        ("ok = true", "12"),
        ("ok != TRUE", "3"),
        ("rows.int_value = 10", "1"),
        ("rows.double_value = 10", ""),
        ('`odd name` = "x"', "3"),
        ('missing != "x"', ""),
        ("state = 'LIVE' AND createTimeSinceEpoch > 5", "1234"),
        ("state = 'ARCHIVED'", ""),
        ('stage = "it\'s"', "2"),
        ("rows < 1e2", "1234"),
        ("stage = 10", ""),
        ("rows = '10'", ""),
        ('stage = "x\' OR 1=1 --"', ""),
        ("author = 'ada'", "1234"),
    ],
)
def test_filters_mean_the_same_everywhere(registry: ModelRegistryClient, query: str, found: str) -> None:
    for name, values in {
        "1": {"accuracy": 0.8, "rows": 10, "stage": "test", "ok": True},
        "2": {"accuracy": 0.9, "rows": 15, "stage": "it's", "ok": True},
        "3": {"accuracy": 0.97, "rows": 30, "ok": False, "odd name": "x"},
        "4": {"rows": 20, "stage": "TesT"},
    }.items():
        register(registry, name, metadata=values)
    assert "".join(version.name for version in registry.list_model_versions("iris", query=query)) == found


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "its end is no property"),
        ("accuracy >", "its end is no value"),
        ("accuracy > high", "'high' at 12 is no value"),
        ("NOT a = 1", "'NOT' at 1 is no property"),
        ("a = 1 b = 2", "one part too many"),
        ("a = 1; DROP TABLE models", "cannot begin"),
        ("(a = 1", r"where '\)' is missing"),
        ("a LIKE 3", "no pattern"),
        ("ok > true", "compared by = and != only"),
        ("a = 'ü'", "printable ASCII"),
        ("(" * 60 + "a = 1" + ")" * 60, "inside 50 parentheses"),
        (3, "not int"),
    ],
)
def test_a_filter_that_cannot_be_read_says_where(registry: ModelRegistryClient, query: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        registry.list_models(query)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"a": [1, 2]}, r"metadata\['a'\] is of type list; .* json.dumps"),
        ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "write it as a text, like '2026-01-01T00:00:00"),
        ({"a": None}, "of type NoneType"),
        ({"a": math.nan}, "is nan, which no registry keeps"),
        ({"a": {"b": 1}}, "of type dict"),
        ({"a": 10**30}, "give it as a text"),
        ({3: "a"}, "has the name 3"),
        ([("a", 1)], "not list"),
    ],
)
def test_metadata_that_no_registry_keeps_is_refused_before_anything_is_stored(
    registry: ModelRegistryClient, metadata: Any, why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        register(registry, metadata=metadata)
    assert [*registry.list_models()] == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"name": ""}, "name='' cannot be"),
        ({"name": "größe"}, "printable ASCII"),
        ({"name": " a"}, "no blank at its ends"),
        ({"name": 3}, "name is a text, not int"),
        ({"version": "latest"}, "stands for the newest version"),
        ({"version": 1}, "version is a text, not int"),
        ({"uri": ""}, "is no URI"),
        ({"uri": 3}, "takes a URI, a path or an Artifact, not int"),
        ({"uri": Artifact("s3://a/b", "dataset")}, "uri takes a model"),
        ({"uri": Artifact("s3://a/b", "model", "onnx"), "model_format_name": "sklearn"}, "says format='onnx'"),
        ({"model_format_name": 3}, "model_format_name takes a text"),
        ({"storage_config": {"storage_key": "a"}}, "takes a StorageConfig"),
    ],
)
def test_what_cannot_be_registered_is_refused_before_anything_is_stored(
    registry: ModelRegistryClient, values: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        registry.register_model(**{"name": "iris", "uri": URI, "version": "1", **values})
    assert [*registry.list_models()] == []


def test_the_output_of_a_job_is_registered_with_its_lineage(registry: ModelRegistryClient) -> None:
    output = Artifact(URI, "model", "onnx", {"job": "fit-3f2a", "job_uid": "fit-3f2a-yms690np", "accuracy": 0.9})
    version = registry.register_model("iris", output, version="1", metadata={"accuracy": 0.95}).version
    assert version is not None
    assert (version.external_id, version.format, version.uri) == ("fit-3f2a-yms690np", "onnx", URI)
    read = registry.get_model_version("iris", "1")
    assert read.metadata == {"job": "fit-3f2a", "job_uid": "fit-3f2a-yms690np", "accuracy": 0.95}
    assert (read.artifact.model_source_id, read.artifact.model_source_name) == ("fit-3f2a-yms690np", "fit-3f2a")
    assert registry.register_model("rose", read, version="1").format == "onnx"
    assert read.to_artifact() == Artifact(URI, "model", "onnx", read.metadata)
    assert [v.name for v in registry.list_model_versions(query="externalId = 'fit-3f2a-yms690np'")] == ["1"]


def test_what_is_not_there_is_one_error_with_what_is_there(registry: ModelRegistryClient) -> None:
    register(registry)
    for call in (
        lambda: registry.get_model("irs"),
        lambda: registry.get_model_version("irs", "1"),
        lambda: registry.get_model_artifact("irs", "latest"),
        lambda: registry.archive_model("irs"),
        lambda: registry.list_model_versions("irs"),
    ):
        with pytest.raises(ModelNotFound, match="Did you mean 'iris'") as raised:
            call()
        assert isinstance(raised.value, ValueError | RegistryError | KubeflowError)
    with pytest.raises(ModelNotFound, match="There are: 1"):
        registry.get_model_version("iris", "2")


def test_a_version_without_an_artifact_says_how_to_complete_it(registry: ModelRegistryClient) -> None:
    inner: Any = vars(registry)["_registry"]
    from kubeflow.hub import ModelVersion, RegisteredModel

    model = inner.create_model(RegisteredModel(name="half"))
    inner.create_version(model, ModelVersion(name="1"))
    half = registry.get_model_version("half", "1")
    with pytest.raises(IncompleteVersion, match=r"Call register_model\('half', uri, version='1'\) again"):
        _ = half.uri
    with pytest.raises(IncompleteVersion):
        registry.get_model_artifact("half", "1")
    assert registry.register_model("half", URI, version="1").uri == URI
    assert registry.get_model_version("half", "1").uri == URI


def test_a_model_from_elsewhere_names_no_version(registry: ModelRegistryClient) -> None:
    register(registry)
    with pytest.raises(InvalidInput, match=r"get_model_version\('iris', 'latest'\)"):
        _ = registry.get_model("iris").uri

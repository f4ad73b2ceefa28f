"""URIs of datasets and models: what an initializer would fail on is refused before, with what was probably meant."""

from __future__ import annotations

from urllib.parse import urlparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    S3DatasetInitializer,
    S3ModelInitializer,
)
from kubeflow.trainer.types.storage_uris import SCHEMES, Source, on_cluster, problem

# What was written -> what the error offers; None where nothing is close.
DATASETS: dict[str, str | None] = {
    "hf://squad": "hf://rajpurkar/squad",
    "hf://no-such-old-name": None,
    "hf://": None,
    "hf:///squad": "hf://rajpurkar/squad",
    "hf://datasets/squad": "hf://rajpurkar/squad",
    "https://huggingface.co/datasets/squad?row=1": "hf://rajpurkar/squad",
    "hf://datasets/data": None,
    "hf://datasets//": None,
    "hf://org//name": "hf://org/name",
    "hf:// org/name": "hf://org/name",
    " hf://org/name": "hf://org/name",
    "hf://org/name ": "hf://org/name",
    "hf://org/my data": "hf://org/mydata",
    "hf://org/name\n": "hf://org/name",
    "org/name": "hf://org/name",
    "hf:org/name": "hf://org/name",
    "hf:/org/name": "hf://org/name",
    "HF://org/name": "hf://org/name",
    "hff://org/name": "hf://org/name",
    "huggingface://org/name": "hf://org/name",
    "https://huggingface.co/datasets/org/name": "hf://org/name",
    "https://huggingface.co/datasets/org/name/tree/main": "hf://org/name",
    "https://hf.co/datasets/org/name?row=1": "hf://org/name",
    "huggingface.co/datasets/org/name": "hf://org/name",
    "hf://https://huggingface.co/datasets/org/name": "hf://org/name",
    "hf://huggingface.co/datasets/org/name": "hf://org/name",
    "hf://datasets/org/name": "hf://org/name",
    "hf://org/name/tree/main": "hf://org/name",
    "hf://org/name?revision=v2": "hf://org/name",
    "hf://org/name#train": "hf://org/name",
    "hf://org/name.git": "hf://org/name",
    "hf://org/-name": None,
    "hf://org/na--me": None,
    "hf://o:r/name": None,
    "https://example.com/data.zip": None,
    "data": None,
}
MODELS: dict[str, str | None] = {
    "https://huggingface.co/org/name": "hf://org/name",
    "https://huggingface.co/gpt2": "hf://gpt2",
    "hf://models/org/name": "hf://org/name",
    "hf://gpt 2": "hf://gpt2",
    "hf://@main": None,
}
BUCKETS: dict[str, str | None] = {
    "s3://": None,
    "s3:///path": "s3://path",
    "s3://bucket//path": "s3://bucket/path",
    "s3://me@bucket/path": None,
    "s3://minio:9000/bucket/path": None,
    "s3://my bucket/path": None,
    "s3a://bucket/path": "s3://bucket/path",
    "S3://bucket/path": "s3://bucket/path",
    "s3:bucket/path": "s3://bucket/path",
    "s3://bucket/path ": "s3://bucket/path",
    "bucket/path": None,
}
TABLES: dict[str, str | None] = {
    "cache://schema": None,
    "cache://schema/table/more": None,
    "cache://schema/": None,
    "cache:///table": None,
    "cache://schema/my table": "cache://schema/mytable",
}
# What jobs of this machine can fetch, and a cluster cannot.
HERE_ONLY: list[tuple[Source, str, str]] = [
    ("model", "hf://org/m@main", "'hf://org/m'"),
    ("model", "hf://gpt2@main", "'hf://gpt2'"),
    ("model", "hf://org/m/onnx", "'hf://org/m'"),
    ("model", "hf://org/m/", "'hf://org/m'"),
    ("dataset", "hf://org/d@main", "'hf://org/d'"),
    ("dataset", "hf://org/d@main/train", "'hf://org/d'"),
    ("dataset", "s3://bucket/what?", "'?'"),
    ("model", "s3://bucket/a#1/b", "'#'"),
]
EVERYWHERE: list[tuple[Source, str]] = [
    ("dataset", "hf://org/name"),
    ("dataset", "hf://org/name/"),
    ("dataset", "hf://org/name/data/train.parquet"),
    ("dataset", "hf://Org_1/na.me-2"),
    ("dataset", "s3://bucket"),
    ("dataset", "s3://bucket/"),
    ("dataset", "s3://my.bucket/a/b c/"),
    ("dataset", "cache://schema/table"),
    ("model", "hf://org/name"),
    ("model", "hf://gpt2"),
    ("model", "s3://bucket/m/model.safetensors"),
]


@pytest.mark.parametrize(
    ("kind", "uris"),
    [
        (HuggingFaceDatasetInitializer, DATASETS),
        (HuggingFaceModelInitializer, MODELS),
        (S3DatasetInitializer, BUCKETS),
        (S3ModelInitializer, BUCKETS),
    ],
)
def test_what_nothing_can_fetch_is_refused_with_what_was_meant(
    kind: type[HuggingFaceDatasetInitializer | HuggingFaceModelInitializer | S3DatasetInitializer | S3ModelInitializer],
    uris: dict[str, str | None],
) -> None:
    for uri, meant in uris.items():
        with pytest.raises(InvalidInput, match="storage_uri") as refusal:
            kind(uri)

        assert ("Did you mean" in str(refusal.value)) == (meant is not None), refusal.value
        assert meant is None or str(refusal.value).endswith(f"Did you mean {meant!r}?"), refusal.value
        if meant is not None and kind is not S3DatasetInitializer and "://squad" not in meant:
            kind(meant)  # what is offered is taken


@pytest.mark.parametrize("uri", TABLES)
def test_a_table_is_a_schema_and_a_name(uri: str) -> None:
    with pytest.raises(InvalidInput, match="storage_uri") as refusal:
        DataCacheInitializer(uri, metadata_loc="s3://b/m.json", num_data_nodes=2)
    meant = TABLES[uri]
    assert meant is None or f"Did you mean {meant!r}?" in str(refusal.value)


@pytest.mark.parametrize(("source", "uri"), EVERYWHERE)
def test_what_initializers_fetch_is_taken(source: Source, uri: str) -> None:
    assert problem(uri, source, SCHEMES[source]) == ""
    assert on_cluster(uri, source) == ""


@pytest.mark.parametrize(("source", "uri", "words"), HERE_ONLY)
def test_what_only_this_machine_fetches_is_refused_for_clusters(source: Source, uri: str, words: str) -> None:
    assert problem(uri, source, SCHEMES[source]) == ""
    assert words in on_cluster(uri, source)


hub_text = st.text(alphabet=st.sampled_from("ab/@:?#.-_ %Z0"), max_size=16)


@given(rest=hub_text)
def test_a_taken_dataset_names_one_repository_to_the_initializer(rest: str) -> None:
    """As the images do it: the host and the first part of the path, https://github.com/kubeflow/trainer."""
    uri = f"hf://{rest}"
    if problem(uri, "dataset", ("hf",)) or on_cluster(uri, "dataset"):
        return

    parsed = urlparse(uri)

    assert f"{parsed.netloc}/{parsed.path.split('/')[1]}" == "/".join(rest.split("/")[:2])
    assert not parsed.query
    assert not parsed.fragment


@given(rest=hub_text)
def test_a_taken_model_names_one_repository_to_the_initializer(rest: str) -> None:
    uri = f"hf://{rest}"
    if problem(uri, "model", ("hf",)) or on_cluster(uri, "model"):
        return

    parsed = urlparse(uri)

    assert parsed.netloc + parsed.path == rest
    assert rest.count("/") <= 1

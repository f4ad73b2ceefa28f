"""The value that goes from one client to the next."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from kubeflow.core.artifact import Artifact, uri_of
from kubeflow.core.errors import InvalidInput


def test_an_artifact_of_a_path_is_a_file_uri_and_leads_back_to_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = Artifact.at("a folder/iris#1", "model", "sklearn", {"accuracy": 0.97})
    assert made.uri == f"file://{tmp_path}/a%20folder/iris%231"
    assert made.path == tmp_path / "a folder" / "iris#1"
    assert made.scheme == "file"
    assert Artifact(made.uri, "model").path == made.path


def test_an_artifact_is_a_value() -> None:
    facts: dict[str, str | int | float | bool] = {"job": "fit-3f2a"}
    made = Artifact("s3://models/iris/1", "model", metadata=facts)
    facts["job"] = "another"
    assert made.metadata == {"job": "fit-3f2a"}
    assert made == Artifact("s3://models/iris/1", "model", metadata={"job": "fit-3f2a"})
    assert pickle.loads(pickle.dumps(made)) == made
    assert len({made, replace(made, metadata={})}) == 2
    assert repr(made) == "Artifact(uri='s3://models/iris/1', kind='model', metadata={'job': 'fit-3f2a'})"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("models/iris", "model"), r"has no scheme.*Artifact\.at\('models/iris', \.\.\.\)"),
        (("", "model"), "uri is text like"),
        ((7, "model"), "uri is text like"),
        ((" s3://a/b", "model"), "blank at its ends"),
        (("https://me:open-sesame@example.com/x", "model"), r"\(example\.com/x\) holds a password"),
        (("file://models/iris", "model"), "'file:///' and an absolute path"),
        (("s3://a/b", "modle"), "Did you mean 'model'"),
        (("s3://a/b", "model", ""), "format is a word"),
        (("s3://a/b", "model", None, {"shape": (3, 4)}), r"metadata\['shape'\] is text.*not tuple"),
        (("s3://a/b", "model", None, [1]), "metadata is a map"),
        (("s3://a/b", "model", None, {3: 4}), "names are text"),
    ],
)
def test_what_is_no_artifact_is_refused_in_words(arguments: tuple[object, ...], words: str) -> None:
    make: type = Artifact
    with pytest.raises(InvalidInput, match=words) as caught:
        make(*arguments)
    assert "open-sesame" not in str(caught.value)


def test_an_artifact_elsewhere_has_no_path() -> None:
    with pytest.raises(InvalidInput, match=r"s3://a/b is no path of this machine"):
        _ = Artifact("s3://a/b", "model").path


class Version:
    """Stands for an artifact, as a version of a registered model does."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    def to_artifact(self) -> Artifact:
        return self.artifact


def test_an_argument_takes_artifacts_of_its_kind_alone() -> None:
    data = Artifact("s3://a/b", "dataset")
    assert data.of_kind("dataset", "dataset") is data
    assert uri_of(data, "dataset", "uri") == uri_of("s3://a/b", "dataset", "uri") == "s3://a/b"
    with pytest.raises(InvalidInput, match=r"model takes a model, and s3://a/b is a dataset.*kind='model'"):
        uri_of(data, "model", "model")
    version = Version(data)
    assert uri_of(version, "dataset", "dataset") == "s3://a/b"
    with pytest.raises(InvalidInput, match=r"model takes a model, and s3://a/b is a dataset"):
        uri_of(version, "model", "model")
    anything: object = Path("/a")
    with pytest.raises(InvalidInput, match="uri takes a URI or an Artifact, not "):
        uri_of(anything, "model", "uri")  # type: ignore[arg-type]


def test_two_formats_are_refused_and_one_is_taken() -> None:
    plain, known = Artifact("s3://a/b", "model"), Artifact("s3://a/b", "model", "sklearn")
    assert plain.with_format("sklearn", "model_format") == known
    assert known.with_format(None, "model_format") is known.with_format("sklearn", "model_format") is known
    with pytest.raises(InvalidInput, match=r"model_format='onnx'.*says format='sklearn': leave model_format= out"):
        known.with_format("onnx", "model_format")

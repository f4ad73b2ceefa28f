"""What is refused of outputs and of artifacts as initializers, before anything starts; what backends share is in
`conformance/test_outputs.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubeflow.trainer import (
    Artifact,
    BuiltinTrainer,
    ContainerBackendConfig,
    CustomTrainer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    InvalidInput,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    S3DatasetInitializer,
    S3ModelInitializer,
    TorchTuneConfig,
    TrainerClient,
)
from kubeflow.trainer.backends.container.container_support import output_here


def work() -> None:
    pass


@pytest.fixture
def client(tmp_path: Path) -> TrainerClient:
    return TrainerClient(LocalProcessBackendConfig(state_dir=tmp_path / "state"))


@pytest.fixture
def offline() -> TrainerClient:
    return TrainerClient(KubernetesBackendConfig(offline=True, namespace="ml"))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (7, "output= takes a URI, a path or an Artifact, not 7"),
        ("", "output= takes a URI, a path or an Artifact, not ''"),
        ("s3:/models", r"'s3:/models' has no scheme"),
        ("pvc:///runs", r"is no folder of a claim: write 'pvc://<claim>/<folder>'"),
        ("pvc://claim/../etc", "is no folder of a claim"),
        ("https://me:word@example.com/x", "holds a password"),
        (__file__ + "/below", "cannot be made: Not a directory. Name another one, or leave output= out"),
    ],
)
def test_what_is_no_place_for_an_output_is_refused(client: TrainerClient, output: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        client.train(trainer=CustomTrainer(work), output=output)
    assert client.list_jobs() == []


def test_the_variable_is_the_jobs_own_and_a_builtin_trainer_has_its_own_place(offline: TrainerClient) -> None:
    with pytest.raises(InvalidInput, match=r"env sets KUBEFLOW_OUTPUT.*give train\(output=\)"):
        offline.train(trainer=CustomTrainer(work, env={"KUBEFLOW_OUTPUT": "/x"}), dry_run=True)
    with pytest.raises(InvalidInput, match=r"writes to '/workspace/output': leave output= out"):
        offline.train(
            "torchtune-llama3.2-1b", trainer=BuiltinTrainer(TorchTuneConfig()), output="s3://a/b", dry_run=True
        )


def test_a_claim_without_folder_is_mounted_as_a_whole_also_on_the_oldest_trainer() -> None:
    for version in ("2.0", "2.3"):
        oldest = TrainerClient(KubernetesBackendConfig(offline=True, trainer_version=version))
        text = oldest.train(trainer=CustomTrainer(work), output="pvc://models", dry_run=True).to_yaml()
        assert "claimName: models" in text
        assert "mountPath: /mnt/kubeflow-output" in text
        assert "subPath" not in text


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (Artifact("hf://org/data", "dataset"), Initializer(dataset=HuggingFaceDatasetInitializer("hf://org/data"))),
        (Artifact("s3://raw/x", "dataset"), Initializer(dataset=S3DatasetInitializer("s3://raw/x"))),
        (Artifact("hf://org/model", "model"), Initializer(model=HuggingFaceModelInitializer("hf://org/model"))),
        (Artifact("s3://m/1", "model"), Initializer(model=S3ModelInitializer("s3://m/1", ignore_patterns=None))),
        (
            Artifact("file:///srv/m", "model"),
            Initializer(model=HuggingFaceModelInitializer("file:///srv/m", ignore_patterns=None)),
        ),
    ],
)
def test_the_scheme_of_an_artifact_chooses_what_fetches_it(
    offline: TrainerClient, given: Artifact, made: Initializer
) -> None:
    by_kind = Initializer(dataset=given) if given.kind == "dataset" else Initializer(model=given)
    by_text = Initializer(dataset=given.uri) if given.kind == "dataset" else Initializer(model=given.uri)
    assert by_kind == by_text == made
    assert replace(by_kind) == made
    if given.scheme != "file":
        trainer, job = CustomTrainer(work), "same"
        short = offline.train(initializer=given, trainer=trainer, name=job, dry_run=True)
        assert short == offline.train(initializer=made, trainer=trainer, name=job, dry_run=True)
    else:
        with pytest.raises(InvalidInput, match="is a path of this machine, which no cluster can read"):
            offline.train(initializer=given, trainer=CustomTrainer(work), dry_run=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dataset": Artifact("s3://a/b", "model")}, r"dataset takes a dataset, and s3://a/b is a model"),
        ({"model": Artifact("s3://a/b", "dataset")}, r"model takes a model, and s3://a/b is a dataset"),
        ({"model": Artifact("pvc://c/m", "model")}, r"model='pvc://c/m' cannot be fetched.*options\.VolumeClaim"),
        ({"dataset": "cache://a/b"}, r"cannot be fetched.*DataCacheInitializer"),
        ({"dataset": "gs://a/b"}, r"cannot be fetched: initializers fetch hf://, s3:// and file://; copy it"),
        ({"model": "org/model"}, r"Did you mean 'hf://org/model'\?"),
        ({"model": 3}, r"model "),
    ],
)
def test_what_no_initializer_fetches_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Initializer(**arguments)


def test_an_artifact_in_another_place_is_sent_where_it_belongs(client: TrainerClient) -> None:
    wrong: Any = Artifact("s3://a/b", "model")
    with pytest.raises(InvalidInput, match=r"runtime= does not take an Artifact: write train\(initializer=artifact\)"):
        client.train(wrong, trainer=CustomTrainer(work))


def test_an_artifact_that_is_not_there_is_told_before_the_job_starts(client: TrainerClient, tmp_path: Path) -> None:
    gone = Artifact.at(tmp_path / "gone", "model")
    with pytest.raises(InvalidInput, match=r"There is no .*gone"):
        client.train(initializer=gone, trainer=CustomTrainer(work))


def test_a_claim_in_containers_is_the_path_that_stands_for_it() -> None:
    config = ContainerBackendConfig(volumes={"models": "/srv/models", "cache": "a-volume-of-the-engine"})
    place = Artifact("pvc://models/a b", "model", "onnx")
    found = output_here(place, config.volumes)
    assert found is not None
    assert (found.path, found.format) == (Path("/srv/models/a b"), "onnx")
    with pytest.raises(InvalidInput, match=r"'a-volume-of-the-engine', a volume of the engine stands here"):
        output_here(Artifact("pvc://cache", "model"), config.volumes)

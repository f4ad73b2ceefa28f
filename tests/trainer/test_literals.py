"""A user's text reaches a container as it is, though kubelets expand references in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.trainer import (
    CustomTrainer,
    HuggingFaceDatasetInitializer,
    Initializer,
    KubernetesBackendConfig,
    S3ModelInitializer,
    TrainerClient,
    options,
)
from kubeflow.trainer.rendering.literals import literal
from tests.cluster.kubelet import expand

VARIABLES = {"A": "value of a", "B": "$$", "": "empty"}


@given(st.text("$()AB \n\\"))
def test_a_kubelet_makes_the_text_of_it_again(text: str) -> None:
    assert expand(literal(text), VARIABLES) == text


@pytest.mark.parametrize("text", ["$HOME", "${A}", "5$", "a $ b", "`$x`", ""])
def test_what_no_kubelet_changes_is_sent_as_it_is(text: str) -> None:
    assert literal(text) == text == expand(text, VARIABLES)


def train() -> None:
    """Does nothing."""


def test_initializers_have_the_values_that_were_given() -> None:
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        trainer=CustomTrainer(train, env={"A": "$(B)"}),
        initializer=Initializer(
            dataset=HuggingFaceDatasetInitializer(
                storage_uri="hf://data/set", ignore_patterns=["$(A)*", "$$"], env={"X": "$$(A)"}
            ),
            model=S3ModelInitializer(storage_uri="s3://bucket/$(A)", endpoint="http://minio/$$", region="r"),
        ),
        dry_run=True,
    )
    spec = job.to_dict()["spec"]
    assert isinstance(spec, dict)
    sources = spec["initializer"]
    trainer, dataset, model = (
        {variable["name"]: expand(variable["value"], VARIABLES) for variable in owner["env"]}
        for owner in (spec["trainer"], sources["dataset"], sources["model"])
    )
    assert trainer["A"] == "$(B)"
    assert (dataset["X"], dataset["IGNORE_PATTERNS"]) == ("$$(A)", "$(A)*,$$")
    assert model["ENDPOINT"] == "http://minio/$$"
    assert expand(sources["model"]["storageUri"], VARIABLES) == "s3://bucket/$(A)"


def test_commands_and_patches_are_kubernetes_own_language() -> None:
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        options=[options.TrainerCommand(["run", "--token=$(TOKEN)"]), options.TrainerArgs(["$$(LITERAL)"])],
        dry_run=True,
    )
    spec = job.to_dict()["spec"]
    assert isinstance(spec, dict)
    assert (spec["trainer"]["command"], spec["trainer"]["args"]) == (["run", "--token=$(TOKEN)"], ["$$(LITERAL)"])

"""Hyperparameters whose types the search space has: they arrive so, whether the function is annotated or not."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import CategoricalSearchSpace, OptimizationSpec, Search, TrialConfig
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.optimizer.trial_jobs import job_with_placeholders, trial_job
from kubeflow.packaging import Hyperparameter, bundle, hyperparameter_env
from kubeflow.packaging.remote import codec, coercion
from kubeflow.packaging.tagged_json.encoder import encode
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    CustomTrainerContainer,
    LocalProcessBackendConfig,
    LoraConfig,
    Runtime,
    RuntimeKind,
    RuntimeTrainer,
    TorchTuneConfig,
    TrainerClient,
    TrainerType,
    TrainJobTemplate,
    options,
)
from tests.packaging.cases import unannotated
from tests.packaging.launch import run_bundle

made: Any = Search
CUSTOM, BUILTIN = (
    Runtime(name, RuntimeTrainer(kind, framework, "image"), RuntimeKind.CLUSTER_TRAINING_RUNTIME)
    for name, kind, framework in (
        ("torch-distributed", TrainerType.CUSTOM_TRAINER, "torch"),
        ("torchtune-llama3.2-1b", TrainerType.BUILTIN_TRAINER, "torchtune"),
    )
)
TYPES = {
    "lr": Hyperparameter("float"),
    "size": Hyperparameter("int"),
    "flag": Hyperparameter("choice", [True, False, None, 1]),
    "flavour": Hyperparameter("choice", list(unannotated.Flavour)),
    "rest": Hyperparameter("choice", [{"a": (1, math.inf)}, [0.5], "it's $HOME `id`"]),
    "more": Hyperparameter("int"),
}
TEXTS = {"lr": "1", "size": "16.0", "flag": "1", "flavour": "1.0", "rest": "0", "more": "-3"}


def spec(
    trainer: Any, space: dict[str, Any] | None = None, runtime: Runtime = CUSTOM, **given: Any
) -> OptimizationSpec:
    return optimization_spec(name="a", runtime=runtime, trainer=trainer, search_space=space, **given)


@pytest.mark.parametrize("serializer", ["source", "cloudpickle"])
@pytest.mark.parametrize("from_control_plane", [True, False])
def test_values_have_the_type_of_the_space(serializer: Any, from_control_plane: bool, tmp_path: Path) -> None:
    packed = bundle(unannotated.taste, hyperparameters=TYPES, serializer=serializer)
    own = hyperparameter_env(TEXTS)
    opt = {f"KUBEFLOW_TRAINER_OPT_{name.upper()}": text for name, text in TEXTS.items()}
    ended = run_bundle(packed, tmp_path, extra=opt if from_control_plane else own)
    assert ended.code == 0, ended.stderr
    (outcome,) = ended.outcomes
    # Enums come back as what the client has under their name, which is the class of the case.
    assert outcome.result == [
        ["float", 1.0], ["int", 16], ["bool", False], ["Flavour", unannotated.Flavour.SOUR],
        ["dict", {"a": (1, math.inf)}], ["int", -3],
    ]  # fmt: skip


def test_a_text_that_is_no_value_stops_the_job_with_its_name(tmp_path: Path) -> None:
    ended = run_bundle(
        bundle(unannotated.taste, hyperparameters=TYPES), tmp_path, extra=hyperparameter_env({**TEXTS, "flag": "4"})
    )
    assert ended.code == 1
    assert "hyperparameter flag='4' is not choice of True, False, None, 1" in ended.stderr


def test_scripts_get_words(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys; print(sys.argv[1:])")
    trial = trial_job(
        spec(
            CustomTrainer(
                str(script),
                args={
                    "epochs": 3,
                    "lr": made.uniform(0, 1),
                    "size": made.int(1, 64),
                    "kind": made.choice(["a b", None, 2]),
                },
            )
        ),
        0,
        {"lr": 1e-5, "size": 16, "kind": "a b"},
    )
    assert trial.bundle is not None
    ended = run_bundle(trial.bundle, tmp_path / "job", extra=trial.env)
    assert ended.stdout.strip() == "['--epochs=3', '--lr=1e-05', '--size=16', '--kind=a b']"


SPACES = st.one_of(
    st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6)).map(lambda pair: made.uniform(pair[0], pair[0] + pair[1])),
    st.tuples(st.integers(-(10**30), 10**30), st.integers(0, 10**9)).map(lambda pair: made.int(pair[0], sum(pair))),
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.binary(max_size=3), st.tuples(st.integers())), min_size=1, max_size=5, unique_by=lambda value: (type(value).__name__, repr(value).replace("-0.0", "0.0"))).map(made.choice),
)  # fmt: skip


@given(SPACES, st.floats(0, 1, exclude_max=True))
def test_what_the_job_reads_is_what_the_search_drew(space: Any, part: float) -> None:
    from kubeflow.optimizer.algorithms.quantiles import value_at

    value = value_at(space, part)
    assert space.contains(value)
    choices = [encode(choice) for choice in space.choices] if isinstance(space, CategoricalSearchSpace) else []
    kind = "choice" if choices else "int" if isinstance(value, int) else "float"
    text = space.encode(value)
    assert "\0" not in text
    read = coercion.coerce("x", text, {"kind": kind, "values": choices}, codec.load)
    read = codec.decode(read) if choices else read
    assert type(read) is type(value)
    assert read == value or (isinstance(value, float) and math.isnan(value))


def test_a_space_may_stand_in_the_arguments_or_beside_them_and_overrides_what_is_there() -> None:
    space = made.loguniform(1e-4, 1e-1)
    inside = spec(CustomTrainer(unannotated.taste, {"lr": space, "size": 1, "flag": 1, "flavour": 1}))
    beside = spec(CustomTrainer(unannotated.taste, {"lr": "0.01", "size": 1, "flag": 1, "flavour": 1}), {"lr": space})
    assert inside.space == beside.space == {"lr": space}
    assert inside.trial.bundle is not None
    assert beside.trial.bundle is not None
    assert inside.trial.bundle.digest == beside.trial.bundle.digest
    one = trial_job(beside, 7, {"lr": 0.01})
    assert (one.name, one.env, one.labels) == (
        "a-7",
        {"KUBEFLOW_PARAMETER_lr": "0.01"},
        {"kubeflow.org/optimization": "a", "kubeflow.org/trial-number": "7"},
    )
    assert job_with_placeholders(beside).env == {"KUBEFLOW_PARAMETER_lr": "${trialParameters.lr}"}


def test_the_proposals_third_story_has_settings_of_torchtune() -> None:
    config = TorchTuneConfig(
        lr=Search(min="0.01", max="0.1", distribution="logNormal"),
        peft_config=LoraConfig(lora_rank=Search(min="4", max="8", distribution="uniform"), use_dora=Search.choice([True, False])),
    )  # fmt: skip
    search = spec(BuiltinTrainer(config), runtime=BUILTIN)
    assert {name: type(each).__name__ for name, each in search.space.items()} == {
        "lr": "ContinuousSearchSpace",
        "lora_rank": "IntegerSearchSpace",
        "use_dora": "CategoricalSearchSpace",
    }
    trial = trial_job(search, 0, {"lr": 0.05, "lora_rank": 6, "use_dora": False}).builtin
    assert trial is not None
    assert trial.config.lr == 0.05
    assert trial.config.peft_config == LoraConfig(lora_rank=6, use_dora=False)
    with pytest.raises(InvalidInput, match="hold no placeholders"):
        job_with_placeholders(search)


def test_an_image_reads_values_where_its_words_have_their_names() -> None:
    trainer = CustomTrainerContainer("image:1", env={"LR": "${trialParameters.lr}"})
    args = options.TrainerArgs(["--kind=${trialParameters.kind}", "--home=$(HOME)"])
    space = {"lr": made.uniform(0, 1), "kind": made.choice(["adam", 2])}
    search = spec(trainer, space, options=[args])
    trial = trial_job(search, 0, {"lr": 0.5, "kind": 2})
    assert (trial.env, trial.args) == ({"LR": "0.5"}, ["--kind=2", "--home=$(HOME)"])
    assert job_with_placeholders(search).args == search.trial.args


def annotated(size: int, lr: float = 0.1) -> float:
    return size * lr


def test_whole_numbers_and_those_of_numpy_go_where_floats_and_ints_are_annotated() -> None:
    import numpy as np

    taken = spec(CustomTrainer(annotated), {"size": made.choice([np.int64(3), 4]), "lr": made.int(1, 2)})
    assert list(taken.space) == ["size", "lr"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: spec(CustomTrainer(unannotated.taste), {"lrr": made.uniform(0, 1)}), "argument lr: taste needs it"),
        (lambda: spec(CustomTrainer(partial(unannotated.taste, made.uniform(0, 1)), {"size": 1})), "0 is a search space, and an argument that a partial binds"),
        (lambda: spec(CustomTrainer(unannotated.taste, {"rest": {"lr": made.uniform(0, 1)}})), "rest['lr'] is a search space inside of an argument"),
        (lambda: spec(CustomTrainer(unannotated.taste, {"lr": made.uniform(0, 1)}), {"lr": made.uniform(0, 1)}), "give it once"),
        (lambda: spec(CustomTrainer(unannotated.taste, {"lr": Search(min=1, max=2)})), "lr: Search(min=1, max=2) may be of ints or of floats"),
        (lambda: spec(CustomTrainerContainer("image:1"), {"lr": made.uniform(0, 1)}), "Nothing takes the values of lr: write ${trialParameters.lr}"),
        (lambda: spec(CustomTrainerContainer("image:1", env={"LR": "${trialParameters.rl}"}), {"lrate": made.uniform(0, 1)}), "${trialParameters.rl} has no search space"),
        (lambda: spec(CustomTrainerContainer("image:1", env={"A": "${trialParameters.a}"}), {"a": made.choice([[1], [2]])}), "cannot be written on a command line"),
        (lambda: spec(CustomTrainerContainer("image:1", env={"A": "${trialParameters.a}"}), {"a": made.choice([1, "1"])}), "Two choices are written '1'"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig()), {"lora_rnk": made.int(1, 2)}, BUILTIN), "'lora_rnk' is no setting of TorchTuneConfig"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig(num_nodes=made.int(1, 2))), None, BUILTIN), "num_nodes is no hyperparameter"),
        (lambda: spec(CustomTrainer("train.py", args=["--lr", made.uniform(0, 1)]), None), "write args={'lr': Search.uniform(...)}"),
        (lambda: spec(CustomTrainer(annotated), {"size": made.uniform(1, 9)}), "size is annotated as int, and its search space draws floats: write Search.int"),
        (lambda: spec(CustomTrainer(annotated), {"size": made.choice([1, 2.5])}), "size is annotated as int, and the choice 2.5 is none"),
        (lambda: spec(CustomTrainer(annotated, {"size": 1}), {"lr": made.choice(["0.1", 0.2])}), "lr is annotated as float, and the choice '0.1' is none"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig()), {"epochs": made.uniform(1, 9)}, BUILTIN), "epochs is of the type int, and its search space draws floats"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig()), {"epochs": made.choice([1, 0])}, BUILTIN), "epochs must be a whole number of at least 1, not 0"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig()), {"batch_size": made.int(-1, 4)}, BUILTIN), "batch_size must be a whole number of at least 1, not -1"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig()), {"lr": made.uniform(-1, 1)}, BUILTIN), "lr must be"),
        (lambda: spec(BuiltinTrainer(TorchTuneConfig()), {"lora_rank": made.int(1, 4)}, BUILTIN), "Give the configuration peft_config=LoraConfig()"),
    ],
)  # fmt: skip
def test_spaces_that_nothing_reads_are_refused_in_words(wrong: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        wrong()
    assert words in str(raised.value)


def test_train_refuses_a_search_space_in_words() -> None:
    client = TrainerClient(LocalProcessBackendConfig())
    with pytest.raises(InvalidInput, match=r"lr is a search space, and a job needs a value: give the trainer to Optim"):
        client.train(trainer=CustomTrainer(unannotated.taste, {"lr": made.uniform(0, 1)}), dry_run=True)
    with pytest.raises(InvalidInput, match=r"lr is a search space"):
        client.train(trainer=CustomTrainer(partial(unannotated.taste, lr=made.uniform(0, 1))), dry_run=True)
    with pytest.raises(
        InvalidInput, match=r"lr, peft_config\.lora_rank are search spaces|peft_config\.lora_rank, lr are"
    ):
        config = TorchTuneConfig(lr=Search.uniform(0.1, 1), peft_config=LoraConfig(lora_rank=Search.int(1, 8)))
        client.train(runtime="torchtune-llama3.2-1b", trainer=BuiltinTrainer(config), dry_run=True)


def test_a_template_of_any_trainer_unpacks_into_train_with_its_options() -> None:
    client = TrainerClient(LocalProcessBackendConfig())
    template = TrainJobTemplate(CustomTrainer(lambda: None), options=[options.Labels({"team": "vision"})])
    assert client.train(**template, dry_run=True).metadata.labels == {"team": "vision"}  # type: ignore[union-attr]
    assert dict(**TrainJobTemplate(CustomTrainerContainer("image:1"))) == {
        "trainer": CustomTrainerContainer("image:1"), "runtime": None, "initializer": None,
    }  # fmt: skip
    assert TrainJobTemplate(BuiltinTrainer(TorchTuneConfig())).keys() == ["trainer", "runtime", "initializer"]
    assert TrialConfig().num_trials == 10

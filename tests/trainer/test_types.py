"""The user's types: what they take, and what they refuse in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.trainer import (
    BuiltinTrainer,
    ContainerBackendConfig,
    CustomTrainer,
    CustomTrainerContainer,
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    LoraConfig,
    S3ModelInitializer,
    TorchTuneConfig,
    TorchTuneInstructDataset,
    TrainJobTemplate,
    get_tpu_num_nodes,
)
from kubeflow.trainer.jobs import names
from kubeflow.trainer.types.resources import normalise


def train() -> None: ...


def bad(value: object) -> object:
    """What a type checker would refuse too; typed away so that the run-time check is what is tested."""
    return value


BAD: list[tuple[str, Callable[[], object], str]] = [
    ("a call instead of a function", lambda: CustomTrainer(func=bad(train())), "without calling it"),  # type: ignore[func-returns-value, call-overload]
    ("no nodes", lambda: CustomTrainer(train, num_nodes=0), "num_nodes must be a whole number of at least 1, not 0"),
    ("negative nodes", lambda: CustomTrainer(train, num_nodes=-2), "num_nodes"),
    ("a bool of nodes", lambda: CustomTrainer(train, num_nodes=True), "num_nodes"),
    ("a fraction of nodes", lambda: CustomTrainer(train, num_nodes=bad(2.0)), "num_nodes"),  # type: ignore[call-overload]
    ("no processes", lambda: CustomTrainer(train, num_proc_per_node=0), "num_proc_per_node"),
    (
        "one string of packages",
        lambda: CustomTrainer(train, packages_to_install="torch"),
        r"write packages_to_install=\['torch'\]",
    ),
    (
        "several packages in one string",
        lambda: CustomTrainer(train, packages_to_install="torch numpy>=2"),
        r"write packages_to_install=\['torch', 'numpy>=2'\]",
    ),
    (
        "a file of packages as one string",
        lambda: CustomTrainer(train, packages_to_install="torch\n\nnumpy >= 2\n"),
        r"write packages_to_install=\['torch', 'numpy >= 2'\]",
    ),
    (
        "a command as packages",
        lambda: CustomTrainer(train, packages_to_install="pip install torch numpy"),
        r"write packages_to_install=\['torch', 'numpy'\]",
    ),
    (
        "several indexes in one string",
        lambda: CustomTrainer(train, pip_index_urls="https://u:word@a/simple https://b/simple"),
        r"write pip_index_urls=\['https://\$\{INDEX_USER\}:\$\{INDEX_PASSWORD\}@a/simple', 'https://b/simple'\]",
    ),
    ("no text for packages", lambda: CustomTrainer(train, packages_to_install=""), r"write packages_to_install=\[\]"),
    ("no text for indexes", lambda: CustomTrainer(train, pip_index_urls=" "), r"write pip_index_urls=\[\]"),
    ("a number among packages", lambda: CustomTrainer(train, packages_to_install=["a", bad(1)]), "packages_to_install"),  # type: ignore[list-item]
    ("a set of arguments", lambda: CustomTrainer(train, func_args=bad({1})), "func_args"),  # type: ignore[call-overload]
    ("a number in env", lambda: CustomTrainer(train, env={"SEED": bad(1)}), r"write 'SEED': '1'"),  # type: ignore[dict-item]
    ("a bad name in env", lambda: CustomTrainer(train, env={"A=B": "1"}), "no name of an environment variable"),
    ("an empty image", lambda: CustomTrainerContainer(image=" "), "image"),
    ("misspelt memory", lambda: CustomTrainer(train, resources_per_node={"memroy": "1Gi"}), "Did you mean 'memory'"),
    ("a unit that is none", lambda: CustomTrainer(train, resources_per_node={"memory": "10GB"}), "'10Gi'"),
    ("not a number", lambda: CustomTrainer(train, resources_per_node={"cpu": math.nan}), "no amount"),
    ("less than nothing", lambda: CustomTrainer(train, resources_per_node={"cpu": -1}), "negative"),
    ("huge pages of no size", lambda: CustomTrainer(train, resources_per_node={"hugepages": "2Mi"}), "hugepages-2Mi"),
    (
        "huge pages in decimal",
        lambda: CustomTrainer(train, resources_per_node={"hugepages-2M": "2Mi"}),
        "hugepages-2Mi",
    ),
    ("half a GPU", lambda: CustomTrainer(train, resources_per_node={"gpu": 0.5}), "whole number"),
    ("one GPU twice", lambda: CustomTrainer(train, resources_per_node={"gpu": 1, "GPU": 1}), "twice"),
    ("a config class", lambda: BuiltinTrainer(config=bad(TorchTuneConfig)), "not the class TorchTuneConfig"),  # type: ignore[arg-type]
    ("an unknown projection", lambda: LoraConfig(lora_attn_modules=["w"]), "q_proj"),
    ("certain dropout", lambda: LoraConfig(lora_dropout=1.0), r"\[0, 1\)"),
    ("an unknown column", lambda: TorchTuneInstructDataset(column_map={"question": "q"}), "'input' and 'output'"),
    ("a model as dataset", lambda: Initializer(dataset=bad(HuggingFaceModelInitializer("hf://a/b"))), "dataset takes"),  # type: ignore[arg-type]
    ("no scheme", lambda: HuggingFaceDatasetInitializer("tatsu-lab/alpaca"), "'hf://'"),
    ("another scheme", lambda: S3ModelInitializer("gs://bucket"), "'s3://'"),
    ("a cache without table", lambda: DataCacheInitializer("cache://schema", "s3://m", 2), "<schema>/<table>"),
    ("a cache of one node", lambda: DataCacheInitializer("cache://schema/table", "s3://m", 1), "num_data_nodes"),
    ("a template of an image", lambda: TrainJobTemplate(trainer=bad("image:1")), "CustomTrainer"),  # type: ignore[arg-type]
    ("a pull policy that is none", lambda: ContainerBackendConfig(pull_policy=bad("Sometimes")), "IfNotPresent"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("build", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_cannot_be_right_is_refused_when_it_is_built(build: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build()


def test_fields_keep_the_published_order() -> None:
    published = [
        "func",
        "func_args",
        "image",
        "packages_to_install",
        "pip_index_urls",
        "num_nodes",
        "resources_per_node",
        "env",
    ]
    assert [field.name for field in fields(CustomTrainer)][: len(published)] == published


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"GPU": 5}, {"nvidia.com/gpu": "5"}),
        ({"cpu": 2, "memory": "10G", "gpu": "1"}, {"cpu": "2", "memory": "10G", "nvidia.com/gpu": "1"}),
        ({"cpu": 0.5, "Memory": 1024}, {"cpu": "0.5", "memory": "1024"}),
        ({"cpu": 2.0, "storage": "1e9"}, {"cpu": "2", "ephemeral-storage": "1e9"}),
        ({"mig-1g.5gb": 1}, {"nvidia.com/mig-1g.5gb": "1"}),
        ({"amd.com/gpu": 2, "tpu": 4}, {"amd.com/gpu": "2", "google.com/tpu": "4"}),
    ],
)
def test_resources_get_the_names_of_kubernetes(given: dict[str, str | int | float], expected: dict[str, str]) -> None:
    assert normalise(given) == expected


def test_tpu_slices_are_counted_in_hosts() -> None:
    assert get_tpu_num_nodes(1, "2x2") == 1
    assert get_tpu_num_nodes(2, "4X4", chips_per_host=8) == 4
    assert get_tpu_num_nodes(num_slices=3, topology="2x2x4") == 12
    for topology in ("", "4", "4x", "0x4", "2x2x2x2", "4x4 "):
        with pytest.raises(InvalidInput, match="topology"):
            get_tpu_num_nodes(1, topology)
    with pytest.raises(InvalidInput, match="no multiple of chips_per_host=4"):
        get_tpu_num_nodes(1, "3x3")


@pytest.mark.parametrize("name", ["a", "train-2", "a" * 63])
def test_names_that_a_cluster_accepts_pass(name: str) -> None:
    assert names.check(name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("My Job", "'my-job'"),
        ("2nd", "'nd'"),
        ("a-", "'a'"),
        ("a" * 64, "'" + "a" * 63 + "'"),
        ("", "Leave name= out"),
    ],
)
def test_names_that_a_cluster_refuses_come_with_one_that_it_accepts(name: str, suggestion: str) -> None:
    with pytest.raises(InvalidInput, match=suggestion):
        names.check(name)


@given(st.text() | st.text("aZ0-_. ", max_size=80))
def test_a_refused_name_never_suggests_another_that_is_refused(name: str) -> None:
    try:
        assert names.check(name) == name
    except InvalidInput as error:
        suggestion = re.search(r"Try '(.*)', or leave name= out\.$", str(error))
        if suggestion:
            assert names.check(suggestion[1]) == suggestion[1]
    else:
        assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)  # the rules of the CRD


AMOUNTS = st.integers(0, 10**15) | st.floats(0, 10**9) | st.from_regex(r"\A[0-9]{1,4}(m|k|Ki|Gi|e3)?\Z")


@given(st.dictionaries(st.sampled_from(["cpu", "Memory", "STORAGE"]), AMOUNTS))
def test_normal_resources_stay_as_they_are_and_keep_their_amount(given: dict[str, str | int | float]) -> None:
    normal = normalise(given)

    assert normalise(normal) == normal
    for amount, text in zip(given.values(), normal.values(), strict=True):
        assert Quantity(text).value == (Quantity(amount).value if isinstance(amount, str) else Decimal(str(amount)))


def learn(lr: float, /, epochs: int = 1, *layers: int, device: str = "cpu", **rest: object) -> list[object]:
    return [lr, epochs, layers, device, rest]


def plain_learn(lr: float, epochs: int = 1) -> list[object]:
    return [lr, epochs]


def test_a_call_becomes_the_function_with_these_arguments() -> None:
    for trainer, value in (
        (CustomTrainer.call(plain_learn, 0.1), [0.1, 1]),
        (CustomTrainer.call(plain_learn, 0.1, epochs=2), [0.1, 2]),
        (CustomTrainer.call(learn, 0.1), [0.1, 1, (), "cpu", {}]),
        (CustomTrainer.call(learn, 0.1, epochs=3), [0.1, 3, (), "cpu", {}]),
        (CustomTrainer.call(learn, 0.1, 2, 3, 4, device="x", more=5), [0.1, 2, (3, 4), "x", {"more": 5}]),
    ):
        assert callable(trainer.func)
        assert trainer.func(**trainer.func_args or {}) == value
    assert CustomTrainer.call(plain_learn, 0.1, epochs=2) == CustomTrainer(plain_learn, {"lr": 0.1, "epochs": 2})


def test_a_call_that_does_not_bind_says_so_at_once() -> None:
    loose: Any = plain_learn
    with pytest.raises(InvalidInput, match=r"epoch.*Did you mean 'epochs'"):
        CustomTrainer.call(loose, 0.1, epoch=2)
    with pytest.raises(InvalidInput, match="argument lr"):
        CustomTrainer.call(loose)
    with pytest.raises(InvalidInput, match="func must be a function, not None"):
        CustomTrainer.call(cast("Any", None))
    with pytest.raises(InvalidInput, match="Python does not know its signature"):
        CustomTrainer.call(cast("Any", max), 1, 2)


def test_settings_are_replaced_and_checked_and_the_call_stays() -> None:
    trainer = CustomTrainer.call(plain_learn, 0.1)

    larger = trainer.replace(num_nodes=2, env={"A": "1"})

    assert larger == CustomTrainer(plain_learn, {"lr": 0.1}, num_nodes=2, env={"A": "1"})
    assert trainer.num_nodes is None
    with pytest.raises(InvalidInput, match="num_nodes"):
        trainer.replace(num_nodes=0)

"""What of pipelines needs no kfp, and what is said where kfp is missing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import kubeflow.pipelines
from kubeflow.core.errors import InvalidInput, MissingExtra
from kubeflow.optimizer import Search, TrialConfig
from kubeflow.pipelines import component, rights
from kubeflow.pipelines.access_rights import CALL_RULES, remember_rules
from kubeflow.pipelines.component_text import code_of, component_text, step_function
from kubeflow.pipelines.kfp_parts import check_pipelines_config
from kubeflow.trainer import KubernetesBackendConfig, LocalProcessBackendConfig
from kubeflow.trainer.options import SecretEnv, VolumeClaim

OUTSIDE = 3


def fit(rate: float, epochs: int = 3, names: list[str] | None = None) -> float:
    return rate * epochs


def typed(rate: float, epochs: int = 3) -> float:
    def inner() -> float:
        import math

        class Local:
            base = 1.0
            top = base + math.e

        return Local.top

    return rate * epochs + inner()


def uses_outside(rate: float) -> float:
    return rate * OUTSIDE


def untyped(rate) -> float:  # type: ignore[no-untyped-def]
    return float(rate)


def anything(*values: float) -> float:
    return sum(values)


def with_model(model: str) -> None:
    print(model)


@pytest.mark.parametrize("name", ["dsl", "compiler", "PipelinesClient", "KubernetesBackendConfig", "Run"])
def test_a_name_of_kfp_says_which_extra_brings_it(name: str) -> None:
    with pytest.raises(MissingExtra, match=r"needs kfp 2\.17 or later.*pip install 'kubeflow\[pipelines\]'"):
        getattr(kubeflow.pipelines, name)
    with pytest.raises(AttributeError, match="Did you mean 'PipelinesClient'"):
        _ = kubeflow.pipelines.PipelineClient  # type: ignore[attr-defined]


def test_local_runs_and_components_say_which_extra_they_need() -> None:
    with pytest.raises(MissingExtra):
        kubeflow.pipelines.local()
    with pytest.raises(MissingExtra):
        component("train", typed)


@pytest.mark.parametrize("config", [KubernetesBackendConfig(namespace="ml"), LocalProcessBackendConfig()])
def test_a_configuration_of_the_trainer_is_none_of_pipelines(config: object) -> None:
    with pytest.raises(TypeError, match=r"of kubeflow\.trainer: give a kubeflow\.pipelines\.KubernetesBackendConfig"):
        check_pipelines_config(config)
    check_pipelines_config(None)


@pytest.mark.parametrize(
    ("func", "words"),
    [
        (uses_outside, r"carries the text of uses_outside alone, and it uses OUTSIDE from outside: import inside"),
        (untyped, r"parameter rate of untyped becomes an input.*write rate: str or int"),
        (fit, r"parameter names of fit becomes an input"),
        (anything, r"takes \*values: a component needs parameters that have names"),
        (lambda: None, r"takes a function that `def` makes"),
        (print, r"takes a function that `def` makes"),
    ],
)
def test_a_function_that_cannot_travel_as_its_text_is_refused(func: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        component("train", func)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trian", typed), r"call is 'train'.*not 'trian'\. Did you mean 'train'"),
        (("train",), r"train runs a function: component\('train', my_function\)"),
        (("serve", typed), "and no function: leave it out"),
    ],
)
def test_calls_that_are_none_are_refused(arguments: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        component(*arguments)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_node": 2}, r"takes no num_node=\. Did you mean 'num_nodes'"),
        ({"func_args": {}}, r"takes no func_args=\. the component fills it itself"),
        ({"reads": "model"}, "reads is a list"),
        ({"reads": ["weights"]}, "reads is a list"),
        ({"makes": "metrics"}, "makes= of train is 'dataset' or 'model'"),
        ({"name": "a step"}, "is no name of a component"),
        ({"env": {"HF_TOKEN": "hf_" + "a" * 30}}, "cannot be written into the text"),
        ({"options": [object()]}, "cannot be written into the text"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Any, words: str) -> None:
    settings.setdefault("num_nodes", 1)
    with pytest.raises(InvalidInput, match=words):
        component("train", typed, **settings)


def test_a_parameter_must_not_have_the_name_of_an_artifact() -> None:
    with pytest.raises(InvalidInput, match="has an artifact 'model', and with_model a parameter of that name"):
        component("train", with_model, reads=["model"])


def test_values_of_this_package_are_written_as_the_code_that_makes_them() -> None:
    for value in (Search.int(1, 4), TrialConfig(num_trials=3), [VolumeClaim("data", "/data")], {"a": [1, None, True]}):
        assert code_of(value, "value") == repr(value)
    assert code_of([SecretEnv("hub", ["HF_TOKEN"])], "options")  # names of secrets are no secrets


def test_the_text_of_a_component_is_python_that_reads_as_it_runs() -> None:
    text = component_text(
        name="train_typed",
        runs="run_train",
        step=step_function(typed),
        settings={"num_nodes": 2, "options": [VolumeClaim("data", "/data")]},
        reads=["dataset"],
        makes="model",
        returns="float",
        doc="train typed",
    )
    compile(text, "component", "exec")
    head = (
        "def train_typed(rate: float, dataset: dsl.Input[dsl.Dataset], output: dsl.Output[dsl.Model], epochs: int = 3)"
    )
    assert text.startswith(f"{head} -> float:\n")
    assert "    from kubeflow.trainer.options import VolumeClaim\n" in text
    assert "        \"options\": [VolumeClaim(claim='data', path='/data')],\n" in text
    assert '        {"rate": rate, "epochs": epochs},\n' in text


class Step:
    """Stands for a component of kfp, which is only a key."""


def test_rights_are_the_union_of_what_the_steps_do() -> None:
    fit_step, serve_step = Step(), Step()
    remember_rules(fit_step, CALL_RULES["train"])
    remember_rules(serve_step, CALL_RULES["serve"])

    documents = list(yaml.safe_load_all(rights(fit_step, serve_step, namespace="team-a")))

    assert [each["kind"] for each in documents] == ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]
    role, binding, cluster, _ = documents
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "pipeline-runner", "namespace": "team-a"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert {
        "apiGroups": ["trainer.kubeflow.org"],
        "resources": ["trainjobs"],
        "verbs": ["create", "get", "list", "watch"],
    } in role["rules"]
    assert [resource for rule in role["rules"] for resource in rule["resources"]].count("pods") == 1
    assert {name for rule in cluster["rules"] for name in rule["resources"]} == {
        "clustertrainingruntimes",
        "clusterservingruntimes",
    }
    assert not any("*" in rule["verbs"] or "secrets" in rule["resources"] for rule in role["rules"])


def test_rights_of_what_is_no_step_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"components that kubeflow\.pipelines\.component made"):
        rights(Step(), namespace="team-a")
    with pytest.raises(InvalidInput, match="give at least one"):
        rights(namespace="team-a")
    with pytest.raises(InvalidInput, match=r"namespace='Team A' is no name"):
        rights(Step(), namespace="Team A")

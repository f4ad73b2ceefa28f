"""A job's name is a `str` in every respect, wherever it is kept; and a job is taken wherever its name is."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from pathlib import Path

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import TrainJob as Model

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    Initializer,
    JobName,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    TorchTuneConfig,
    TrainerClient,
    options,
)
from kubeflow.trainer.types.jobs import AWAITABLE, STATUSES, check_statuses, name_of
from kubeflow.training import TrainingClient

NAME = JobName[int]("train-3f2a")


def fit(rate: float = 0.5) -> dict[str, float]:
    return {"loss": rate}


async def fit_later() -> int:
    return 7


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainerClient:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return TrainerClient(LocalProcessBackendConfig())


def test_a_name_is_a_string() -> None:
    assert isinstance(NAME, str)
    assert NAME == "train-3f2a"
    assert {"train-3f2a": 1}[NAME] == 1
    assert (repr(NAME), f"{NAME:>12}", str(NAME)) == ("'train-3f2a'", "  train-3f2a", "train-3f2a")
    assert type(str(NAME)) is str
    assert json.loads(json.dumps({NAME: [NAME]})) == {"train-3f2a": ["train-3f2a"]}


def test_a_copy_is_the_name_and_a_pickle_needs_no_package() -> None:
    assert copy.copy(NAME) is NAME
    assert copy.deepcopy([NAME])[0] is NAME
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        content = pickle.dumps(NAME, protocol)
        assert b"kubeflow" not in content
        assert pickle.loads(content) == NAME


@pytest.mark.parametrize("dumper", [yaml.SafeDumper, yaml.Dumper])
def test_yaml_holds_the_name_as_text(dumper: type[yaml.SafeDumper | yaml.Dumper]) -> None:
    assert yaml.dump({"job": NAME}, Dumper=dumper) == "job: train-3f2a\n"


def test_models_and_options_take_a_name() -> None:
    metadata = {"name": NAME, "labels": {"after": NAME}}
    model = Model.from_dict({"metadata": metadata, "spec": {"runtimeRef": {"name": "torch-distributed"}}})
    assert model.to_yaml().count("train-3f2a") == 2
    assert json.loads(model.to_json())["metadata"]["name"] == "train-3f2a"


def test_train_returns_names_that_functions_of_other_jobs_take(client: TrainerClient) -> None:
    first = client.train(train_func=fit, func_args={"rate": 0.25})
    later = client.train(trainer=CustomTrainer.call(fit_later), options=[options.Labels({"after": first})])
    assert isinstance(first, JobName)
    echoed = client.train(trainer=CustomTrainer(func=echo, func_args={"names": [first, later]}))

    assert client.wait_for_job_status(first, "Complete").name == first
    assert client.get_job_result(first) == {"loss": 0.25}
    client.wait_for_job_status(client.get_job(later))
    assert client.get_job_result(later) == 7
    client.wait_for_job_status(echoed, {"Complete"})
    assert client.get_job_result(echoed) == [first, later]


def echo(names: list[str]) -> list[str]:
    assert all(type(name) is str for name in names)
    return names


def test_every_method_takes_the_job_itself(client: TrainerClient) -> None:
    name = client.train(train_func=fit)
    job = client.wait_for_job_status(name)
    model = client.train(train_func=fit, name=name, dry_run=True)
    assert isinstance(model, Model)

    for given in (job, model):
        assert client.get_job(given).name == name
        assert client.get_job_result(given) == {"loss": 0.5}
        assert list(client.get_job_logs(given)) == []
        assert client.get_job_events(given)
        assert name in client.explain(given)
        assert client.wait_for_job_status(given, "Running").name == name
    for change in (client.suspend_job, client.resume_job):
        with pytest.raises(InvalidInput, match="Complete|ended|finished"):
            change(job)
    with pytest.warns(DeprecationWarning, match=r"TrainingClient\(\)"):
        shim = TrainingClient(backend_config=LocalProcessBackendConfig())
    with pytest.warns(DeprecationWarning, match=f"get_job\\('{name}'\\)"):
        assert shim.get_job(job).name == name
    client.delete_job(job)
    assert client.list_jobs() == []


def test_all_public_methods_with_a_name_take_a_job() -> None:
    methods = [
        method
        for kind in (TrainerClient, TrainingClient)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in ("train", "create_job", "get_runtime")
    ]
    named = [method for method in methods if "name" in inspect.signature(method).parameters]
    assert len(named) >= 14
    assert {inspect.signature(method).parameters["name"].annotation for method in named} == {"JobReference"}


@pytest.mark.parametrize("given", [None, 3, fit, CustomTrainer(func=fit), ["a"]])
def test_what_is_no_job_is_answered_with_what_to_give(client: TrainerClient, given: object) -> None:
    with pytest.raises(InvalidInput, match=r"name takes str or TrainJob.*the name that train\(\) returned"):
        client.get_job(given)  # type: ignore[arg-type]  # the mistake that this is about


@pytest.mark.parametrize("verb", ["get_job", "delete_job", "suspend_job", "explain", "get_job_logs"])
def test_a_model_of_another_namespace_is_not_taken_for_one_of_this(verb: str) -> None:
    client = TrainerClient(KubernetesBackendConfig(namespace="ml", offline=True))
    other = Model.from_dict({"metadata": {"name": "a", "namespace": "prod"}, "spec": {"runtimeRef": {"name": "r"}}})

    with pytest.raises(InvalidInput, match="of namespace 'prod', and this client works in 'ml'"):
        getattr(client, verb)(other)


def test_a_model_without_a_name_is_answered() -> None:
    with pytest.raises(InvalidInput, match=r"no metadata\.name"):
        name_of(Model.from_server({}))
    assert name_of(Model.from_server({"metadata": {"name": "a"}})) == "a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runtime": fit}, r"runtime= does not take the function fit: write train\(train_func=fit\)"),
        ({"runtime": lambda: 1}, r"runtime= does not take a function: write train\(train_func=train\)"),
        ({"runtime": CustomTrainer(func=fit)}, r"write train\(trainer=CustomTrainer\(\.\.\.\)\)"),
        ({"runtime": BuiltinTrainer(TorchTuneConfig())}, r"write train\(trainer=BuiltinTrainer\(\.\.\.\)\)"),
        ({"runtime": [options.Suspend()]}, r"runtime= does not take a list of options: write train\(options="),
        ({"runtime": options.Suspend()}, r"the option Suspend: write train\(options=\[Suspend\(\.\.\.\)\]\)"),
        ({"runtime": Initializer()}, r"write train\(initializer=Initializer\(\.\.\.\)\)"),
        ({"initializer": fit}, r"initializer= does not take the function fit: write train\(train_func=fit\)"),
        ({"initializer": CustomTrainer(func=fit)}, r"write train\(trainer=CustomTrainer"),
        ({"trainer": fit}, r"trainer= does not take the function fit.*trainer=CustomTrainer\(func=fit\)"),
        ({"trainer": [options.Suspend()]}, r"write train\(options="),
        ({"options": CustomTrainer(func=fit)}, r"options= does not take a CustomTrainer: write train\(trainer="),
        ({"options": fit}, r"options= does not take the function fit: write train\(train_func=fit\)"),
    ],
)
def test_an_argument_in_the_place_of_another_is_answered_with_its_place(
    client: TrainerClient, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        client.train(**arguments)  # type: ignore[call-overload]  # the mistake that this is about
    assert client.list_jobs() == []


def test_statuses_are_given_as_one_or_several() -> None:
    assert check_statuses("Complete", AWAITABLE) == {"Complete"}
    assert check_statuses(["Running", "Failed"], AWAITABLE) == {"Running", "Failed"}
    given: tuple[object, ...] = (None, 5, [["Complete"]], {1})
    for wrong, meant in (
        ("Completed", "Complete"),
        ("COMPLETE", "Complete"),
        ("Succeeded", "Complete"),
        ("Pending", "Created"),
    ):
        with pytest.raises(InvalidInput, match=f"Did you mean '{meant}'"):
            check_statuses({wrong}, STATUSES)
    for value in given:
        with pytest.raises(InvalidInput, match="never has the status"):
            check_statuses(value, AWAITABLE)  # type: ignore[arg-type]  # the mistake that this is about

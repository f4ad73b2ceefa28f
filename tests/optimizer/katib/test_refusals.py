"""What Katib cannot do, or would do otherwise than it was asked for: refused before anything is sent, with a way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from kubeflow_api.katib.v1beta1 import Experiment

from kubeflow.core.errors import InvalidInput
from kubeflow.optimizer import (
    ASHA,
    CMAES,
    NSGAII,
    PBT,
    TPE,
    BayesianOptimization,
    EngineRefuses,
    GridSearch,
    Hyperband,
    MedianStop,
    Objective,
    OptimizationSpec,
    OptimizerClient,
    RandomSearch,
    Search,
    Sobol,
)
from kubeflow.optimizer.engines.katib.experiment_checks import experiment_findings
from kubeflow.optimizer.engines.katib.experiment_rendering import Surroundings, rendered_experiment
from kubeflow.optimizer.engines.katib.katib_engine import KatibEngine
from kubeflow.optimizer.optimization_spec import optimization_spec
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainerContainer,
    HuggingFaceModelInitializer,
    Initializer,
    KubernetesBackendConfig,
    TorchTuneConfig,
)
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.options import Suspend, TrainerCommand
from kubeflow.trainer.runtimes.shipped import shipped_runtime
from tests.cluster.katib import suggestionservices as services
from tests.cluster.katib.experimentrules import default_experiment
from tests.cluster.katib.observations import collected, matches, observation
from tests.optimizer.katib.searches import search

HERE = Surroundings()


def parameters(spec: OptimizationSpec) -> dict[str, dict[str, Any]]:
    made = rendered_experiment(spec, HERE).to_dict()["spec"]["parameters"]  # type: ignore[index]
    return {each["name"]: each for each in made}


def one(name: str, space: object, **more: Any) -> OptimizationSpec:
    def fit(**values: object) -> None:
        print("loss=1")

    return search("one", fit, {name: space}, **more)


def taken(**values: object) -> None:
    print("loss=1")


STEPPED = {"a": Search.uniform(0.1, 0.9), "b": Search.uniform(0, 1, step=0.5)}
NUMBERS = {"a": Search.uniform(0.1, 0.9), "b": Search.uniform(0.1, 0.9)}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (lambda: one("a", Search.uniform(0, 1), algorithm=BayesianOptimization()), "log scale, which has no 0"),
        (lambda: one("a", Search.uniform(0.001, 1), algorithm=BayesianOptimization()), "on a log scale"),
        (lambda: one("a", Search.loguniform(0.001, 1), algorithm=Sobol()), "draws all floats evenly"),
        (lambda: one("a", Search.normal(0, 1), algorithm=TPE()), "no normal distribution"),
        (lambda: one("a", Search.normal(0, 1, min=0, max=1)), "draws beyond them"),
        (lambda: one("a", Search.int(0, 100_000, step=7)), "too many for a list"),
        (lambda: search("g", taken, NUMBERS, algorithm=TPE(multivariate=False)), "same parameters for all trials"),
        (lambda: search("g", taken, NUMBERS, algorithm=NSGAII()), "Katib does not have it"),
        (lambda: search("g", taken, NUMBERS, algorithm=Sobol(1)), "takes no seed"),
        (lambda: search("g", taken, NUMBERS, algorithm=TPE(synchronous=True)), "starts a trial as soon as"),
        (lambda: search("g", taken, NUMBERS, algorithm=CMAES(sigma=0.1)), "units of the parameters"),
        (lambda: search("g", taken, STEPPED, algorithm=CMAES()), "at least 2 ranges of numbers"),
        (lambda: search("g", taken, NUMBERS, algorithm=Hyperband(27, "epochs")), "begins with 27 trials at once"),
        (lambda: search("g", taken, NUMBERS, algorithm=Hyperband(27)), "needs the name of its parameter"),
        (lambda: search("g", taken, NUMBERS, algorithm=PBT(4)), "at least 5"),
        (lambda: search("g", taken, NUMBERS, algorithm=PBT(8)), "floats with a step only"),
        (lambda: search(early_stopping=ASHA()), "Katib does not have it"),
        (lambda: search(early_stopping=MedianStop(start_step=0)), "counts reports from 1"),
        (lambda: search(early_stopping=MedianStop(), trainer={"num_nodes": 2}), "the others go on waiting"),
        (lambda: search(config={"timeout": 60}), "an Experiment has no deadline"),
        (lambda: search(config={"unique": True}), "may run the same parameters again"),
        (lambda: search(enqueue=[{"lr": 0.01}]), "begin without known trials"),
        (lambda: search(objectives=[Objective("loss"), Objective("acc", "maximize")]), "optimizes one metric"),
        (lambda: search(objectives=[Objective("a;b")]), "with ';' between them"),
        (lambda: search("a" * 40), "Give name= at most 39 characters"),
        (lambda: search("a" * 39, trainer={"num_nodes": 12}), "Give name= at most 38 characters"),
        (
            lambda: search(
                "a" * 12, taken, {"a": Search.uniform(0, 1, step=0.5)}, algorithm=PBT(5), trials=5, parallel=5
            ),
            "most 11",
        ),
        (lambda: search(options=[Suspend()]), "never starts on Katib"),
    ],
)
def test_it_is_refused_with_the_reason_and_a_way_out(spec: Callable[[], OptimizationSpec], words: str) -> None:
    with pytest.raises(EngineRefuses, match=words) as error:
        rendered_experiment(spec(), HERE)

    assert all(finding.remedy for finding in error.value.findings)


def test_steps_that_a_service_counts_from_0_are_listed() -> None:
    spec = search("s", taken, {"a": Search.int(1, 10, step=4), "b": Search.uniform(0.05, 0.3, step=0.1)})

    found = parameters(spec)

    assert found["a"]["feasibleSpace"] == {"list": ["1", "5", "9"]}
    assert found["b"]["feasibleSpace"] == {"list": ["0.05", "0.15", "0.25"]}
    whole = default_experiment({"metadata": {"name": "s"}, "spec": {"parameters": [
        {"name": "a", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "10", "step": "4"}}
    ]}})  # fmt: skip
    import random

    whole["spec"]["algorithm"] = {"algorithmName": "random"}
    drawn = {each["a"] for each in services.propose(whole, [], 200, 0, random.Random(1))}
    assert drawn == {"0", "4", "8"}  # what the range itself would give


def test_a_hidden_log_scale_is_fine_within_a_decade_and_where_it_was_asked_for() -> None:
    spec = search(
        "s", taken, {"a": Search.uniform(0.1, 0.9), "b": Search.loguniform(1e-5, 1)}, algorithm=BayesianOptimization()
    )

    found = parameters(spec)

    assert found["a"]["feasibleSpace"]["distribution"] == "logUniform"
    assert found["b"]["feasibleSpace"] == {"min": "1e-05", "max": "1.0", "distribution": "logUniform"}


def test_choices_go_by_their_place_so_that_1_and_true_differ() -> None:
    spec = one("a", Search.choice([1, True, "1", None]))

    assert parameters(spec)["a"]["feasibleSpace"] == {"list": ["0", "1", "2", "3"]}
    template = rendered_experiment(spec, HERE).spec.trial_template
    assert template.trial_parameters[0].description == "0 is 1, 1 is True, 2 is '1', 3 is None"


def test_one_space_for_two_names_is_two_parameters() -> None:
    both = dict.fromkeys(["a", "b"], Search.uniform(0, 1))

    assert list(parameters(search("s", taken, both))) == ["a", "b"]


@pytest.mark.parametrize("metric", ["eval/loss", "val.acc", "loss", "top 1", "a|b", "R^2", "perte(é)", "x-y_z"])
def test_metrics_of_any_name_are_found_and_only_finite_numbers(metric: str) -> None:
    experiment = default_experiment(rendered_experiment(search(objectives=[Objective(metric)]), HERE).to_dict())
    filters = experiment["spec"]["metricsCollectorSpec"]["source"]["filter"]["metricsFormat"]
    lines = [
        f"2026-01-02T03:04:05.123456789Z {metric}=0.5",
        f"step 3 {metric}: 0.25, other={metric}",
        f"{metric}=nan {metric}=inf {metric}= {metric}=-inf",
        f"best_{metric}=9 my{metric}=8 {metric}s=7",
    ]

    reports = collected(lines, [metric], filters)

    assert [float(report.value) for report in reports] == [0.5, 0.25]
    seen = observation(reports, experiment["spec"]["objective"])["metrics"]
    assert (seen[0]["min"], seen[0]["max"]) == ("0.25", "0.5")


def test_katibs_own_filter_does_not_find_a_name_with_a_slash() -> None:
    assert matches("eval/loss=0.5", ["eval/loss"], []) == []
    assert matches("loss=nan", ["loss"], []) == [("loss", "")]  # which then counts as the best


def test_runtimes_whose_jobs_fetch_something_are_refused() -> None:
    spec = optimization_spec(
        name="tune",
        runtime=shipped_runtime("torchtune-llama3.2-1b"),
        trainer=BuiltinTrainer(TorchTuneConfig(lr=Search.loguniform(1e-5, 1e-3))),
        initializer=Initializer(model=HuggingFaceModelInitializer("hf://org/model", access_token="hf_secret_of_mine")),
    )

    with pytest.raises(EngineRefuses, match="pods that Katib's webhook refuses") as error:
        rendered_experiment(spec, HERE)

    assert "engine='client'" in str(error.value)
    assert "secret_of_mine" not in str(error.value)


def test_no_secret_of_an_initializer_is_in_a_template() -> None:
    model = HuggingFaceModelInitializer("hf://org/model", access_token="hf_secret_of_mine")

    with pytest.raises(EngineRefuses, match="initializer") as error:
        rendered_experiment(search(initializer=Initializer(model=model)), HERE)

    assert "secret_of_mine" not in str(error.value)


def container(words: list[str], **space: object) -> OptimizationSpec:
    return optimization_spec(
        name="image",
        runtime=shipped_runtime("torch-distributed"),
        trainer=CustomTrainerContainer("example.com/team/train:1"),
        search_space=space,
        options=[TrainerCommand(words)] if words else [],
    )


def test_the_words_of_an_image_are_one_line_of_a_shell() -> None:
    experiment = rendered_experiment(
        container(["python", "a b.py", "--lr=${trialParameters.lr}", "--opt", "${trialParameters.opt}"],
                  lr=Search.uniform(0.1, 1), opt=Search.choice(["adam", "sgd"])), HERE)  # fmt: skip

    trial: dict[str, Any] = dict(experiment.spec.trial_template.trial_spec or {})
    assert trial["spec"]["trainer"]["command"] == ["sh", "-c"]
    assert trial["spec"]["trainer"]["args"] == [
        "python 'a b.py' '--lr=${trialParameters.lr}' --opt '${trialParameters.opt}'"
    ]
    assert parameters(container(["run", "${trialParameters.opt}"], opt=Search.choice(["adam", "sgd"])))["opt"][
        "feasibleSpace"
    ] == {"list": ["adam", "sgd"]}


@pytest.mark.parametrize("choice", ["it's", 'say "hi"', "$HOME", "`id`", "back\\slash", "two\nlines"])
def test_choices_of_an_image_that_a_shell_would_read_are_refused(choice: str) -> None:
    spec = container(["run", "${trialParameters.a}"], a=Search.choice([choice, "fine"]))

    with pytest.raises(EngineRefuses, match="mean something else"):
        rendered_experiment(spec, HERE)


def test_an_image_without_a_command_is_refused() -> None:
    spec = search()
    bare = replace(spec, trial=replace(spec.trial, bundle=None, env={"LR": "${trialParameters.lr}"}))

    with pytest.raises(EngineRefuses, match="image's registry"):
        rendered_experiment(bare, HERE)


def test_offline_everything_is_rendered_and_nothing_else_works() -> None:
    engine = KatibEngine(KubernetesBackend(KubernetesBackendConfig(offline=True, namespace="ml")))
    spec = search(algorithm=RandomSearch(7))

    assert not engine.findings(spec)
    experiment = engine.render(spec)
    assert experiment.metadata is not None
    assert experiment.metadata.namespace == "ml"
    assert json.loads(experiment.to_json())["spec"]["algorithm"] == {
        "algorithmName": "random",
        "algorithmSettings": [{"name": "random_state", "value": "7"}],
    }
    with pytest.raises(NotImplementedError, match="offline"):
        engine.optimize(spec)


def test_a_grid_is_written_out() -> None:
    spec = search(
        "g", taken, {"a": Search.uniform(0.1, 0.3, step=0.1), "b": Search.int(2, 8, step=3)}, algorithm=GridSearch(),
        trials=9, parallel=1,
    )  # fmt: skip

    found = parameters(spec)

    assert found["a"]["feasibleSpace"]["list"] == ["0.1", "0.2", "0.3"]
    assert found["b"]["feasibleSpace"] == {"min": "2", "max": "8", "step": "3", "distribution": "uniform"}


def test_failures_count_as_this_package_counts_them() -> None:
    def limit(most: int | None) -> int | None:
        return rendered_experiment(search(config={"max_failed_trials": most}), HERE).spec.max_failed_trial_count

    # Katib fails an experiment at so many failures; TrialConfig above so many.
    assert [limit(most) for most in (None, 0, 3, 4)] == [None, 1, 4, None]


def test_a_function_that_lacks_a_parameter_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="learning_rate"):
        search("s", train, {"lr": Search.uniform(0, 1)})


def train(learning_rate: float) -> None:
    print("loss=1")


def test_the_launcher_of_mpi_is_the_pod_that_counts() -> None:
    spec = search("mpi", taken, NUMBERS, runtime="deepspeed-distributed")

    template = rendered_experiment(spec, HERE).spec.trial_template

    assert template.primary_pod_labels is not None
    assert template.primary_pod_labels["jobset.sigs.k8s.io/replicatedjob-name"] == "launcher"
    trial: dict[str, Any] = dict(template.trial_spec or {})
    assert trial["spec"]["trainer"]["command"] == ["bash", "-c"]


NAS = """
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: enas}
spec:
  parallelTrialCount: 2
  maxTrialCount: 4
  objective: {type: maximize, objectiveMetricName: Validation-Accuracy}
  algorithm:
    algorithmName: enas
    algorithmSettings: [{name: controller_hidden_size, value: "64"}]
  nasConfig:
    graphConfig: {numLayers: 8, inputSizes: [32, 32, 3], outputSizes: [10]}
    operations:
      - operationType: convolution
        parameters:
          - {name: filter_size, parameterType: categorical, feasibleSpace: {list: ["3", "5"]}}
  trialTemplate:
    primaryContainerName: training-container
    trialParameters:
      - {name: neuralNetworkArchitecture, reference: architecture}
      - {name: neuralNetworkConfig, reference: nn_config}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: training-container
                image: example.com/enas
                command: [python3, run.py]
                args:
                  - --architecture="${trialParameters.neuralNetworkArchitecture}"
                  - --nn_config="${trialParameters.neuralNetworkConfig}"
"""


def test_architectures_are_searched_by_yaml() -> None:
    experiment = Experiment.from_yaml(NAS)

    assert experiment_findings(experiment) == []
    broken = Experiment.from_yaml(NAS.replace('"64"', '"0"').replace("reference: nn_config", "reference: architecture"))
    assert [finding.what for finding in experiment_findings(broken)] == [
        "setting controller_hidden_size of algorithm enas",
        "trialParameters with reference 'architecture'",
    ]


BROKEN: dict[str, dict[str, Any]] = {
    "name 'Big'": {"metadata": {"name": "Big"}},
    "parallelTrialCount": {"parallelTrialCount": 9},
    "objective.additionalMetricNames": {
        "objective": {"type": "minimize", "objectiveMetricName": "loss", "additionalMetricNames": ["loss"]}
    },
    "setting seed of algorithm random": {
        "algorithm": {"algorithmName": "random", "algorithmSettings": [{"name": "seed", "value": "1"}]}
    },
    "algorithm hyperband": {"algorithm": {"algorithmName": "hyperband"}},
    "earlyStopping.algorithmName": {"earlyStopping": {"algorithmName": "mediansstop"}},
    "setting start_step of earlyStopping medianstop": {
        "earlyStopping": {"algorithmName": "medianstop", "algorithmSettings": [{"name": "start_step", "value": "0"}]}
    },
    "parameter batch_size": {
        "parameters": [
            {"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "1"}},
            {"name": "batch_size", "parameterType": "categorical", "feasibleSpace": {"list": []}},
        ]
    },
    "parameter momentum": {
        "parameters": [
            {"name": name, "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "1"}}
            for name in ("lr", "batch_size", "momentum")
        ]
    },
    "metricsFormat '([a-z]+)=(.*)(.*)'": {
        "metricsCollectorSpec": {"source": {"filter": {"metricsFormat": ["([a-z]+)=(.*)(.*)"]}}}
    },
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_experiment_of_a_user_is_held_against_the_rules_of_katib(what: str) -> None:
    body: dict[str, Any] = rendered_experiment(search(), HERE).to_dict()
    change = dict(BROKEN[what])
    metadata = change.pop("metadata", body["metadata"])
    experiment = Experiment.from_dict({**body, "metadata": metadata, "spec": {**body["spec"], **change}})

    found = experiment_findings(experiment)

    assert what in [finding.what for finding in found]


def test_a_client_takes_objects_and_yaml_of_both_kinds_however_they_are_written() -> None:
    client = OptimizerClient(KubernetesBackendConfig(offline=True))
    experiment = rendered_experiment(search(), HERE)
    given: list[tuple[Any, str]] = [
        (experiment, "creating an Experiment"),
        (experiment.to_yaml(), "creating an Experiment"),
        (experiment.to_json(), "creating an Experiment"),
        ('kind: "OptimizationJob"', "creating an OptimizationJob"),
    ]
    for job, words in given:
        with pytest.raises(NotImplementedError, match=words):
            client.create_job(job)
    with pytest.raises(InvalidInput, match="job takes str"):
        client.create_job({"kind": "Experiment"})  # type: ignore[arg-type]

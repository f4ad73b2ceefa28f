"""Builders reach any place by name, produce the minimal object, and do at run time what their signatures say."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from kubeflow_api.k8s.core.v1 import EnvVar, Toleration
from kubeflow_api.katib.v1beta1 import ExperimentBuilder
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntimeBuilder, TrainJobBuilder

from kubeflow.core.builder import Builder, KindBuilder
from kubeflow.core.errors import InvalidInput, InvalidObject
from tests.generated.drawing import ROOT


def test_a_toleration_nine_levels_deep_and_nothing_else() -> None:
    job = TrainJobBuilder("mnist", namespace="ml").runtime_ref(name="torch-distributed").trainer(num_nodes=4)
    pod = job.runtime_patch("acme.io/team").replicated_job("node").pod_spec()
    pod.toleration(key="gpu", operator="Exists").node_selector(pool="a100")
    pod.volume(name="data", persistent_volume_claim={"claim_name": "d"})
    pod.container("node").volume_mount(name="data", mount_path="/data")
    assert job.build().to_dict() == {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "mnist", "namespace": "ml"},
        "spec": {
            "runtimeRef": {"name": "torch-distributed"},
            "trainer": {"numNodes": 4},
            "runtimePatches": [{"manager": "acme.io/team", "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [
                {"name": "node", "template": {"spec": {"template": {"spec": {
                    "tolerations": [{"key": "gpu", "operator": "Exists"}],
                    "nodeSelector": {"pool": "a100"},
                    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "d"}}],
                    "containers": [{"name": "node", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                }}}}}]}}}}],
        },
    }  # fmt: skip


def test_passing_through_a_place_leaves_no_trace_but_setting_nothing_does() -> None:
    job = TrainJobBuilder("a").runtime_ref(name="x")
    job.runtime_patch("acme.io/a").replicated_job("node").pod_spec()
    job.edit_trainer()
    spec: Any = job.build().to_dict()["spec"]
    assert spec == {
        "runtimeRef": {"name": "x"},
        "runtimePatches": [
            {
                "manager": "acme.io/a",
                "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [{"name": "node"}]}}},
            }
        ],
    }
    spec = TrainJobBuilder("a").runtime_ref(name="x").trainer().build().to_dict()["spec"]
    assert spec["trainer"] == {}


def test_an_item_is_found_again_by_its_keys() -> None:
    job = TrainJobBuilder("a").runtime_ref(name="x")
    trainer = job.edit_trainer()
    trainer.env("A", value="1").set(value="2")
    trainer.env("B")
    trainer.env("A")
    spec: Any = job.build().to_dict()["spec"]
    assert spec["trainer"]["env"] == [{"name": "A", "value": "2"}, {"name": "B"}]


def test_models_and_mappings_are_taken_and_can_be_refined() -> None:
    job = TrainJobBuilder("a").runtime_ref(name="x").trainer(env=[EnvVar(name="A", value="1"), {"name": "B"}])
    job.edit_trainer().env("A", value="3")
    pod = job.runtime_patch("acme.io/a").replicated_job("node").pod_spec()
    pod.set(tolerations=[Toleration(key="a")], service_account_name="robot")
    pod.toleration(key="b")
    spec: Any = job.build().to_dict()["spec"]
    assert spec["trainer"]["env"] == [{"name": "A", "value": "3"}, {"name": "B"}]
    patched = spec["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"][0]
    assert patched["template"]["spec"]["template"]["spec"] == {
        "tolerations": [{"key": "a"}, {"key": "b"}],
        "serviceAccountName": "robot",
    }


def test_a_builder_goes_on_after_building() -> None:
    job = TrainJobBuilder("a").runtime_ref(name="x")
    first = job.build()
    second = job.trainer(num_nodes=2).build()
    assert first.spec is not None
    assert first.spec.trainer is None
    assert second.spec is not None
    assert second.spec.trainer is not None


def test_a_runtime_and_an_experiment_come_from_the_same_template() -> None:
    runtime = ClusterTrainingRuntimeBuilder("mine", labels={"trainer.kubeflow.org/framework": "torch"}).ml_policy(
        num_nodes=1
    )
    node = runtime.job_set_spec().replicated_job("node")
    node.job_metadata(labels={"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"})
    container = node.job_spec().pod_spec().container("node", image="pytorch/pytorch")
    container.port(29500).set(name="rendezvous")
    container.port(29500, "UDP")
    container.port(29500)
    spec: Any = runtime.build().to_dict()["spec"]
    (job,) = spec["template"]["spec"]["replicatedJobs"]
    assert job["template"]["spec"]["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 29500, "name": "rendezvous"},
        {"containerPort": 29500, "protocol": "UDP"},
    ]

    experiment = ExperimentBuilder("tune", namespace="ml").objective(type="minimize", objective_metric_name="loss")
    experiment.algorithm(algorithm_name="random").trial_template(primary_container_name="node", trial_parameters=[])
    experiment.parameter("lr", parameter_type="double", feasible_space={"min": "0.1", "max": "0.2"})
    assert experiment.build().to_dict()["spec"] == {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "trialTemplate": {"primaryContainerName": "node", "trialParameters": []},
        "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "0.2"}}],
    }


def test_mistakes_are_errors_that_name_the_remedy() -> None:
    job = TrainJobBuilder("a").runtime_ref(name="x")
    with pytest.raises(AttributeError, match="has no method 'trainr'. Did you mean 'trainer'?"):
        job.trainr(num_nodes=2)  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match="as keywords only"):
        job.trainer(2)  # type: ignore[call-arg, arg-type]
    with pytest.raises(InvalidInput, match="needs 'manager'"):
        job.runtime_patch()  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="takes manager"):
        job.runtime_patch("a", "b")  # type: ignore[call-arg, arg-type]
    with pytest.raises(InvalidInput, match="'manager' twice"):
        job.runtime_patch("a", manager="b")  # type: ignore[misc]
    job.trainer(num_node=2)  # type: ignore[call-arg]
    with pytest.raises(InvalidObject, match="Did you mean 'num_nodes'?"):
        job.build()


def stubs() -> list[tuple[str, Path]]:
    package = ROOT / "generated"
    return [
        (path.relative_to(package).with_suffix("").as_posix().replace("/", "."), path)
        for path in sorted(package.rglob("builders.pyi"))
    ]


def test_no_builder_is_for_what_only_a_status_has_and_shortcuts_say_where_they_go() -> None:
    classes = [
        node
        for _, stub in stubs()
        for node in ast.parse(stub.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Builder")
    ]
    assert [node.name for node in classes if re.search("Status|^Condition", node.name)] == []
    shortcuts = [
        each
        for node in classes
        for each in node.body
        if isinstance(each, ast.FunctionDef) and re.fullmatch("(pod|job)_(spec|metadata)", each.name)
    ]
    assert len(shortcuts) > 5
    assert all(ast.get_docstring(each) for each in shortcuts)


@pytest.mark.parametrize(("module", "stub"), stubs())
def test_every_signature_of_a_stub_works_at_run_time(module: str, stub: Path) -> None:
    runtime = import_module(module)
    tree = ast.parse(stub.read_text("utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("Builder")]
    called = 0
    for node in classes:
        kind: type[Builder] = getattr(runtime, node.name)
        methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        own = {"set", "build", "metadata", "__init__"} if issubclass(kind, KindBuilder) else {"set"}
        assert set(methods) - own == set(kind.METHODS) - own
        for name, signature in methods.items():
            if name in own:
                continue
            builder = kind("a") if issubclass(kind, KindBuilder) else kind({})
            returned = getattr(builder, name)(*["k" for _ in signature.args.args[1:]])
            declared = ast.unparse(signature.returns) if signature.returns else ""
            declared = declared.rpartition("_")[2]  # a class of another package, where this one has its name too
            assert type(returned).__name__ == (type(builder).__name__ if declared == "Self" else declared)
            called += 1
    assert called or not any(kind.METHODS for kind in (getattr(runtime, node.name) for node in classes))

"""Runtimes of a cluster: what is read of them, both kinds apart, and at what price."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainingRuntime

from kubeflow.trainer import RuntimeKind, RuntimeNotFound, TrainerType
from kubeflow.trainer.runtimes.known_runtimes import from_model, known_runtime
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Home

Json = dict[str, Any]


def runtime(resources: Json | None = None, **policy: object) -> Json:
    container: Json = {"name": "node", "image": "example/train:1", "command": ["python"], "args": ["-m", "own"]}
    container |= {"resources": resources} if resources is not None else {}
    job: Json = {
        "name": "node",
        "template": {
            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
            "spec": {"template": {"spec": {"containers": [container]}}},
        },
    }
    return {
        "metadata": {"name": "own"},
        "spec": {"mlPolicy": {"numNodes": 3, **policy}, "template": {"spec": {"replicatedJobs": [job]}}},
    }


# What upstream's manifests say. Frameworks on 2.0, whose runtimes have no label for them, are concluded.
SHIPPED = {
    "torch-distributed": ("torch", "pre-training", "Unknown", "Unknown"),
    "torch-distributed-with-cache": ("torch", "pre-training", "Unknown", "Unknown"),
    "deepspeed-distributed": ("deepspeed", "pre-training", "Unknown", "Unknown"),
    "mlx-distributed": ("mlx", "pre-training", "Unknown", "Unknown"),
    "mpi-distributed": ("mpi", "pre-training", "Unknown", "Unknown"),
    "jax-distributed": ("jax", "pre-training", "Unknown", "Unknown"),
    "xgboost-distributed": ("xgboost", "pre-training", "Unknown", "Unknown"),
    "torchtune-llama3.2-1b": ("torchtune", "post-training", "gpu", "2"),
    "torchtune-llama3.2-3b": ("torchtune", "post-training", "gpu", "2"),
    "torchtune-qwen2.5-1.5b": ("torchtune", "post-training", "gpu", "2"),
}


def test_the_runtimes_that_each_minor_ships_are_read_for_what_they_are(every: Home, namespace: str) -> None:
    backend, _ = every.backend(namespace)

    found = backend.list_runtimes()

    assert {"torch-distributed", "deepspeed-distributed", "torchtune-llama3.2-1b"} <= {each.name for each in found}
    for each in found:
        trainer = each.trainer
        assert (trainer.framework, each.phase, trainer.device, trainer.device_count) == SHIPPED[each.name]
        assert "/" in trainer.image
        assert each.kind is RuntimeKind.CLUSTER_TRAINING_RUNTIME
        assert (each.pretrained_model or "").startswith("hf://") is (trainer.framework == "torchtune")
        assert (trainer.command[:2] == ("tune", "run")) is (trainer.trainer_type is TrainerType.BUILTIN_TRAINER)


@pytest.mark.parametrize(
    ("resources", "device", "count"),
    [
        ({"limits": {"nvidia.com/gpu": 8, "cpu": "32"}}, "gpu", "8"),
        ({"limits": {"rdma/hca": 1, "amd.com/gpu": "4"}}, "gpu", "4"),
        ({"limits": {"aws.amazon.com/neuron": 16, "vpc.amazonaws.com/efa": 8}}, "neuron", "16"),
        ({"limits": {"google.com/tpu": 4}}, "tpu", "4"),
        ({"limits": {"habana.ai/gaudi": 8}}, "gaudi", "8"),
        ({"limits": {"huawei.com/Ascend910": 8}}, "npu", "8"),
        ({"limits": {"gpu.intel.com/i915": 1}}, "gpu", "1"),
        ({"limits": {"nvidia.com/mig-1g.5gb": 2}}, "mig-1g.5gb", "2"),
        ({"limits": {"nvidia.com/gpumem": 4000, "nvidia.com/gpu": 1}}, "gpu", "1"),
        ({"requests": {"nvidia.com/gpu": 0, "cpu": "500m"}}, "cpu", "500m"),
        ({"requests": {"cpu": 1}, "limits": {"cpu": 4}}, "cpu", "4"),
        ({"limits": {"memory": "64Gi"}}, "Unknown", "Unknown"),
        ({}, "Unknown", "Unknown"),
        (None, "Unknown", "Unknown"),
    ],
)
def test_devices_of_every_vendor_are_counted(resources: Json | None, device: str, count: str) -> None:
    read = from_model(ClusterTrainingRuntime.from_server(runtime(resources, torch={})))

    assert (read.trainer.device, read.trainer.device_count) == (device, count)
    assert read.trainer.num_nodes == 3
    assert read.trainer.command == ("python", "-m", "own")


def test_a_runtime_that_sets_nothing_up_is_plain_and_its_kind_is_kept() -> None:
    read = from_model(TrainingRuntime.from_server(runtime()))

    assert read.trainer.framework == "plain"
    assert read.kind is RuntimeKind.TRAINING_RUNTIME


def _broken(value: Any, seed: list[Any]) -> Any:
    """Return `value` with something else at some of its places."""
    if not seed:
        return value
    choice = seed.pop()
    if choice is not Ellipsis:
        return choice
    if isinstance(value, dict):
        return {key: _broken(item, seed) for key, item in value.items()}
    return [_broken(item, seed) for item in value] if isinstance(value, list) else value


ODD = st.lists(st.one_of(st.just(...), st.none(), st.integers(), st.text(max_size=3), st.just([{}]), st.just({"a": 1})))


@settings(max_examples=300, deadline=None)
@given(ODD, st.sampled_from([ClusterTrainingRuntime, TrainingRuntime]))
def test_no_runtime_is_so_broken_that_it_cannot_be_shown(
    odd: list[Any], kind: type[ClusterTrainingRuntime | TrainingRuntime]
) -> None:
    whole = runtime(
        {"limits": {"nvidia.com/gpu": 1}}, torch={"numProcPerNode": "auto"}, mpi={"runLauncherAsNode": True}
    )
    broken = _broken(whole, [..., *odd])

    known = known_runtime(kind.from_server(broken if isinstance(broken, dict) else {}))

    assert known.runtime.name
    assert known.runtime.phase in ("pre-training", "post-training")


def test_a_broken_runtime_does_not_break_the_listing(newest: Home, namespace: str) -> None:
    path = f"{API}/namespaces/{namespace}/trainingruntimes"
    newest.make_namespace(namespace)
    for body in (runtime(torch={}), {"metadata": {"name": "hollow"}, "spec": {"mlPolicy": {"numNodes": 1}}}):
        kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainingRuntime"}
        newest.wire.send("POST", path, {**kind, **body})
    backend, _ = newest.backend(namespace)

    own = {each.name: each for each in backend.list_runtimes() if each.kind is RuntimeKind.TRAINING_RUNTIME}

    assert set(own) == {"own", "hollow"}
    assert own["hollow"].trainer.framework == own["hollow"].trainer.image == "Unknown"
    assert own["own"].trainer.framework == "torch"


def test_a_runtime_costs_no_request_while_it_is_fresh_and_a_missing_one_lists_what_exists(
    newest: Home, namespace: str
) -> None:
    backend, counted = newest.backend(namespace)
    assert len(counted.sent()) <= 3

    assert backend.get_runtime("torch-distributed") == backend.resolve_runtime("torch-distributed")
    assert counted.sent() == []

    with pytest.raises(RuntimeNotFound, match="Did you mean 'torch-distributed'") as error:
        backend.get_runtime("torch-distribted")
    assert "jax-distributed" in error.value.available
    assert len(counted.sent()) <= 4

    with pytest.raises(RuntimeNotFound):
        backend.get_runtime("No Name Of An Object")
    assert backend.get_runtime("llama-3.2-1b").name == "torchtune-llama3.2-1b"  # as people write it


def test_a_runtime_that_came_after_the_client_is_found_with_its_kind(newest: Home, namespace: str) -> None:
    backend, counted = newest.backend(namespace)
    kind = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainingRuntime"}
    newest.wire.send("POST", f"{API}/namespaces/{namespace}/trainingruntimes", {**kind, **runtime(torch={})})
    counted.sent()

    found = backend.get_runtime("own")

    assert found.kind is RuntimeKind.TRAINING_RUNTIME
    assert found.trainer.image == "example/train:1"
    assert len(counted.sent()) <= 2

"""What `?` and `help` show of a public name: a signature, and one sentence first."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import pytest
from kubeflow_api.trainer.v1alpha1 import Trainer, TrainJobBuilder

PACKAGES = (
    *("kubeflow.trainer", "kubeflow.trainer.options", "kubeflow.optimizer", "kubeflow.hub", "kubeflow.packaging"),
    *("kubeflow.kserve", "kubeflow.kserve.options", "kubeflow.spark", "kubeflow.spark.options", "kubeflow.cluster"),
)
GENERATED = ("trainer.v1alpha1", "katib.v1beta1", "spark.v1beta2", "k8s.core.v1", "kserve.v1beta1")


def public(package: str) -> Iterator[tuple[str, object]]:
    """Yield the functions and classes of a package, and the methods of those, by name."""
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield name, value
        if inspect.isclass(value):
            for method, function in inspect.getmembers(value, inspect.isroutine):
                ours = getattr(function, "__module__", None) or ""
                if not method.startswith("_") and ours.startswith("kubeflow."):
                    yield f"{name}.{method}", function


def unmade(value: object) -> bool:
    """True for what users make no objects of: errors, protocols and base classes."""
    return inspect.isclass(value) and (
        issubclass(value, BaseException) or inspect.isabstract(value) or getattr(value, "_is_protocol", False)
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_read_first_of_a_public_name_is_one_sentence(package: str) -> None:
    names = dict(public(package))
    assert names
    for name, value in names.items():
        first = (inspect.getdoc(value) or "").partition("\n")[0]
        assert first.endswith((".", "?", ":")), f"{name}: {first!r}"
        assert not first.startswith(f"{name}("), f"{name}: a dataclass without a text of its own"
        if not unmade(value):
            assert "*args, **kwargs" not in str(inspect.signature(value)), name  # type: ignore[arg-type]


def test_a_method_of_a_builder_has_the_signature_and_text_of_its_stub() -> None:
    builder = TrainJobBuilder("a")

    keywords = inspect.signature(builder.trainer).parameters
    assert list(keywords) == list(inspect.signature(Trainer).parameters)
    assert str(keywords["num_nodes"]) == "num_nodes: int | None = None"
    assert (inspect.getdoc(builder.trainer) or "").startswith("The training program, its size and its environment")
    patch = inspect.signature(builder.runtime_patch)
    assert str(patch).startswith("(manager: str, *, time: ")
    assert str(patch).endswith(") -> RuntimePatchBuilder")
    limits = inspect.signature(builder.edit_trainer().edit_resources_per_node().limits)
    assert str(limits) == "(entries: Mapping[str, QuantityLike] = None, /, **more: QuantityLike) -> Self"


@pytest.mark.parametrize("package", GENERATED)
def test_every_method_of_every_builder_has_a_signature(package: str) -> None:
    module = importlib.import_module(f"kubeflow_api.{package}.builders")
    builders = [value for value in vars(module).values() if getattr(value, "METHODS", None)]
    assert builders
    for each in builders:
        builder = each("a") if "MODEL" in vars(each) else each({})
        for name, method in each.METHODS.items():
            signature = inspect.signature(getattr(builder, name))
            named = [parameter.name for parameter in signature.parameters.values() if parameter.annotation is not str]
            assert "fields" not in named, f"{each.__name__}.{name}"
            assert set(method.keys) <= set(signature.parameters)

"""Functions whose text nobody kept: cloudpickle packs them, by itself where the job runs this very Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow.packaging import PackagingError, bundle
from tests.packaging.launch import run_bundle

PIP = 'pip install "kubeflow[cloudpickle]"'


def made() -> Callable[..., object]:
    """Return a function that has no text."""
    scope: dict[str, Callable[..., object]] = {}
    exec("def train(x):\n    return x * 2", scope)
    return scope["train"]


def refused(*, same_python: bool, serializer: str = "source") -> str:
    with pytest.raises(PackagingError) as caught:
        bundle(made(), args={"x": 2}, same_python=same_python, serializer=serializer)  # type: ignore[arg-type]  # a str
    return str(caught.value)


@pytest.fixture
def without_cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)  # Python's own sign that a module is not to be had


def test_cloudpickle_packs_it_by_itself_for_this_python(tmp_path: Path) -> None:
    packed = bundle(made(), args={"x": 2}, same_python=True)
    assert packed.requirements == ("cloudpickle",)
    assert run_bundle(packed, tmp_path).outcomes[0].result == 4


def test_for_another_python_the_finding_names_it() -> None:
    words = refused(same_python=False)
    assert words.endswith('or use serializer="cloudpickle".')


@pytest.mark.usefixtures("without_cloudpickle")
def test_where_it_is_not_installed_the_finding_says_how_it_is() -> None:
    assert f"or install cloudpickle, which jobs of this machine use by themselves then: {PIP}." in refused(
        same_python=True
    )
    assert f'or use serializer="cloudpickle" ({PIP}).' in refused(same_python=False)
    assert f'serializer="cloudpickle": cloudpickle is not installed. Run {PIP}.' in refused(
        same_python=False, serializer="cloudpickle"
    )


def test_a_finding_that_cloudpickle_does_not_help_stays() -> None:
    with pytest.raises(PackagingError, match="argument y: train does not take it"):
        bundle(made(), args={"x": 2, "y": 3}, same_python=True)

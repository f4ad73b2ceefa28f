"""What editors and notebooks offer where a user types: the public names, and nothing that is only ours."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import jedi  # type: ignore[import-untyped]  # ships neither stubs nor py.typed
import pytest

import kubeflow
from kubeflow.hub import ModelRegistryClient
from kubeflow.kserve import KServeClient
from kubeflow.optimizer import OptimizerClient
from kubeflow.spark import SparkClient
from kubeflow.trainer import TrainerClient, TrainJob
from tests.editors.languageserver import LanguageServer

# Folders are offered as well, by engines that list files: those whose paths users have from the published package, and
# rooms of ours with a name that says so.
FOLDERS = {
    "kubeflow.trainer": {"api", "backends", "constants", "diagnosis", "errors", "jobs", "rendering", "runtimes", "types"},
    "kubeflow.trainer.options": {"common", "kubernetes"},
    "kubeflow.training": {"client"},
    "kubeflow_api.trainer.v1alpha1": {"availability", "builders", "client", "models", "rules"},
    "kubeflow_api.katib.v1beta1": {"availability", "builders", "client", "models", "rules"},
}  # fmt: skip
OBJECTS = {
    "from kubeflow.trainer import TrainerClient\nTrainerClient().": TrainerClient,
    "from kubeflow.optimizer import OptimizerClient\nOptimizerClient().": OptimizerClient,
    "from kubeflow.spark import SparkClient\nSparkClient().": SparkClient,
    "from kubeflow.kserve import KServeClient\nKServeClient().": KServeClient,
    "from kubeflow.hub import ModelRegistryClient\nModelRegistryClient().": ModelRegistryClient,
    "from kubeflow.trainer import TrainerClient\nTrainerClient().get_job('a').": TrainJob,
}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    with LanguageServer(tmp_path_factory.mktemp("editor")) as server:
        yield server


def jedi_completions(text: str) -> set[str]:
    """Return what notebooks offer at the end of `text`, names with an underscore left out as there."""
    lines = text.split("\n")
    names = {completion.name for completion in jedi.Script(text).complete(len(lines), len(lines[-1]))}
    return {name for name in names if not name.startswith("_")}


def pyright_completions(editor: LanguageServer, text: str) -> set[str]:
    return {name for name in editor.completions(text) if not name.startswith("_")}


@pytest.mark.parametrize("package", FOLDERS)
@pytest.mark.parametrize("form", ["from {} import ", "import {} as package\npackage."])
def test_a_package_offers_its_public_names_and_nothing_else(editor: LanguageServer, package: str, form: str) -> None:
    public = set(importlib.import_module(package).__all__)
    text = form.format(package)

    for offered in (jedi_completions(text), pyright_completions(editor, text)):
        assert public - offered == set()
        assert offered - public - FOLDERS[package] == set()


def test_the_root_offers_its_parts(editor: LanguageServer) -> None:
    root = Path(kubeflow.__file__).parent
    parts = {folder.name for folder in root.iterdir() if (folder / "__init__.py").exists()}

    for offered in (jedi_completions("from kubeflow."), pyright_completions(editor, "from kubeflow.")):
        assert offered == parts


@pytest.mark.parametrize("text", OBJECTS)
def test_an_object_offers_its_public_attributes_and_nothing_else(editor: LanguageServer, text: str) -> None:
    kind = OBJECTS[text]
    own = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")} | set(
        inspect.get_annotations(kind)
    )
    public = {name for name in own if not name.startswith("_")}
    public |= set() if kind in (TrainJob, ModelRegistryClient) else {"backend"}

    assert jedi_completions(text) == pyright_completions(editor, text) == public
    assert editor.completions(text)[: len(public)] == sorted(public)  # nothing stands before them


def test_a_builder_offers_its_fields(editor: LanguageServer) -> None:
    text = "from kubeflow_api.trainer.v1alpha1 import TrainJobBuilder\nTrainJobBuilder('a')."

    for offered in (jedi_completions(text), pyright_completions(editor, text)):
        assert {"runtime_ref", "trainer", "runtime_patch", "build"} <= offered


def test_the_client_of_a_kind_offers_its_verbs(editor: LanguageServer) -> None:
    text = "from kubeflow_api.trainer.v1alpha1 import Client\ndef f(c: Client) -> None:\n    c.train_jobs."

    for offered in (jedi_completions(text), pyright_completions(editor, text)):
        assert {"get", "list", "create", "patch", "delete", "watch"} <= offered

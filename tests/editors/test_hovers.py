"""What editors and notebooks show over the constructor of a model: names and plain types, and our words."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import jedi  # type: ignore[import-untyped]  # ships neither stubs nor py.typed
import pytest
from kubeflow_api.trainer.v1alpha1 import Trainer, TrainJob

from kubeflow.core.model import Model
from tests.editors.languageserver import LanguageServer

MODULES = ["trainer.v1alpha1", "katib.v1beta1", "jobset.v1alpha2", "k8s.core.v1", "k8s.batch.v1", "k8s.meta.v1"]
TRAINER = {
    "args": "list[str] | None",
    "command": "list[str] | None",
    "env": "list[EnvVar] | None",
    "image": "str | None",
    "num_nodes": "int | None",
    "num_proc_per_node": "int | None",
    "resources_per_node": "ResourceRequirements | None",
}
INTERNALS = ("Annotated", "FieldInfo", "Field(", "MaxLen", "Ge(", "MinProperties", "metadata=[", "typing.", "models.")


def models() -> list[type[Model]]:
    modules = [importlib.import_module(f"kubeflow_api.{name}.models") for name in MODULES]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Model) and value.__module__ == module.__name__
    ]


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    with LanguageServer(tmp_path_factory.mktemp("editor")) as server:
        yield server


def test_a_hover_in_an_editor_shows_names_and_plain_types(editor: LanguageServer) -> None:
    shown = editor.hover("from kubeflow_api.trainer.v1alpha1 import Trainer\nTrainer(num_nodes=2)", "Trainer")
    for name, kind in TRAINER.items():
        assert f"    {name}: {kind} = None" in shown
    assert not [word for word in (*INTERNALS, "pydantic") if word in shown]


def test_a_hover_of_a_field_shows_its_text_and_plain_type(editor: LanguageServer) -> None:
    text = "from kubeflow_api.trainer.v1alpha1 import Trainer\nTrainer(num_nodes=2).image"
    shown = editor.hover(text, "image")
    assert shown.startswith("(variable) image: str | None")
    assert "at most 500 characters" in shown


def test_jedi_shows_names_and_plain_types() -> None:
    text = "from kubeflow_api.trainer.v1alpha1 import Trainer\nTrainer("
    (signature,) = jedi.Script(text).get_signatures(2, 8)
    assert {parameter.name: parameter.to_string() for parameter in signature.params} == {
        name: f"{name}: {kind}=None" for name, kind in TRAINER.items()
    }


def test_a_notebook_shows_names_and_plain_types() -> None:
    parameters = ", ".join(f"{name}: {kind} = None" for name, kind in TRAINER.items())
    assert str(inspect.signature(Trainer)) == f"(*, {parameters})"
    assert inspect.getdoc(Trainer.__init__) == "Check the fields that are given by attribute name; None is not given."


def test_a_required_field_has_no_default_in_a_signature() -> None:
    container = importlib.import_module("kubeflow_api.k8s.core.v1").Container
    assert inspect.signature(container).parameters["name"].default is inspect.Parameter.empty


def test_every_signature_is_plain_before_and_after_the_first_use() -> None:
    for model in models():
        before = str(inspect.signature(model))
        model.from_server({})
        assert str(inspect.signature(model)) == before
        assert not [word for word in INTERNALS if word in before]
        assert set(inspect.signature(model).parameters) == set(model.model_fields)


def test_no_annotation_that_editors_read_has_constraints() -> None:
    folder = Path(inspect.getfile(Trainer)).parents[2]
    for file in folder.rglob("models.py"):
        visible = re.sub(r"(?m)^    if not TYPE_CHECKING:\n(        .*\n)+", "", file.read_text("utf-8"))
        visible = re.sub(r"(?m)^else:\n(    .*\n)+", "", visible)  # of `if TYPE_CHECKING:`, at unions
        assert "Annotated[" not in visible, file


def test_constraints_still_hold() -> None:
    with pytest.raises(ValueError, match="at most 500 characters"):
        Trainer(image="x" * 501)
    with pytest.raises(ValueError, match="at most 1048576 characters"):
        Trainer(args=["x" * 1048577])
    assert TrainJob.model_json_schema()["$defs"]["Trainer"]["properties"]["image"]["anyOf"][0] == {
        "maxLength": 500,
        "type": "string",
    }

"""Our descriptions: their examples are valid, they stand in the models where editors look, and they cost nothing."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from codegen import config
from codegen.descriptions import texts
from codegen.schema.definitions import is_union
from codegen.schema.naming import attribute, location
from kubeflow.core.errors import InvalidObject
from kubeflow.core.model import Model
from tests.generated.drawing import ROOT, definitions

CONFIG = config.load(ROOT)


@cache
def descriptions() -> texts.Descriptions:
    return texts.describe(ROOT / "schemas", CONFIG, definitions())


def fields() -> list[tuple[str, str]]:
    return [(name, field) for name, text in sorted(descriptions().classes.items()) for field in text.fields]


def model(definition: str) -> type[Model]:
    package, name = location(CONFIG, definition)
    found: type[Model] = getattr(importlib.import_module(f"{CONFIG.package}.{package}"), name)
    return found


def test_every_class_and_field_is_described_and_nothing_else() -> None:
    assert descriptions().findings == ()
    described, linked = set(descriptions().classes), set(descriptions().links)
    assert not described & linked
    assert described | linked == set(definitions()) - set(CONFIG.types)
    assert len(described) >= 92
    assert len(fields()) >= 330


@pytest.mark.parametrize("definition", sorted(descriptions().classes))
def test_examples_and_defaults_fit_the_schema(definition: str) -> None:
    for name, text in descriptions().classes[definition].fields.items():
        schema = {**definitions()[definition]["properties"][name], "components": {"schemas": definitions()}}
        validator = Draft202012Validator(schema, format_checker=FormatChecker(["date-time"]))
        for value in (text.example, text.default):
            if value:
                problems = [problem.message for problem in validator.iter_errors(value.json)]
                assert not problems, (name, value.json, problems)


@pytest.mark.parametrize(
    "definition", sorted(name for name in descriptions().classes if not is_union(definitions()[name]))
)
def test_a_user_may_write_the_examples(definition: str) -> None:
    """Models know every field of an example, which JSON Schema does not ask; required fields without one may lack."""
    texts = descriptions().classes[definition].fields
    examples = {name: text.example.json for name, text in texts.items() if text.example}
    try:
        model(definition).from_dict(examples)
    except InvalidObject as error:
        problems = [mistake for mistake in error.mistakes if mistake.kind != "missing" or len(mistake.place) > 1]
        assert not problems, problems


def test_texts_are_short_sentences() -> None:
    said = [(definition, text.description) for definition, text in descriptions().classes.items()]
    said += [
        (f"{definition}.{name}", field.text)
        for definition, text in descriptions().classes.items()
        for name, field in text.fields.items()
    ]
    for where, text in said:
        assert re.match(r"[A-Z`]", text), where
        assert text.endswith("."), where
        assert text.count("`") % 2 == 0, where
        assert len(re.findall(r"\.(?: |$)", text)) <= 3, where
        assert len(text) <= 330, (where, len(text))


def test_no_text_says_only_the_name() -> None:
    for definition, name in fields():
        text = descriptions().classes[definition].fields[name].text.lower()
        rest = set(re.findall(r"[a-z]+", text)) - set(attribute(name).split("_")) - {"the", "a", "of", "is"}
        assert len(rest) >= 2, (definition, name, text)


def hovers(package: str) -> dict[tuple[str, str], str]:
    """Return the text that an editor shows for a class (under an empty name) and for each of its attributes."""
    path = ROOT / "generated" / CONFIG.package / package.replace(".", "/") / "models.py"
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        previous = ""
        for child in node.body:
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                found[node.name, previous] = ast.literal_eval(child.value)
            previous = (
                child.target.id if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name) else ""
            )
    return found


def flat(text: str) -> str:
    return " ".join(text.split())


def test_editors_show_every_text_with_unit_default_and_example() -> None:
    for definition, text in descriptions().classes.items():
        package, name = location(CONFIG, definition)
        shown = cached(package)
        if is_union(definitions()[definition]):  # an alias, with its text below
            assert flat(text.description) in flat(
                (ROOT / "generated" / CONFIG.package / package.replace(".", "/") / "models.py").read_text("utf-8")
            )
            continue
        assert flat(shown[name, ""]).startswith(flat(text.description))
        for field, said in text.fields.items():
            hover = flat(shown[name, attribute(field)])
            node = definitions()[definition]["properties"][field]
            assert hover.startswith(said.text)
            assert not said.unit or f"Unit: {said.unit}." in hover
            assert ("Default: `" in hover) is bool("default" in node or said.default)
            assert ("Example: `" in hover) is bool(said.example)


def test_methods_of_builders_show_what_they_set() -> None:
    stub = ROOT / "generated" / CONFIG.package / "trainer/v1alpha1/builders.pyi"
    classes = {node.name: node for node in ast.parse(stub.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}
    methods = {node.name: node for node in classes["TrainJobBuilder"].body if isinstance(node, ast.FunctionDef)}
    spec = descriptions().classes["trainer.v1alpha1.TrainJobSpec"].fields
    for method, field in (("trainer", "trainer"), ("edit_trainer", "trainer"), ("runtime_patch", "runtimePatches")):
        assert flat(ast.get_docstring(methods[method]) or "") == spec[field].text


def test_classes_of_kubernetes_have_a_link_and_facts() -> None:
    shown = cached("k8s.core.v1")
    assert (
        "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#toleration-v1-core"
        in shown["Toleration", ""]
    )
    assert shown["PodSpec", "volumes"] == "Constraints: keyed by `name`."
    for name, _ in (key for key in shown if not key[1]):
        assert f"#{name.lower()}-v1-core" in shown[name, ""]
    assert "#objectmeta-v1-meta" in cached("k8s.meta.v1")["EmbeddedObjectMeta", ""]


@cache
def cached(package: str) -> dict[tuple[str, str], str]:
    return hovers(package)


def test_texts_of_attributes_are_for_editors_alone() -> None:
    """They are gone from the compiled module, and pydantic does not go looking for them in the source."""
    path = ROOT / "generated" / CONFIG.package / "trainer/v1alpha1/models.py"
    compiled = compile(path.read_text("utf-8"), str(path), "exec")
    constants = [value for value in _constants(compiled) if isinstance(value, str)]
    assert any("to change of that runtime for this one job" in text for text in constants)
    assert not any("Ends the job as Failed" in text for text in constants)
    field = model("trainer.v1alpha1.TrainJobSpec").model_fields["active_deadline_seconds"]
    assert field.description is None


def _constants(code: Any) -> list[object]:
    found: list[object] = list(code.co_consts)
    for value in code.co_consts:
        if hasattr(value, "co_consts"):
            found += _constants(value)
    return found


def test_nothing_but_yaml_lies_among_the_descriptions() -> None:
    assert {path.suffix for path in (Path(ROOT) / "schemas/docs").iterdir()} == {".yaml"}

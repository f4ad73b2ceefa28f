"""Schema text is hostile input: it never becomes code, a path, or a template; what it names still works on the wire."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.codegen.conftest import ROOT, Workshop

NAMES = [
    'quo"te', "apo's", "new\nline", "tab\there", '"""', "'''", "back\\slash\\", "{{ 7 * 7 }}", "{% raw %}", "../../etc/passwd",
    "__init__", "__dict__", "self", "model_config", "modelDump", "lambda", "None", "match", "import os",
    "x = __import__('os')", "ключ", "键", "ﬁ", "a\u202eb", "$ref", "$(touch pwned)", "`id`", "1st", "-", "copy", "validate",
]  # fmt: skip
VALUES = [
    '"',
    "'",
    '"""',
    "\\",
    "\n",
    "\r\n",
    "]; import os  #",
    "{{ x }}",
    "\u2028",
    "\x7f",
    "ﬁ",
    "",
    "None",
    "a" * 300,
]

SCRIPT = """\
import json, sys
from workshop_api.workshop.v1 import RobotSpec, RobotBuilder
wire = json.loads(sys.stdin.read())
spec = RobotSpec.from_dict(wire)
assert spec.to_dict() == wire, spec.to_dict()
for name in RobotSpec.model_fields:
    assert name.isidentifier(), name
fields = {name: getattr(spec, name) for name in spec.model_fields_set}
assert RobotBuilder("a").set(**fields).build().to_dict()["spec"] == wire
print(len(fields))
"""


def spec_of(workshop: Workshop) -> tuple[dict[str, Any], dict[str, Any], str]:
    document = json.loads((workshop.upstream / "openapi.json").read_text("utf-8"))
    spec = document["components"]["schemas"]["workshop.v1.RobotSpec"]
    return document, spec, (workshop.upstream / "robots.yaml").read_text("utf-8")


def add(workshop: Workshop, properties: dict[str, Any]) -> None:
    """Add properties to the spec in both upstream documents."""
    document, spec, text = spec_of(workshop)
    spec["properties"].update(properties)
    (workshop.upstream / "openapi.json").write_text(json.dumps(document), "utf-8")
    lines = [f"              {json.dumps(name)}: {json.dumps(node)}\n" for name, node in properties.items()]
    marker = "              from: &arm\n"
    assert marker in text
    (workshop.upstream / "robots.yaml").write_text(text.replace(marker, "".join(lines) + marker), "utf-8")


def run(workshop: Workshop, wire: dict[str, Any]) -> str:
    path = os.pathsep.join([str(workshop.root / "generated"), str(ROOT)])
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps(wire), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path}, cwd=workshop.root,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_field_name_is_a_field_with_that_wire_name(workshop: Workshop, name: str) -> None:
    add(workshop, {name: {"type": "string"}})
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    assert run(workshop, {"model": "r2", name: "value"}).strip() == "2"
    only_expected(workshop)


def test_hostile_enum_values_are_values(workshop: Workshop) -> None:
    add(workshop, {"mood": {"type": "string", "enum": VALUES}})
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    for value in VALUES:
        run(workshop, {"model": "r2", "mood": value})
    only_expected(workshop)


def test_names_that_would_be_one_attribute_are_two(workshop: Workshop) -> None:
    add(workshop, {"a-b": {"type": "string"}, "a_b": {"type": "string"}, "aB": {"type": "string"}})
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    assert run(workshop, {"model": "r2", "a-b": "x", "a_b": "y", "aB": "z"}).strip() == "4"
    for name in ("a-b", "a_b", "aB"):
        assert run(workshop, {"model": "r2", name: "value"}).strip() == "2"


@pytest.mark.parametrize("name", ["../../Evil", "Evil/Twin", "evil", "Evil\nTwin", "Ev il", 'Ev"il'])
def test_a_hostile_type_name_is_refused_and_nothing_written(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text = (workshop.upstream / "openapi.json").read_text("utf-8")
    (workshop.upstream / "openapi.json").write_text(text.replace("v1.Arm", json.dumps("v1." + name)[1:-1]), "utf-8")
    if workshop.pin() == 0:
        assert workshop.run("generate") == 1
    message = capsys.readouterr().err
    assert "is no class name" in message or "has no entry" in message or "OpenAPI" in message
    assert not (workshop.root / "generated").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("plural: robots", 'plural: "robots\'); import os #"'),
        ("plural: robots", 'plural: "../robots"'),
        ("kind: Robot,", 'kind: "Robot(object): pass #",'),
        ("singular: robot", 'singular: "{{ 7 * 7 }}"'),
    ],
)
def test_hostile_names_of_a_kind_are_refused(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], before: str, after: str
) -> None:
    workshop.edit("robots.yaml", lambda text: text.replace(before, after))
    assert workshop.pin() == 1
    assert "is no name that the API server would accept" in capsys.readouterr().err
    assert workshop.written() == []


def only_expected(workshop: Workshop) -> None:
    """Check that nothing was written elsewhere, and that every file is nothing but what templates make."""
    root: Path = workshop.root
    assert {path.name for path in root.iterdir()} == {
        *("pyproject.toml", "templates", "codegen", "schemas", "generated", "docs")
    }
    pages = {path.relative_to(root / "docs").as_posix() for path in (root / "docs").rglob("*") if path.is_file()}
    assert pages == {"reference/README.md", "reference/workshop.v1/Robot.md"}
    assert not list(root.parent.rglob("pwned"))
    for path in (root / "generated").rglob("*.py*"):
        if path.suffix not in (".py", ".pyi"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                assert module != "os"
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            assert called not in ("__import__", "eval", "exec", "open")

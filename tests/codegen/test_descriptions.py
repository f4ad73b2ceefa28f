"""Descriptions: complete both ways or `verify` fails; no text escapes its docstring; the reference is a golden."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.descriptions.docstrings import literal
from codegen.descriptions.reference_pages import code, prose
from tests.codegen.conftest import ROOT, Workshop
from tests.codegen.test_generate import python

GOLDEN = Path(__file__).parent / "golden" / "reference"
FILE = "schemas/docs/workshop.v1.yaml"


@pytest.fixture
def pinned(workshop: Workshop) -> Workshop:
    assert workshop.pin() == 0
    return workshop


def without(key: str) -> Callable[[str], str]:
    """Return a change that removes the entry `key` of a class, with all that is indented below it."""
    return lambda text: re.sub(rf"(?m)^    {key}:.*\n(?:      .*\n)*", "", text)


def test_a_complete_description_verifies(pinned: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinned.run("generate") == 0
    assert FILE not in capsys.readouterr().out
    assert pinned.run("verify") == 0


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (without("armCount"), f"{FILE}: RobotSpec.armCount has no description"),
        (
            lambda text: text.replace("Arm:\n", "Arm:\n  like: k8s.core.v1.Limb\n"),
            f"{FILE}: Arm is said to be like 'k8s.core.v1.Limb', which is no class",
        ),
        (
            lambda text: text.replace("Arm:\n", "Leg:\n"),
            f"{FILE}: Leg is described but there is no such class; remove or rename it",
        ),
        (lambda text: text.replace("Arm:\n", "Leg:\n"), f"{FILE}: Arm has no description"),
        (
            lambda text: text.replace("    reach:\n", "    range:\n"),
            f"{FILE}: Arm.range is described but there is no such field; remove or rename it",
        ),
        (lambda text: text.replace("      example: 4\n", ""), f"{FILE}: RobotSpec.armCount has no example"),
        (
            lambda text: text.replace("      unit: arms\n", "      default: 2\n"),
            f"{FILE}: RobotSpec.armCount gives a default, but the pin has one; remove ours",
        ),
        (
            lambda text: text.replace("      example: left\n", "      example: left\n      default: left\n"),
            f"{FILE}: Arm.name gives a default, but the field is required; remove it",
        ),
    ],
)
def test_what_is_missing_or_stale_fails_verify_and_is_named(
    pinned: Workshop, capsys: pytest.CaptureFixture[str], change: Callable[[str], str], finding: str
) -> None:
    pinned.describe(change)
    assert pinned.run("generate") == 0
    assert finding in capsys.readouterr().out
    assert pinned.run("verify") == 1
    assert finding in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text", "finding"),
    [
        ("workshop.v2.yaml", "Robot: {description: Newer.}", "workshop.v2.yaml: there is no package 'workshop.v2'"),
        ("k8s.meta.v1.yaml", "ObjectMeta: {description: Names.}", "k8s.meta.v1.yaml: links.yaml has a link"),
        ("links.yaml", "packages: {k8s.meta.v1: 'https://a.org', k8s.v9: 'https://a.org'}", "k8s.v9 covers nothing"),
        ("links.yaml", "packages: {}", "schemas/docs/k8s.meta.v1.yaml: ObjectMeta has no description"),
    ],
)
def test_a_stale_file_or_link_is_named(
    pinned: Workshop, capsys: pytest.CaptureFixture[str], file: str, text: str, finding: str
) -> None:
    pinned.describe(lambda _: text, file)
    assert pinned.run("generate") == 0
    capsys.readouterr()
    assert pinned.run("verify") == 1
    assert finding in capsys.readouterr().err


def test_an_entry_deleted_by_hand_fails_verify_at_once(pinned: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinned.run("generate") == 0
    pinned.describe(without("armCount"))
    assert pinned.run("verify") == 1
    assert f"{FILE}: changed since generated/ was written; run `make generate`" in capsys.readouterr().err


def test_a_package_without_descriptions_generates_and_says_what_is_to_do(
    pinned: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (pinned.root / "schemas/docs/workshop.v1.yaml").unlink()
    pinned.describe(lambda _: "packages: {}", "links.yaml")
    assert pinned.run("generate") == 0
    assert f"{FILE}: Robot has no description" in capsys.readouterr().out
    assert pinned.run("verify") == 1
    assert f"{FILE}: Robot has no description" in capsys.readouterr().err


def test_a_field_that_a_pin_gains_fails_verify(pinned: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    pinned.edit(
        "openapi.json", lambda text: text.replace('"armCount": {', '"legs": {"type": "integer"}, "armCount": {')
    )
    pinned.edit(
        "robots.yaml", lambda text: text.replace("armCount: {", "legs: {type: integer}\n              armCount: {")
    )
    assert pinned.pin() == 0
    assert pinned.run("generate") == 0
    assert "legs: int | None = None" in (pinned.root / "generated/workshop_api/workshop/v1/models.py").read_text(
        "utf-8"
    )
    capsys.readouterr()
    assert pinned.run("verify") == 1
    assert f"{FILE}: RobotSpec.legs has no description" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Robot: {description: A., field: {}}", "#/Robot/field: unknown key; there are: description, fields"),
        ("Robot: {description: A., fields: {a: {text: B., units: m}}}", "#/Robot/fields/a/units: unknown key"),
        ("Robot: {description: 1}", "#/Robot/description: expected a string, found integer"),
        ("Robot: {description: ''}", "#/Robot/description: expected a text"),
        ("Robot: text", "#/Robot: expected an object"),
        ("[]", "#: expected an object"),
        ("Robot: {description: A.}\nRobot: {description: B.}", "'Robot' stands twice"),
        ("1: {description: A.}", "the key 1 is no text"),
        ("Robot: {", "not YAML"),
        ("Robot: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_a_malformed_description_is_refused_with_its_place(
    pinned: Workshop, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    pinned.describe(lambda _: text)
    assert pinned.run("generate") == 1
    message = capsys.readouterr().err
    assert FILE in message
    assert problem in message


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a.org/ b", 'https://a.org/"""', "https://a.org/\\"])
def test_a_link_is_an_https_address(pinned: Workshop, capsys: pytest.CaptureFixture[str], url: str) -> None:
    pinned.describe(lambda _: f"packages:\n  k8s.meta.v1: {url!r}\n".replace("\\\\", "\\"), "links.yaml")
    assert pinned.run("generate") == 1
    assert "links.yaml#/packages/k8s.meta.v1: expected an https address" in capsys.readouterr().err


HOSTILE = [
    '"""', '"', '""', 'ends with "', "ends with \\", 'a\\"', '\\"""\nimport os', "\\", "\\N{BULLET}", "\\x", "\\u12",
    "{{ 1 + 1 }}", "{% raw %}", "\0", "\r", "line\nbreak", "\u2028", "\u202e", "\ufeff", "é𝄞", "#", "'", "'''", "\ud800",
]  # fmt: skip


def check(paragraphs: list[str]) -> None:
    source = f"class A:\n    x: int = 1\n    {literal(paragraphs)}\n\n    y: int = 2\n"
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    first, text, last = body.body
    assert isinstance(first, ast.AnnAssign)
    assert isinstance(last, ast.AnnAssign)
    assert isinstance(text, ast.Expr)
    assert isinstance(text.value, ast.Constant)
    assert isinstance(text.value.value, str)
    assert text.value.value.split() == " ".join(paragraphs).split()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_its_docstring(text: str) -> None:
    check([text])
    check([f"a {text}"])
    check([f"{text} a", text])
    check(["word " * 40 + text])


@given(st.lists(st.text(st.sampled_from("\"\\ \n'a{}N")) | st.text(), min_size=1, max_size=3))
def test_no_drawn_text_breaks_out_either(paragraphs: list[str]) -> None:
    check(paragraphs)


@given(st.text(st.sampled_from("`|\\<>_*[] a\n")) | st.text())
def test_no_text_breaks_a_table_cell(text: str) -> None:
    for cell in (prose(text), code(text)):
        assert "\n" not in cell
        assert not re.search(r"(?<!\\)(?:\\\\)*\|", cell)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a <b> *c* d_e [f](g) | h", r"a &lt;b&gt; \*c\* d\_e \[f\](g) \| h"),
        ("see `a_b <c>` and `` d`e ``", "see `a_b <c>` and ``d`e``"),
        ("one ` alone", r"one \` alone"),
        ("either `a|b`", "either <code>a&#124;b</code>"),
        ("line\nbreak", "line break"),
        ("a\u202eb `c\x00`", r"a\\u202eb `c\u0000`"),
    ],
)
def test_code_stays_code_and_the_rest_is_plain_text(text: str, cell: str) -> None:
    assert prose(text) == cell


def test_hostile_texts_survive_generation_and_change_no_code(pinned: Workshop) -> None:
    def replace(text: str) -> str:
        nasty = '\\"""; import os; x = """ }} {% endfor %} \\N \\u \\" " \u202e <script>'.replace("'", "''")
        return text.replace("How it moves, ", f"{nasty} ", 1).replace(
            "      text: Which arm it is.", f"      text: '{nasty}'"
        )

    pinned.describe(replace)
    assert pinned.run("generate") == 0
    printed = python(
        pinned,
        "import ast, inspect, workshop_api.workshop.v1.models as m\n"
        "tree = ast.parse(inspect.getsource(m.Arm)).body[0]\n"
        "print([type(node).__name__ for node in tree.body])\n"
        "print(tree.body[2].value.value.split('Required')[0].strip())\n"
        "print(m.Arm.model_fields['name'].description)\n",
    )
    assert printed.splitlines() == [
        "['Expr', 'AnnAssign', 'Expr', 'AnnAssign', 'Expr', 'If']",
        '\\"""; import os; x = """ }} {% endfor %} \\N \\u \\" " \u202e <script>',
        "None",
    ]
    assert pinned.run("verify") == 0


def test_the_reference_is_as_it_should_look(pinned: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinned.run("docs") == 0
    assert "2 pages" in capsys.readouterr().out
    folder = pinned.root / "docs/reference"
    written = {path.relative_to(folder): path.read_text("utf-8") for path in folder.rglob("*.md")}
    if os.environ.get("KUBEFLOW_WRITE_GOLDENS"):
        for name, text in written.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_text(text, "utf-8")
    assert written == {path.relative_to(GOLDEN): path.read_text("utf-8") for path in GOLDEN.rglob("*.md")}


def test_docs_writes_what_generate_writes(pinned: Workshop) -> None:
    assert pinned.run("generate") == 0
    page = pinned.root / "docs/reference/workshop.v1/Robot.md"
    before = page.read_bytes()
    page.write_text("edited", "utf-8")
    stale = page.with_name("Gone.md")
    stale.write_text("", "utf-8")
    assert pinned.run("docs") == 0
    assert page.read_bytes() == before
    assert not stale.exists()
    assert pinned.run("verify") == 0


def test_an_edited_page_is_found(pinned: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinned.run("generate") == 0
    (pinned.root / "docs/reference/workshop.v1/Robot.md").write_text("edited", "utf-8")
    (pinned.root / "docs/reference/README.md").unlink()
    assert pinned.run("verify") == 1
    message = capsys.readouterr().err
    assert "docs/reference/workshop.v1/Robot.md: was edited by hand; change schemas/docs/" in message
    assert "docs/reference/README.md: is missing" in message


def test_the_committed_reference_has_no_dead_link() -> None:
    for path in (ROOT / "docs/reference").rglob("*.md"):
        text = re.sub("`[^`\n]*`", "", path.read_text("utf-8"))  # a pattern is no link
        anchors = {heading.lower() for heading in re.findall(r"(?m)^#+ (\w+)$", text)}
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in anchors, (path.name, target)
            elif not target.startswith("https://kubernetes.io/"):
                assert (path.parent / target).is_file(), (path.name, target)

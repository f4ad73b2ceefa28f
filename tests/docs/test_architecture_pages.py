"""The pages about the project's parts are held to the code: paths that they name exist, pictures of imports are true."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.test_architecture import MODULES, imports

PAGES_OF_PARTS = sorted((ROOT / "docs" / "architecture").glob("*.md"))
# Pages whose bare file names are those of this project; elsewhere `train.py` is the reader's.
OF_THE_PROJECT = [
    *PAGES_OF_PARTS,
    ROOT / "tests" / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("architecture", "glossary", "contributing", "maintaining")),
]
TOP = ("kubeflow", "codegen", "schemas", "templates", "generated", "tests", "docs", "examples", "locks", ".ci")
PATH = re.compile(rf"(?:{'|'.join(map(re.escape, TOP))})/[\w./-]*")
PICTURES = [block for page in PAGES for block in blocks(page) if block.language == "mermaid"]
PICTURES_OF_IMPORTS = [block for block in PICTURES if "%% imports of " in block.code]


def files() -> set[str]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(listing.stdout.splitlines())


FILES = files()


def test_every_path_that_a_page_names_exists() -> None:
    spans = [(page, span) for page in PAGES for span in re.findall(r"`([^`\n]+)`", page.read_text("utf-8"))]
    paths = [(page, path) for page, path in spans if PATH.fullmatch(path)]
    paths += [
        (block.page, path) for block in PICTURES for path in re.findall(rf"(?<![\w/.]){PATH.pattern}", block.code)
    ]
    assert len(paths) > 100
    assert [f"{page.relative_to(ROOT)}: {path}" for page, path in paths if not (ROOT / path).exists()] == []


def test_every_file_name_on_a_page_of_the_project_is_one_of_its_files() -> None:
    endings = {"/".join(parts[at:]) for file in FILES for parts in [file.split("/")] for at in range(len(parts))}
    names = [
        (page, name)
        for page in OF_THE_PROJECT
        for name in re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|toml))`", page.read_text("utf-8"))
    ]
    assert len(names) > 50
    assert [f"{page.relative_to(ROOT)}: {name}" for page, name in names if name not in endings] == []


def test_every_page_of_a_part_has_a_picture_and_is_linked_from_the_map() -> None:
    map_of_parts = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert len(PAGES_OF_PARTS) >= 8
    for page in PAGES_OF_PARTS:
        assert any(block.language == "mermaid" for block in blocks(page)), f"{page}: no picture"
        assert f"(architecture/{page.name})" in map_of_parts, f"{page}: not on the map"


def test_the_map_is_short() -> None:
    assert len((ROOT / "docs" / "architecture.md").read_text("utf-8").split()) < 900


def drawn(block: Block) -> tuple[str, set[tuple[str, str]], set[str]]:
    """Return the package that a picture of imports shows, its arrows, and its rooms."""
    package = re.search(r"%% imports of ([\w.]+)", block.code)
    assert package
    code = re.sub(r'\["[^"]*"\]', "", block.code)
    arrows: set[tuple[str, str]] = set()
    rooms: set[str] = set()
    for line in code.splitlines():
        if re.fullmatch(r"\s+[\w &>-]+", line):
            left, _, right = line.partition("-->")
            ends = [room.strip() for room in right.split("&")] if right else []
            rooms |= {left.strip(), *ends}
            arrows |= {(left.strip(), end) for end in ends}
    return package[1], arrows, rooms


def reach(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which room leads to which, over any number of arrows."""
    ways = set(arrows)
    while more := {(a, d) for a, b in ways for c, d in arrows if b == c} - ways:
        ways |= more
    return ways


@pytest.mark.parametrize("block", PICTURES_OF_IMPORTS, ids=str)
def test_a_picture_of_imports_shows_what_the_code_imports(block: Block) -> None:
    package, arrows, rooms = drawn(block)
    own = {
        module: module.removeprefix(f"{package}.").partition(".")[0]
        for module in MODULES
        if module.startswith(f"{package}.")
    }
    code = {(room, own[target]) for module, room in own.items() for target, _ in imports(module) if target in own}
    code -= {(room, room) for room in own.values()}

    assert rooms == set(own.values())
    assert arrows - code == set(), "drawn, and not in the code"
    assert code - reach(arrows) == set(), "in the code, and not drawn"


def test_five_parts_have_a_picture_of_their_imports() -> None:
    assert len(PICTURES_OF_IMPORTS) >= 5

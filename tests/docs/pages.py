"""The code blocks of the project's pages, and what the comment before a block says of it.

    <!-- not run: REASON -->       the block is shown only
    <!-- cluster -->               the block talks to a cluster, and runs where the tests have an API server
    <!-- raises: TYPE -->          the block ends with this exception; its text is the end of the block's output
    <!-- exits: CODE -->           a block of commands ends with this exit code instead of 0
    <!-- with: LOCK -->            the page runs with the packages of locks/LOCK.txt above those of the tests

A `text` block below a `python` or `sh` block is what that block prints; a line `...` stands for any lines, or none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "tests/README.md", "locks/*.md")
    for file in ROOT.glob(pattern)
)

RUN = ("python", "sh")
"""Languages whose blocks are run, in this order: the commands of a page come after its Python, in the same folder."""

_FENCE = re.compile(r"^(```+)(\w*)[^\n`]*\n(.*?)^\1[ ]*$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--\s*((?:(?!-->).)*?)\s*-->\s*\Z", re.DOTALL)
_DIRECTIVE = re.compile(r"(not run|cluster|raises|exits|with)(?::\s*(.*))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        page: The file.
        line: Of its first line of code, counted from 1.
        language: After the fence; empty for a drawing.
        code: Its text.
        not_run: Why it is not run. `None`: it is run.
        cluster: True when it talks to a cluster.
        raises: Name of the exception that it ends with.
        exits: The exit code of a block of commands.
        lock: The lock whose packages its page needs; empty for those of the tests.
    """

    page: Path
    line: int
    language: str
    code: str
    not_run: str | None = None
    cluster: bool = False
    raises: str | None = None
    exits: int = 0
    lock: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [_block(page, text, match) for match in _FENCE.finditer(text)]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    said: dict[str, str] = {}
    before = text[: match.start()]
    while comment := _COMMENT.search(before):
        directive = _DIRECTIVE.match(comment[1])
        if directive:
            said[directive[1]] = (directive[2] or "").strip()
        before = before[: comment.start()]
    return Block(
        page=page,
        line=text.count("\n", 0, match.start()) + 2,
        language=match[2],
        code=match[3],
        not_run=said.get("not run"),
        cluster="cluster" in said,
        raises=said.get("raises"),
        exits=int(said.get("exits", "0")),
        lock=said.get("with", ""),
    )


def outputs(page_blocks: list[Block]) -> list[tuple[Block, Block]]:
    """Return each `python` or `sh` block that is followed by a `text` block, with that block."""
    return [
        (code, output) for code, output in pairwise(page_blocks) if code.language in RUN and output.language == "text"
    ]

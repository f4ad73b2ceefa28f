"""What the documents say about the code is so."""

from __future__ import annotations

import re
from pathlib import Path

from kubeflow.trainer import TrainerClient
from tests.docs.pages import PAGES, ROOT

LINK = re.compile(r"\]\(([^)#:]*)#?([^)#:]*)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^):]+)\)")
# Between parts of this package, of no use to anybody else.
INTERNAL = re.compile(
    r"KUBEFLOW_(BUNDLE_|PARAMETER_|LOCAL_|RUN_ID|OUTPUT_DIR|TMPDIR|JOB_TMPDIR|RENDEZVOUS|SERVING_SETTINGS|TRAINER_SERVER_(CA_CERT|TOKEN))"
)


def test_every_environment_variable_that_is_read_is_documented_and_no_other() -> None:
    named = re.compile(r'"((?:KUBEFLOW|DEFAULT)_[A-Z_]+)"')
    read = {name for file in (ROOT / "kubeflow").rglob("*.py") for name in named.findall(file.read_text("utf-8"))}
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    documented = set(re.findall(r"`((?:KUBEFLOW|DEFAULT)_[A-Z_]+)`", page))

    assert {name for name in read if not INTERNAL.match(name)} == documented


def test_every_file_and_heading_that_a_page_links_to_exists() -> None:
    links = [(page, *link) for page in PAGES for link in LINK.findall(without_code(page.read_text("utf-8")))]
    assert len(links) > 10
    for page, file, heading in links:
        target = page.parent / file if file else page
        assert target.exists(), f"{page}: {file}"
        if heading:
            assert heading in anchors(target), f"{page}: {file}#{heading}"


def without_code(text: str) -> str:
    """Return a page without its code, in which brackets are no links."""
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "code", text)


def anchors(page: Path) -> set[str]:
    """Return what can follow `#` in a link to a page: its headings, as web pages name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_readme_leads_to_every_page() -> None:
    linked = {(ROOT / file).resolve() for file, _ in LINK.findall((ROOT / "README.md").read_text("utf-8")) if file}
    pages = {page for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"}
    assert {page.name for page in pages if page not in linked} == set()


def test_the_calls_that_readme_names_are_calls_of_the_client() -> None:
    named = set(re.findall(r"\b(?:client|cluster|offline)\.(\w+)\(", (ROOT / "README.md").read_text("utf-8")))
    assert len(named) > 8
    assert {name for name in named if not hasattr(TrainerClient, name)} == set()


def test_pictures_are_small_and_tell_what_they_show() -> None:
    pictures = [(page, *found) for page in PAGES for found in PICTURE.findall(page.read_text("utf-8"))]
    assert pictures
    for page, shown, file in pictures:
        assert len(shown.split()) > 3, f"{page}: {file}"
        assert (page.parent / file).stat().st_size < 60_000, f"{page}: {file}"

"""What the documents say about the code is so."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Between parts of this package, of no use to anybody else.
INTERNAL = re.compile(
    r"KUBEFLOW_(BUNDLE_|PARAMETER_|LOCAL_|RUN_ID|OUTPUT_DIR|TMPDIR|JOB_TMPDIR|RENDEZVOUS|TRAINER_SERVER_(CA_CERT|TOKEN))"
)


def test_every_environment_variable_that_is_read_is_documented_and_no_other() -> None:
    named = re.compile(r'"((?:KUBEFLOW|DEFAULT)_[A-Z_]+)"')
    read = {name for file in (ROOT / "kubeflow").rglob("*.py") for name in named.findall(file.read_text("utf-8"))}
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    documented = set(re.findall(r"`((?:KUBEFLOW|DEFAULT)_[A-Z_]+)`", page))

    assert {name for name in read if not INTERNAL.match(name)} == documented


def test_every_file_that_a_document_links_to_exists() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    links = [
        (doc, link) for doc in documents for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", doc.read_text("utf-8"))
    ]
    assert len(links) > 10
    for document, link in links:
        assert (document.parent / link).exists(), f"{document}: {link}"

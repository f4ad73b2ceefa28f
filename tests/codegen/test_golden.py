"""The whole generated tree of a small API, held against the approved one: what a change of a template does is seen here.

`KUBEFLOW_WRITE_GOLDENS=1 python -m pytest tests/codegen/test_golden.py` approves what is generated now.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.codegen.conftest import Workshop

APPROVED = Path(__file__).parent / "golden" / "generated"


def test_the_generated_tree_is_the_approved_one(workshop: Workshop) -> None:
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    package = workshop.root / "generated/workshop_api"
    if os.environ.get("KUBEFLOW_WRITE_GOLDENS"):
        shutil.rmtree(APPROVED, ignore_errors=True)
        shutil.copytree(package, APPROVED)
    made, approved = (
        {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.*"))}
        for folder in (package, APPROVED)
    )
    assert made.keys() == approved.keys()
    for name, text in made.items():
        assert text == approved[name], name

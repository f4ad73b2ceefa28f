"""What runs in the job is what ran here: every module and notebook of the corpus, called here, sent as a job of this
machine, and as the TrainJob's command line. The results, the output and the exit codes are equal, or the call was
refused before anything started.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.packaging.differential.cases import Case, corpus, read
from tests.packaging.differential.combinations import modules
from tests.packaging.differential.judge import Player, Verdict

CASES = corpus()


@pytest.fixture(scope="module")
def player() -> Iterator[Player]:
    pytest.importorskip("IPython")
    started = Player("ours")
    yield started
    started.close()


def as_expected(case: Case, verdict: Verdict) -> bool:
    if case.refused:
        return verdict.kind == "refused" and case.refused in verdict.words
    return verdict.kind == "right"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_job_does_what_the_call_does_here(case: Case, player: Player, tmp_path: Path) -> None:
    verdict = player.play(case, tmp_path)
    assert as_expected(case, verdict), f"{verdict.kind}: {verdict.words}"


@settings(max_examples=int(os.environ.get("KUBEFLOW_TEST_COMBINATIONS", "10")), derandomize=True)
@given(text=modules())
def test_combinations_of_all_that_a_module_may_do_run_as_here(text: str, player: Player) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "drawn.py").write_text(text, encoding="utf-8")
        (root / "played").mkdir()
        verdict = player.play(read(root / "drawn.py", root), root / "played")
    assert verdict.kind == "right", f"{verdict.kind}: {verdict.words}\n{text}"


def test_nine_of_ten_cases_are_expected_to_run() -> None:
    assert len(CASES) >= 220
    assert sum(not case.refused for case in CASES) >= 0.9 * len(CASES)

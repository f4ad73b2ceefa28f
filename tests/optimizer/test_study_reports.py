"""The report of a search: one page with its trials as tables and points, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kubeflow.core.durations import duration_text
from kubeflow.optimizer import TPE, Metric, Objective, OptimizationJob, Trial, TrialConfig
from kubeflow.optimizer.results.study_report import study_report, written_study
from kubeflow.reporting.report_page import LIMIT
from kubeflow.trainer import Event
from tests.browser import Chromium
from tests.optimizer.searches import AIMS, made
from tests.optimizer.test_results import JOB, ONE, START

NAUGHTY = "</td><script>boom()</script>"
EVENTS = [Event("OptimizationJob", "a", f"begun {NAUGHTY}", "Created", START)]
SECTIONS = [
    "Best trial", "Objective by trial", "Parameters", "Trials", "Failed trials", "Space and algorithm", "What came of it",
    "Events",
]  # fmt: skip


def many() -> OptimizationJob:
    space: dict[str, Any] = {f"p{index}{NAUGHTY}": made.uniform(0, 1) for index in range(20)}
    trials = [
        Trial(
            f"big-{number}", dict.fromkeys(space, number / 9000), None, [Metric("loss", 1 / (number + 1), 1.0, 0.5)], number,
            "Failed" if number % 3 == 0 else "Complete", NAUGHTY * 20 if number % 3 == 0 else "", START, START,
        )
        for number in range(2000)
    ]  # fmt: skip
    return OptimizationJob("big", space, [Objective("loss")], TPE(), TrialConfig(9000), trials, START, "Failed")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_report_of_a_search_can_be_read_in_light_and_dark_and_on_any_width(
    chromium: Chromium, dark: bool, tmp_path: Path
) -> None:
    empty = replace(ONE, trials=[], algorithm=None, status="Created")
    for number, job in enumerate([ONE, JOB, empty]):
        file = tmp_path / f"{number}.html"
        file.write_text(written_study(job, f"Search 'a' is Running: {NAUGHTY}", EVENTS, {}), "utf-8")
        for width in (400, 1200):
            with chromium.open(file, dark=dark, width=width) as page:
                assert (page.errors(), page.requests(), page.overflow()) == ([], [], 0)
                assert page.hardly_readable() == []
                assert page.overlapping("svg text") == []
                assert [each.text for each in page.elements("h2")] == SECTIONS
                boxes = page.elements(".kf-plot .kf-box")
                for drawn in page.elements(".kf-point, .kf-best"):
                    assert any(drawn.within(box, by=6) for box in boxes)


def test_what_the_report_of_a_search_shows(chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_text(written_study(ONE, f"Search 'a' is Running: {NAUGHTY}", EVENTS, {}), "utf-8")
    with chromium.open(file) as page:
        assert page.text("h1") == "a ▶ Running"
        text = page.text()
        assert "a-3 (number 3)" in page.text("section")
        assert [each.text for each in page.elements("figcaption")] == [
            "minimize loss", "loss by lr", "loss by width", "loss by kind", "loss by noise",
        ]  # fmt: skip
        assert len(page.elements(".kf-best")) == 1
        assert "1 trial(s) have no finite value." in page.text("figure")
        labels = [each.text for each in page.elements("section:nth-of-type(2) ~ section svg text")]
        assert {"True", "1", "Kind.BIG", "None"} <= set(labels)  # choices
        assert {"0.001"} <= set(labels)  # powers of ten
        rows = page.elements("section:nth-of-type(4) tbody tr")
        assert len(rows) == 8
        assert "✕ Failed" in rows[2].text
        assert "\tNone\t" in rows[3].text  # a choice
        assert "kind\nNone" in page.text("section")
        assert "a-2\tloss was nan" in page.text("section:nth-of-type(5)")
        assert "0.0001 to 0.1, logUniform" in text
        assert "algorithm\nmultivariate-tpe" in text
        assert text.count(NAUGHTY) == 2
        assert page.evaluate("document.scripts.length") == 0


def test_a_search_of_several_objectives_shows_its_pareto_front() -> None:
    data = study_report(JOB, "", [], {"explained": "Not known: gone"})
    heads, rows = data.front
    assert list(heads)[:3] == ["trial", AIMS[0].metric, AIMS[1].metric]
    assert [row[0] for row in rows] == ["a-0", "a-1", "a-3", "a-7"]
    assert len(data.progress) == 2


def test_a_search_of_very_many_trials_fits_and_says_what_is_left_out(chromium: Chromium, tmp_path: Path) -> None:
    job = many()
    text = written_study(job, NAUGHTY * 9000, EVENTS * 9000, {})
    assert len(text.encode()) <= LIMIT
    file = tmp_path / "big.html"
    file.write_text(text, "utf-8")
    with chromium.open(file, width=400) as page:
        assert (page.errors(), page.overflow()) == ([], 0)
        shown = page.text()
        assert "Left out: this part" not in shown
        assert "rows are not shown" in shown
        assert "The first 16 of 20 parameters are drawn." in shown
        assert "of 2,000 trials are drawn." in shown
    best = study_report(job, "", [], {}).progress[0]
    assert best.points[-1].title.startswith("big-1999:")
    assert best.steps[-1].x == 1999
    took = replace(job, trials=[replace(each, ended=START + timedelta(hours=2)) for each in job.trials])
    assert study_report(took, "", [], {}).head["Took"] == duration_text(7200)

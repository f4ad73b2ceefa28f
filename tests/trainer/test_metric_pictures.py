"""Metrics as a table and as pictures: a line a rank, names of any text, NaN, and more values than can be drawn."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.reporting.downsampling import downsampled
from kubeflow.trainer import MetricHistory, MetricPoint
from kubeflow.trainer.jobs.metric_history import lowest_ranks

NOW = datetime(2026, 11, 29, 8, 30, 15, tzinfo=UTC)
NAUGHTY = "loss<b onclick='x'>&$_1$</b>"
LINES = int(os.environ.get("KUBEFLOW_TEST_REPORT_LINES", "100000"))


def points(name: str, values: list[float], rank: int | None = None) -> list[MetricPoint]:
    source: Any = "printed" if rank is None else "reported"
    return [MetricPoint(name, value, source, step, NOW, rank) for step, value in enumerate(values)]


def history() -> MetricHistory:
    reported = points(NAUGHTY, [3, math.nan, 1, math.inf, 0.5], 0) + points(NAUGHTY, [4, 3, 2], 2)
    reported += points("acc", [0.1, 0.2], 2)
    counting, others = lowest_ranks(reported)
    returned = MetricPoint(NAUGHTY, 0.25, "returned")
    return MetricHistory((*counting, *points("speed", [7]), returned), tuple(others))


def test_the_values_of_each_rank_are_kept_and_those_of_the_lowest_count() -> None:
    found = history()
    assert [point.value for point in found.of("acc")] == [0.1, 0.2]
    assert found.of(NAUGHTY)[-1].value == found.latest(NAUGHTY) == 0.25
    assert len(found.of(NAUGHTY)) == 6
    assert [point.value for point in found.of(NAUGHTY, rank=2)] == [4, 3, 2]
    assert (found.ranks(NAUGHTY), found.ranks("acc"), found.ranks("speed")) == ([0, 2], [2], [])
    assert repr(found) == f"MetricHistory({NAUGHTY}=0.25, acc=0.2, speed=7; 9 values, 3 of further ranks)"
    many = MetricHistory(tuple(points("m" * 9 + str(number), [1])[0] for number in range(99)))
    assert "93 more metrics; 99 values" in repr(many)


def test_a_table_has_a_row_for_each_value() -> None:
    frame = history().to_dataframe()
    assert list(frame.columns) == ["metric", "rank", "step", "time", "value", "source"]
    assert len(frame) == 12
    types = frame.dtypes.astype(str).to_dict()
    assert types.pop("time") in ("datetime64[ns, UTC]", "datetime64[us, UTC]")
    assert types == {"metric": "object", "rank": "Int64", "step": "Int64", "value": "float64", "source": "object"}
    assert frame.groupby("metric")["rank"].nunique().to_dict() == {NAUGHTY: 2, "acc": 1, "speed": 0}
    assert frame["time"].isna().sum() == 1
    assert frame["value"].isna().sum() == 1
    assert len(MetricHistory().to_dataframe()) == 0


def test_a_curve_keeps_its_ends_and_all_that_sticks_out() -> None:
    values = [math.sin(index / 500) for index in range(100_000)]
    values[31_337], values[77_777], values[50_000] = 9.0, -9.0, math.nan
    kept = downsampled(values, 500)
    assert len(kept) <= 502
    assert {0, 31_337, 50_000, 77_777, 99_999} <= set(kept)
    assert kept == sorted(set(kept))
    assert downsampled(values[:500], 500) == list(range(500))
    assert downsampled([], 8) == []
    assert len(downsampled([math.nan] * 1000, 100)) <= 150


def test_plotly_draws_a_line_a_rank_and_marks_what_is_no_number() -> None:
    drawn: Any = history().plot()
    data = json.loads(drawn.to_json())["data"]
    names = [(trace["name"], trace["mode"]) for trace in data]
    assert names == [
        ("rank 0", "lines+markers"), ("NaN or infinite", "markers"), ("rank 2", "lines+markers"),
        ("rank 2", "lines+markers"), ("printed", "lines+markers"),
    ]  # fmt: skip
    assert data[0]["y"] == [3, None, 1, None, 0.5]
    assert (data[1]["x"], data[1]["y"], data[1]["text"]) == ([1, 3], [0.5, 4], ["nan", "inf"])
    titles = [each.text for each in drawn.layout.annotations]
    assert titles[0].startswith("loss&lt;b onclick=&#x27;x&#x27;&gt;&amp;$_1$&lt;/b&gt;. 2 NaN or infinite")
    assert data[0]["line"]["dash"] != data[2]["line"]["dash"]


def test_a_million_values_are_drawn_by_few_and_that_is_said(tmp_path: Path) -> None:
    many = MetricHistory(tuple(points("loss", [1 / (step + 1) for step in range(20_000)], 0)))
    drawn: Any = many.plot(["loss"])
    assert len(drawn.data[0].x) <= 2_000
    assert (drawn.data[0].y[0], drawn.data[0].y[-1]) == (1.0, 1 / 20_000)
    assert "of 20,000 values: the smallest and the largest of each interval" in drawn.layout.annotations[0].text
    picture = history().save_plot(tmp_path / "metrics.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    figure: Any = history().plot([NAUGHTY], library="matplotlib")
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines if not line.get_label().startswith("_")] == ["rank 0", "rank 2"]
    page = history().save_plot(tmp_path / "metrics.html", metrics=["acc"])
    assert "<b onclick" not in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: history().plot(["los"]), "no metric 'los'. "),
        (lambda: history().plot("accc"), "Did you mean 'acc'"),
        (lambda: history().plot([]), "metrics names no metric"),
        (lambda: MetricHistory().plot(), "given no metric so far"),
        (lambda: history().plot(library="bokeh"), "'plotly' or 'matplotlib', not 'bokeh'"),  # type: ignore[arg-type]
        (lambda: history().save_plot("a.gif"), "none of the endings"),
        (lambda: history().save_plot("/nowhere/at/all.html"), "cannot be written to '/nowhere/at/all.html'"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_in_words(call: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        call()


def test_pandas_is_loaded_by_a_table_alone_and_its_want_has_a_remedy() -> None:
    code = """
import sys
sys.modules["pandas"] = None
from kubeflow.trainer import MetricHistory
try:
    MetricHistory().to_dataframe()
except ImportError as error:
    print(error)
print(sorted({"plotly", "matplotlib", "numpy"} & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "A data frame needs pandas>=2.2, which is not installed: pip install 'kubeflow[plots]'.\n[]\n"
    assert importlib.util.find_spec("pandas")


def test_reading_very_many_reports_takes_little_memory(tmp_path: Path) -> None:
    """By default a tenth of a million; `KUBEFLOW_TEST_REPORT_LINES=1000000` reads a whole one."""
    file = tmp_path / "reports.jsonl"
    with file.open("w") as stream:
        for step in range(LINES):
            stream.write(
                f'{{"step": {step}, "rank": 0, "time": {step}.5, "metrics": {{"loss": {1 / (step + 1)!r}}}}}\n'
            )
        stream.write('{"step": 1, "ra')
    code = f"""
import resource
from datetime import UTC, datetime
from pathlib import Path
from kubeflow.local.job.report_lines import read_report_lines
from kubeflow.trainer import MetricPoint
from kubeflow.trainer.jobs.metric_pictures import metric_panels
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
points = [
    MetricPoint(name, value, "reported", line.step, datetime.fromtimestamp(line.time, UTC), line.rank)
    for line in read_report_lines(Path({str(file)!r})) for name, value in line.metrics.items()
]
(panel,) = metric_panels(points, ["loss"])
print(len(points), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(said[0]) == LINES
    assert int(said[1]) / LINES < 0.5, "half a kilobyte a value: a million take half a gigabyte"

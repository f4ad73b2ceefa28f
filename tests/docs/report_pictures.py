"""Makes the pictures of docs/reports.md: `python -m tests.docs.report_pictures`, on a machine with Chromium."""

from __future__ import annotations

import math
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from kubeflow.reporting.curves import PlotCurve
from kubeflow.reporting.job_page import CurvePanel, Happened, JobPageData, LogTail, job_page
from kubeflow.reporting.timeline import TimelineBar, TimelineLane
from tests import browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WIDTH, HEIGHT = 820, 900
_START = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
_SAID = ["epoch 11: loss=0.291", "Traceback (most recent call last):", '  File "train.py", line 31, in train']
_ERROR = "ValueError: batch of 0 samples"


def example() -> JobPageData:
    """Return what the pictures show: a job of two nodes that was started again, and failed."""

    def bar(begin: float, end: float, status: str) -> TimelineBar:
        return TimelineBar(_START + timedelta(minutes=begin), _START + timedelta(minutes=end), status)

    steps = list(range(0, 600, 5))
    loss = [
        PlotCurve(f"rank {rank}", steps, [math.exp(-step / 200) + rank / 8 + math.sin(step) / 40 for step in steps])
        for rank in range(2)
    ]
    accuracy = [math.nan if step == 300 else 1 - math.exp(-step / 150) for step in steps]
    return JobPageData(
        kind="TrainJob",
        name="train-77b1",
        status="Failed",
        head={"Runtime": "torch-distributed", "Nodes": 2, "Started": "2026-11-29T09:30:00Z", "Took": "19 min"},
        summary="rank 1 (node-1) raised ValueError: batch of 0 samples at train.py:31.",
        findings=["all its pods were made anew once: node-1 ran out of memory", "then node-0 was killed by SIGTERM"],
        remedies=["Give each node samples: 2 nodes share 1 file."],
        lanes=[
            TimelineLane("dataset-initializer", "Succeeded", [bar(0, 2, "Succeeded")]),
            TimelineLane("node-0", "Failed", [bar(2.2, 8, "Failed"), bar(9, 19, "Failed")]),
            TimelineLane("node-1", "Failed", [bar(2.4, 7.8, "Failed"), bar(9, 18.7, "Failed")]),
        ],
        panels=[
            CurvePanel("loss", loss),
            CurvePanel("accuracy", [PlotCurve("rank 0", steps, accuracy)], ["1 NaN or infinite (×)"]),
        ],
        logs=[
            LogTail("node-1", [*_SAID, _ERROR], "its last 4 line(s)", "rank 1 raised ValueError", _ERROR),
            LogTail("node-0", ["epoch 11: loss=0.302"], "its last 1 line(s)"),
        ],
        events=[Happened(_START, "train-77b1", "Created", "2 nodes")],
        environment={"Image": "pytorch/pytorch:2.9.1-cuda12.8-cudnn9-runtime"},
        document="kind: TrainJob",
        made=_START + timedelta(minutes=20),
    )


def main() -> None:
    """Write the pictures: the upper part of a report, in light and in dark."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(job_page(example(), "0.6"), "utf-8")
        chromium = browser.start(Path(folder))
        try:
            for scheme in ("light", "dark"):
                picture = IMAGES / f"report-{scheme}.png"
                with chromium.open(page, dark=scheme == "dark", width=WIDTH) as shown:
                    shown.screenshot(picture, height=HEIGHT)
                with Image.open(picture) as drawn:  # few colours, few bytes
                    few = drawn.convert("RGB").quantize(48, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
                    few.save(picture, optimize=True)
                print(picture, picture.stat().st_size)
        finally:
            chromium.close()


if __name__ == "__main__":
    main()

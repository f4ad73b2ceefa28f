"""Makes the picture of docs/display.md: `python -m tests.docs.notebook_pictures`, on a machine with Chromium."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from kubeflow.trainer import Event, Runtime, RuntimeKind, RuntimeTrainer, Step, TrainerType, TrainJob
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis, Explanation
from kubeflow.trainer.types.jobs import JobList
from tests import browser

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "notebook.png"
_CELL = "display: flex; flex-direction: column; gap: 8px; padding: 10px; width: 50%; box-sizing: border-box"


def objects() -> list[JobList | TrainJob | Explanation]:
    """Return what the picture shows: a list of jobs, one that runs, and why one failed."""
    now = datetime.now(UTC)
    how = RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "pytorch/pytorch:2.9.1-cuda12.8-cudnn9-runtime")
    runtime = Runtime("torch-distributed", how, RuntimeKind.CLUSTER_TRAINING_RUNTIME)
    steps = [Step(f"node-{number}", "Running", f"train-3f2a-node-0-{number}-xk2vq", "gpu", "8") for number in range(2)]
    running = TrainJob(
        *("train-3f2a", runtime, steps, 2, now - timedelta(minutes=12), "Running", 40, 1080),
        metrics={"loss": 0.3127, "accuracy": 0.891},
    )
    failed_steps = [steps[0], replace(steps[1], status="Failed")]
    failed = TrainJob("train-77b1", runtime, failed_steps, 2, now - timedelta(minutes=50), "Failed")
    done = TrainJob(
        "fit-0c9d", runtime, steps[:1], 1, now - timedelta(hours=3), "Complete", 100, metrics={"loss": 0.12}
    )
    events = [Event("Pod", "train-77b1-node-0-1", "exited with code 1", "Failed", now - timedelta(minutes=48))]
    told = Diagnosis(
        failed,
        "rank 1 (node-1) raised ValueError: batch of 0 samples at train.py:31",
        events,
        ["node-1 exited with code 1", "node-0 was ended because node-1 had failed"],
        ['  File "train.py", line 31, in train', "ValueError: batch of 0 samples"],
        ["Give each node samples: 2 nodes share 1 file.", "Run it with num_nodes=1 to see the same error here."],
    )
    return [JobList([done, failed, running]), running, Explanation(told)]


def main() -> None:
    """Write the picture."""
    views = "".join(str(each._repr_html_()) for each in objects())
    page = (
        "<!DOCTYPE html><html><body style='margin: 0; display: flex; width: 1440px'>"
        f"<div data-jp-theme-light='true' style='{_CELL}; background: #fff'>{views}</div>"
        f"<div data-jp-theme-light='false' style='{_CELL}; background: #111418'>{views}</div></body></html>"
    )
    with tempfile.TemporaryDirectory() as folder:
        chromium = browser.start(Path(folder))
        try:
            with chromium.open(page, width=1440, height=400) as shown:
                shown.screenshot(PICTURE)
        finally:
            chromium.close()
    with Image.open(PICTURE) as picture:  # few colours, few bytes
        picture.convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            PICTURE, optimize=True
        )
    print(PICTURE, PICTURE.stat().st_size)


if __name__ == "__main__":
    main()

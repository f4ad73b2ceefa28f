"""Train functions that give metrics. They need nothing but the standard library."""

from __future__ import annotations

import math


def give_metrics() -> dict[str, object]:
    from kubeflow.packaging.remote.reports import report
    from kubeflow.trainer import update_trainjob_status

    for step in range(50):  # more than anybody looks at in between
        report(step=step, loss=1 / (step + 1))
    report(**{"eval/loss": math.nan})
    update_trainjob_status(metrics={"speed": 7, "phase": "end"})
    print("epoch 3: loss=9 val_acc: 0.25, 'f1': 3e-1. torch: 2.1.0")
    return {"loss": 0.01, "note": "text", "ok": True}


def report_and_return(lr: float) -> dict[str, float]:
    from kubeflow.optimizer import report  # type: ignore[import-not-found,unused-ignore]
    from kubeflow.trainer import update_trainjob_status

    update_trainjob_status(progress_percent=50)
    report(step=1, loss=lr)
    return {"loss": lr / 2}


def returned_alone(lr: float) -> float:
    return lr

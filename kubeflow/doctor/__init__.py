"""What this machine and this cluster can do, what is missing, and why: `print(examine())`, or `kubeflow doctor`."""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.doctor.examination import SECTIONS, examine
    from kubeflow.doctor.health import Examination, ExaminedSection, HealthFinding, HealthState
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "examination": ("SECTIONS", "examine"),
            "health": ("Examination", "ExaminedSection", "HealthFinding", "HealthState"),
        },
    )

__all__ = ["SECTIONS", "Examination", "ExaminedSection", "HealthFinding", "HealthState", "examine"]

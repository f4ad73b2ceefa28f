# Must run on Python 3.8.
# ruff: noqa: PTH118, UP035, UP045
"""The reporting functions of the SDK under their own names, in an image that does not have the SDK."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from .filenames import ROOT, RUNTIME

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any, Mapping, Optional

REPORTS = "_kubeflow_reports"
"""The module beside the user's files that has the functions; it is `reports.py` as a program."""
_SDK = "kubeflow.packaging.remote.reports"
_NAMES = (
    "kubeflow",
    "kubeflow.optimizer",
    "kubeflow.trainer",
    "kubeflow.packaging",
    "kubeflow.packaging.remote",
    _SDK,
)


def is_heard(environ: Mapping[str, str]) -> bool:
    """Return whether an engine reads what a function returned elsewhere than in the outcome; see `report_returned`."""
    return "KATIB_TRIAL_NAME" in environ or "KUBEFLOW_TRAINER_SERVER_URL" in environ


def reporting() -> Any:
    """Return the module with the functions that report: the SDK's own where the user's code has loaded that."""
    found = sys.modules.get(_SDK) or sys.modules.get(REPORTS)
    if found is None:
        from importlib import util

        path = os.path.join(ROOT, RUNTIME, REPORTS + ".py")
        spec: Any = util.spec_from_file_location(REPORTS, path)
        found = sys.modules[REPORTS] = util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found


class StandIn:
    """Finds the modules of the SDK that a train function imports, after all other finders."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> Optional[ModuleSpec]:
        """Return the stand-in for a module; `None` for modules that have none."""
        if name not in _NAMES:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def create_module(self, spec: object) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module the functions that can be imported from it."""
        functions = reporting()
        vars(module).update(report=functions.report, update_trainjob_status=functions.update_trainjob_status)


def take_place() -> None:
    """Let imports of the SDK find the stand-ins where nothing else is found."""
    sys.meta_path.append(StandIn())  # pyright: ignore[reportArgumentType]

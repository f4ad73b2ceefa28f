"""Running programs with kfp, which wants older libraries than ours."""

from __future__ import annotations

import os
from pathlib import Path

from tests.locked_environment import ROOT, locked_python


def kfp_python() -> Path:
    """Return an interpreter with kfp, above the packages of this environment."""
    return locked_python("pipelines", above_ours=True)


def kfp_environ(state: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a program that runs under that interpreter, with this checkout and a state directory."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
        "KUBEFLOW_STATE_DIR": str(state),
        **variables,
    }

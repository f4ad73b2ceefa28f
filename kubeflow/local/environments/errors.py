"""What can go wrong with jobs on this machine, whatever they compute."""

from __future__ import annotations

from pathlib import Path

from kubeflow.core.errors import KubeflowError

REQUIREMENTS = "Correct packages_to_install= (or pip_index_urls=)"
"""What mostly helps when an environment cannot be built."""


class EnvironmentFailed(KubeflowError):
    """The environment of a job could not be built.

    Args:
        reason: Why, where possible in the installer's own last words.
        log: The file with all it said.
        remedy: What to do before another try.

    Remedy:
        Do what the message says last; `log` has all that the installer wrote.
    """

    def __init__(self, reason: str, log: Path, remedy: str = REQUIREMENTS) -> None:
        self.reason = reason
        self.log = log
        super().__init__(
            f"The job's Python environment could not be built: {reason}\n"
            f"{remedy} and try again. All that was said: {log}"
        )

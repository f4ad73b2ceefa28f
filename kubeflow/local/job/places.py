"""Where the parts of a local job are, below its own directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WORKSPACE = "KUBEFLOW_WORKSPACE"
"""Environment variable of a job's processes: the directory that stands for `/workspace`."""


@dataclass(frozen=True, slots=True)
class Places:
    """The parts of a job's directory.

    Attributes:
        directory: `jobs/<name>-<random>` below the state directory.
    """

    directory: Path

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.directory.parent.parent

    @property
    def outcomes(self) -> Path:
        """What the ranks report of their end."""
        return self.directory / "outcomes"

    @property
    def temporary(self) -> Path:
        """What the launchers unpack."""
        return self.directory / "tmp"

    @property
    def workspace(self) -> Path:
        """What initializers fetch, and the nodes share."""
        return self.directory / "workspace"

    @property
    def output(self) -> Path:
        """What the nodes make, unless the job names another place."""
        return self.workspace / "output"

    @property
    def environment_log(self) -> Path:
        """What the installer says."""
        return self.directory / "environment.log"

    @property
    def status(self) -> Path:
        """What the job reports of its progress."""
        return self.directory / "status.json"

    @property
    def reports(self) -> Path:
        """All metrics that its ranks have reported, a line for each report."""
        return self.directory / "reports.jsonl"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says, which is nothing unless something is wrong; its mtime is its sign of life."""
        return self.directory / "supervisor.log"

    def silence(self, boot: str) -> Path:
        """Since when processes of a machine, told by its run, have seen no new sign of life of the supervisor."""
        return self.directory / f"silence-{boot}.json"

    @property
    def submitter(self) -> Path:
        """Who has made this directory, for the time until the job is in the store."""
        return self.directory / "submitter.json"

    @property
    def last_words(self) -> Path:
        """How the job ended, where the store could not take it."""
        return self.directory / "last-words.json"

    def node(self, name: str) -> Path:
        """Logs and exit codes of one step."""
        return self.directory / name

    def node_log(self, name: str) -> Path:
        """What the step's process itself says, or what launches its ranks."""
        return self.directory / name / "launcher.log"


def environments(state: Path) -> Path:
    """Return where environments are kept that several jobs share."""
    return state / "environments"

"""Runs checks at once, each in a thread, and waits for none of them longer than it may take."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kubeflow.core.errors import KubeflowError
from kubeflow.doctor.health import HealthFinding, bad, broken

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HealthCheck:
    """Something to look at.

    Attributes:
        section: Where its findings belong.
        name: What it looks at, for the finding that it took too long or failed.
        run: Yields the findings.
        slow: What helps when it takes too long.
    """

    section: str
    name: str
    run: Callable[[], Iterable[HealthFinding]]
    slow: str = "Look again with a longer --timeout."


class _Running:
    """A check in a thread of its own. The thread is a daemon: one that hangs keeps no process alive."""

    def __init__(self, check: HealthCheck) -> None:
        self.check = check
        self._findings: list[HealthFinding] = []
        self._ended = threading.Event()
        threading.Thread(target=self._run, name=f"kubeflow doctor: {check.name}", daemon=True).start()

    def _run(self) -> None:
        try:
            for finding in self.check.run():
                self._findings.append(finding)
        except KubeflowError as error:
            self._findings.append(bad(self.check.name, error, asked=True))
        except Exception as error:
            logger.debug("the check of %s failed", self.check.name, exc_info=True)
            said = f"it could not be looked at: {type(error).__name__}: {error}"
            remedy = "This is a mistake of the SDK, or of a package that it uses: KUBEFLOW_FULL_TRACEBACK=1 shows more."
            self._findings.append(broken(self.check.name, said, remedy))
        finally:
            self._ended.set()

    def findings(self, deadline: float, seconds: float) -> list[HealthFinding]:
        """Return what was found until the deadline; the last finding says so when the check goes on."""
        if self._ended.wait(max(deadline - time.monotonic(), 0)):
            return list(self._findings)
        late = broken(self.check.name, f"no answer within {seconds:g} seconds", self.check.slow)
        return [*self._findings, late]


class SideBySide:
    """Checks that run at once, from now on. Nothing that a check raises is raised here; one that hangs is left alone.

    Args:
        checks: What to look at.
        seconds: Seconds that all of it may take.
    """

    def __init__(self, checks: Iterable[HealthCheck], seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._running = [_Running(check) for check in checks]

    def findings(self) -> dict[str, list[HealthFinding]]:
        """Return the findings by section, in the order of the checks; waits until the time is over."""
        found: dict[str, list[HealthFinding]] = {}
        for each in self._running:
            found.setdefault(each.check.section, []).extend(each.findings(self._deadline, self._seconds))
        return found

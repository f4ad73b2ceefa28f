"""The errors of searches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeflow.core.errors import Finding, InvalidInput, KubeflowError, MissingExtra, did_you_mean

__all__ = [
    "EngineRefuses",
    "MissingExtra",
    "OptimizationExists",
    "OptimizationFailed",
    "OptimizationNotFound",
    "OptimizationWaitTimeout",
]


class OptimizationNotFound(InvalidInput):
    """There is no search of this name.

    Remedy:
        Use one of the names of the message; a search of another namespace or backend needs a client for that.
    """

    def __init__(self, name: str, available: Iterable[str], *, where: str = "") -> None:
        names = list(available)
        self.name = name
        known = f" There are: {', '.join(names[:10])}." if names else " There is none."
        super().__init__(
            f"There is no search {name!r}{f' {where}' if where else ''}.{did_you_mean(name, names)}{known}"
        )


class OptimizationExists(InvalidInput):
    """The name of a search is taken.

    Remedy:
        Choose another name, leave the name out for a fresh one, or delete the other search with `delete_job`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"There is a search {name!r} already: give another name=, leave name= out, go on with it by "
            f"resume=True, or delete_job({name!r}) first."
        )


class OptimizationFailed(KubeflowError):
    """A search has failed.

    Remedy:
        Read the trials that failed: `get_job_logs(name, trial_name=...)`; correct the function, and begin again or
        `extend`.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"Search {name!r} has failed: {reason}")


class OptimizationWaitTimeout(KubeflowError, TimeoutError):
    """A search did not reach a status in time.

    Remedy:
        Wait again, with a longer `timeout`; the search goes on in the meantime.
    """

    def __init__(self, name: str, status: str, wanted: Iterable[str], seconds: float) -> None:
        self.name = name
        self.status = status
        super().__init__(
            f"Search {name!r} is {status} after {seconds:g} s, and not {' or '.join(sorted(wanted))}. It goes on: wait "
            f"again, or see explain({name!r})."
        )


class EngineRefuses(InvalidInput):
    """An engine cannot run a search; `findings` has everything that is in the way, with the nearest that it can.

    Remedy:
        Change what `findings` names to the nearest that the engine can, or run the search on another engine.
    """

    def __init__(self, engine: str, name: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = "".join(f"\n  {finding}" for finding in findings)
        super().__init__(f"Search {name!r} cannot run with engine {engine!r}:{lines}")

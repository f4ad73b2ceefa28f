"""What `bundle` raises: one error that lists everything its checks found."""

from __future__ import annotations

from collections.abc import Iterable

from kubeflow.core.errors import Finding, InvalidInput

__all__ = ["Finding", "PackagingError"]


class PackagingError(InvalidInput):
    """The target cannot be packaged so that it runs elsewhere. Raised before anything is sent.

    Attributes:
        name: What was to be packaged.
        findings: Everything that was found, in the order of the user's text where there is one.

    Remedy:
        Change what each finding names, as it says; `serializer="cloudpickle"` takes what has no text, where both
        Pythons are the same.
    """

    def __init__(self, name: str, findings: Iterable[Finding]) -> None:
        self.name = name
        self.findings = tuple(findings)
        count = len(self.findings)
        head = f"{name} cannot be sent to a job, for {count} reason{'s' if count > 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {i}. {f}" for i, f in enumerate(self.findings, 1))]))

"""What preflight finds wrong with a train function, collected so that one error lists everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why the job would fail.

    `what` names the thing, `why` says what is wrong with it and `remedy` what to write instead; `where` is
    `file:line` of the user's text, or empty when the finding has no line.
    """

    what: str
    why: str
    remedy: str
    where: str = ""

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place}: {self.why}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"


class PackagingError(InvalidInput):
    """The target cannot be packaged so that it runs elsewhere. Raised before anything is sent.

    Attributes:
        name: What was to be packaged.
        findings: Everything that was found, in the order of the user's text where there is one.
    """

    def __init__(self, name: str, findings: Iterable[Finding]) -> None:
        self.name = name
        self.findings = tuple(findings)
        count = len(self.findings)
        head = f"{name} cannot be sent to a job, for {count} reason{'s' if count > 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {i}. {f}" for i, f in enumerate(self.findings, 1))]))

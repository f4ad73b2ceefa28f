"""Exact versions in requirements that exclude each other: no installer could take all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeflow.core.errors import Finding
from kubeflow.packaging.requirements.requirement_lines import parse_line

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def pin_findings(lines: Sequence[str]) -> list[Finding]:
    """Return one finding for each project of which no exact version that is asked for fits all lines.

    Args:
        lines: Lines that `read_requirements` gave. Those with a marker, of which some may not apply, are left out.
    """
    from packaging.requirements import Requirement

    asked: dict[str, list[Requirement]] = defaultdict(list)
    for line in map(parse_line, lines):
        requirement = Requirement(line.requirement) if line.requirement else None
        if requirement is not None and requirement.marker is None and requirement.specifier:
            asked[line.name].append(requirement)
    return [
        Finding(f"requirement {name}", f"no version fits {', '.join(map(str, wanted))}", "Leave all but one out")
        for name, wanted in asked.items()
        if (pins := _pins(wanted)) and not any(_fits(pin, wanted) for pin in pins)
    ]


def _pins(wanted: Sequence[Requirement]) -> list[str]:
    exact = (spec for requirement in wanted for spec in requirement.specifier if spec.operator in ("==", "==="))
    return [spec.version for spec in exact if not spec.version.endswith(".*")]


def _fits(version: str, wanted: Sequence[Requirement]) -> bool:
    return all(requirement.specifier.contains(version, prereleases=True) for requirement in wanted)

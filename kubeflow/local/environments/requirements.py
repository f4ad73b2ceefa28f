"""What is installed for this interpreter, and which requirements that satisfies."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.packaging.requirements.requirement_lines import RequirementLine, parse_line

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def missing(requirements: Iterable[str]) -> list[str]:
    """Return the requirements that this interpreter does not satisfy, in the order given.

    Args:
        requirements: Lines as `kubeflow.packaging` makes them. One whose marker does not apply here is satisfied; one
            that names a URL or a path is not, since what is installed does not tell. A constraint is not where another
            version is installed.
    """
    return missing_from(sys.path, requirements)


def missing_from(paths: Sequence[str], requirements: Iterable[str]) -> list[str]:
    """Return the requirements that the packages in `paths` do not satisfy, in the order given, as `missing` does."""
    return [text for text in requirements if not _line_satisfied(parse_line(text), paths)]


def relies_on(requirements: Iterable[str], own: Path) -> list[str]:
    """Return the records of all packages that an environment takes from this interpreter: a later version has another.

    Args:
        requirements: What the environment is for.
        own: The directory of the packages that it has itself.
    """
    from packaging.requirements import Requirement

    below = below_paths()
    found: dict[str, str] = {}
    seen: set[str] = set()
    parsed = [parse_line(text) for text in requirements]
    todo = [(Requirement(line.requirement), "") for line in parsed if line.requirement and line.kind != "constraint"]
    while todo:
        requirement, extra = todo.pop()
        key = f"{requirement.name} {sorted(requirement.extras)}"
        if key in seen or (requirement.marker and not requirement.marker.evaluate({"extra": extra})):
            continue
        seen.add(key)
        path, needs = _distribution(requirement.name, [str(own), *below])
        if path is None:
            continue
        if path.parent != own:
            found[str(path)] = str(path)
        for text in needs:
            todo += [(Requirement(text), name) for name in ("", *requirement.extras)]
    return sorted(found)


def below_paths() -> list[str]:
    """Return the directories with packages of this interpreter that an environment made from it also sees."""
    own = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    paths = [*own, *site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return [path for path in dict.fromkeys(paths) if Path(path).is_dir()]


def _line_satisfied(line: RequirementLine, paths: Sequence[str]) -> bool:
    from packaging.requirements import Requirement

    if line.kind == "option" or (line.kind == "path" and line.text.startswith("--")):
        return True
    if not line.requirement or line.kind in ("url", "path"):
        return bool(line.requirement) and not _applies(Requirement(line.requirement))
    requirement = Requirement(line.requirement)
    if line.kind == "constraint" and _found(requirement.name, paths)[0] is None:
        return True
    return _satisfied(requirement, paths)


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _satisfied(requirement: Requirement, paths: Sequence[str], extra: str = "") -> bool:
    from packaging.requirements import Requirement

    if not _applies(requirement, extra):
        return True
    if requirement.url:
        return False
    path, needs, version = _found(requirement.name, paths)
    if path is None or not requirement.specifier.contains(version, prereleases=True):
        return False
    wanted = [Requirement(text) for text in needs] if requirement.extras else []
    # An extra is nothing that is installed: it is there when all that it asks for is.
    return all(
        _satisfied(need, paths, name)
        for name in requirement.extras
        for need in wanted
        if need.marker is not None and "extra" in str(need.marker)
    )


def _distribution(name: str, paths: Sequence[str]) -> tuple[Path | None, list[str]]:
    path, needs, _ = _found(name, paths)
    return path, needs


def _found(name: str, paths: Sequence[str]) -> tuple[Path | None, list[str], str]:
    """Return the record of an installed distribution, what it requires, and its version."""
    from importlib import metadata

    for distribution in metadata.distributions(name=name, path=list(paths)):
        path = getattr(distribution, "_path", None)  # no public name for it; a zip archive has no directory
        version = distribution.metadata["Version"]
        if version:  # what an interrupted removal leaves has none
            return (path if isinstance(path, Path) else Path()), distribution.requires or [], version
    return None, [], ""

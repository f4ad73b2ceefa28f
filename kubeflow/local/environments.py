"""Whether this interpreter has what a job needs, and an environment of the job's own where it has not."""

from __future__ import annotations

import site
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def missing(requirements: Iterable[str]) -> list[str]:
    """Return the requirements that this interpreter does not satisfy, in the order given.

    Args:
        requirements: In pip's notation, valid. One whose marker does not apply here is satisfied; one that names a URL
            or extras is not, since what is installed does not tell.
    """
    from packaging.requirements import Requirement

    return [text for text in requirements if not _satisfied(Requirement(text))]


def overlay(directory: Path) -> Path:
    """Make a virtual environment in `directory` that sees all packages of this interpreter, and return its python.

    What is installed into it stays in it. It has no pip of its own, and needs none where this interpreter has one.
    """
    import venv

    venv.EnvBuilder(with_pip=False, symlinks=True).create(directory)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(directory)}))
    below = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    # `addsitedir`, not bare paths: an editable install below is itself found through a .pth file.
    lines = [f"import site; site.addsitedir({path!r})" for path in below if Path(path).is_dir()]
    (packages / "below.pth").write_text("\n".join(lines) + "\n")
    return directory / "bin" / "python"


def _satisfied(requirement: Requirement) -> bool:
    from importlib import metadata

    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.url or requirement.extras:
        return False
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)

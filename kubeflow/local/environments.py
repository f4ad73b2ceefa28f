"""Whether this interpreter has what a job needs, and an environment of the job's own where it has not."""

from __future__ import annotations

import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput

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

    What is installed into it stays in it. It has a pip, this interpreter's or its own: pip counts what lies below as
    installed, and uv does not.

    Raises:
        InvalidInput: When there is no pip to be had.
    """
    import venv

    own_pip = importlib.util.find_spec("pip") is None
    if own_pip and importlib.util.find_spec("ensurepip") is None:
        raise InvalidInput(
            f"packages_to_install needs pip, and {sys.executable} has neither pip nor ensurepip: install pip there "
            "(`uv pip install pip`), or install the packages yourself."
        )
    venv.EnvBuilder(with_pip=own_pip, symlinks=True).create(directory)
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

"""What of a bundle's requirements no pod of a cluster can install, because it is on this machine."""

from __future__ import annotations

from kubeflow.core.stdlib import re
from kubeflow.packaging import Bundle, Finding, PackagingError

_FILE_URL = re.compile(r"(^|[\s+@])file:", re.IGNORECASE)


def check_requirements_for_cluster(bundle: Bundle) -> None:
    """Refuse requirements and indexes that are files of this machine.

    Raises:
        PackagingError: With each of them, and what to do.
    """
    from kubeflow.packaging.requirements.requirement_lines import parse_line

    here = [
        f"requirement {line!r}"
        for line in bundle.requirements
        if parse_line(line).path is not None or _FILE_URL.search(line)
    ]
    here += [f"index URL {url!r}" for url in bundle.index_urls if _FILE_URL.search(url)]
    if here:
        why = "it is on this machine, and nodes of a cluster do not see it"
        remedy = (
            "Send your own code with code_dir=, give a package by a git+https:// or https:// URL, or build it into the "
            "image"
        )
        raise PackagingError(bundle.name, [Finding(what, why, remedy) for what in here])

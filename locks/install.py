"""Install what one purpose needs into .venv: `python locks/install.py demo|test|site`. Standard library only.

This file must run under every Python 3 that somebody may have, so that one that is too old is told so in words. What
is done otherwise is in `environment.py`.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)  # as `requires-python` in pyproject.toml; a test compares the two


def refusal(version: "tuple[int, ...]", purpose: str) -> str:
    """Return what to tell the user of a Python of `version`; empty when it is new enough."""
    if version[:2] >= OLDEST:
        return ""
    oldest = "python{}.{}".format(*OLDEST)
    newer = next((name for name in [f"python3.{minor}" for minor in range(19, OLDEST[1] - 1, -1)] if _runs(name)), "")
    return (
        f"Python {OLDEST[0]}.{OLDEST[1]} or later is needed, and this is {'.'.join(map(str, version[:3]))} "
        f"({sys.executable}). "
        f"{'Run' if newer else 'Install one, and run'}: make PYTHON={newer or oldest} {purpose}"
    )


def _runs(program: str) -> bool:
    # Version managers put programs on the path that only say which version is not chosen.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        return bool(shutil.which(program)) and not subprocess.call([program, "-c", ""], stdout=nowhere, stderr=nowhere)


if __name__ == "__main__":
    refused = refusal(sys.version_info[:3], "".join(sys.argv[1:2]))
    if refused:
        sys.exit(refused)
    if sys.argv[1:] not in (["lock"], ["verify"]):  # they need this Python alone
        sys.path[0] = os.path.dirname(sys.path[0])  # noqa: PTH120
        from locks.environment import main

        main(sys.argv[1:])

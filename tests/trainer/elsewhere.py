"""A train function for another Python, which has nothing installed: not even what the tests import."""

from __future__ import annotations


def where() -> list[str]:
    import importlib.util
    import subprocess
    import sys

    found = subprocess.run(
        ["python", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    return [sys.prefix, found.stdout.strip(), str(importlib.util.find_spec("psutil"))]

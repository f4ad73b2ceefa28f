"""Machines that cannot install: a Python too old or without ensurepip, a disk too small. Told before a download."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from locks.install import refusal
from locks.pip import explain
from tests.install.checkout import ROOT, Checkout, make


def older_python() -> str | None:
    """Return a Python 3 before 3.11 of this machine."""
    names = [f"python3.{minor}" for minor in range(10, 5, -1)]
    paths = [shutil.which(name) for name in names] + [
        str(path) for path in Path.home().glob(".pyenv/versions/3.*/bin/python")
    ]
    script = "import sys; sys.exit(sys.version_info >= (3, 11))"
    for path in paths:
        if path and subprocess.run([path, "-c", script], capture_output=True, check=False).returncode == 0:
            return path
    return None


OLDER = older_python()


def test_a_python_too_old_is_told_which_is_needed_and_what_to_run() -> None:
    text = refusal((3, 9, 2), "demo")

    assert text.startswith(
        f"Python 3.11 or later is needed, and this is 3.9.2 ({sys.executable}). Run: make PYTHON=python3."
    )
    assert text.endswith(" demo")
    assert refusal((3, 11, 0), "demo") == ""


def test_the_first_file_is_understood_by_old_pythons() -> None:
    assert ast.parse((ROOT / "locks" / "install.py").read_text("utf-8"), feature_version=(3, 6)).body


@pytest.mark.skipif(OLDER is None, reason="this machine has no Python before 3.11")
@pytest.mark.parametrize("target", ["demo", "verify", "lock"])
def test_make_with_a_python_too_old_says_so_in_one_line(tmp_path: Path, target: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")

    refused = subprocess.run(
        ["make", f"PYTHON={OLDER}", target],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode
    assert refused.stdout == ""
    assert refused.stderr.startswith("Python 3.11 or later is needed, and this is 3.")
    assert len(refused.stderr.splitlines()) == 2  # the other is make's


def test_a_python_without_ensurepip_is_told_what_to_install(tmp_path: Path) -> None:
    checkout = make(tmp_path)
    without = (
        "import sys, sysconfig; sys.modules['ensurepip'] = None; sysconfig.get_config_vars()['WHEEL_PKG_DIR'] = None; "
        "import runpy; path = sys.argv[1]; sys.argv[:] = sys.argv[1:]; sys.path.insert(0, path.rpartition('/')[0]); "
        "runpy.run_path(path, run_name='__main__')"
    )

    refused = checkout.install("demo", (sys.executable, "-c", without))

    assert refused.returncode == 1
    assert refused.stderr.startswith("Python 3.")
    assert "without ensurepip" in refused.stderr
    assert f"apt install python3.{sys.version_info.minor}-venv" in refused.stderr
    assert not (checkout.root / ".venv").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900m", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount (root)")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_too_small_is_told_before_anything_is_made(small_disk: Path) -> None:
    checkout: Checkout = make(small_disk)
    checkout.edit('dependencies = ["alpha"]', 'dependencies = ["alpha", "torch"]')
    checkout.lock("demo", checkout.index / "alpha" / "alpha-1.0-py3-none-any.whl")

    refused = checkout.install("demo", PIP_INDEX_URL="http://127.0.0.1:9")

    assert refused.returncode == 1
    assert refused.stderr == (
        f"The disk is too small: torch and the other packages of `make demo` need 1.7 GB in {checkout.root}/.venv, and "
        "0.9 GB are free there. Free some, or put the checkout on another disk.\n"
    )
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "The disk is full.",
        ),
        ("Could not fetch URL x: connection error: HTTPSConnectionPool: Max retries exceeded", "No network: "),
        ("OSError: Tunnel connection failed: 407 (Caused by ProxyError('Cannot connect to proxy.'))", "No network: "),
        ("urllib3: NameResolutionError: Failed to resolve 'index'", "No network: "),
        ("ERROR: No matching distribution found for scipy==1.17.1", "has no scipy==1.17.1 for this Python"),
        (
            "WARNING: x\n[notice] y\nsomething else\nERROR: surprise",
            "Its last lines:\n  something else\n  ERROR: surprise",
        ),
    ],
)
def test_what_pip_says_is_told_with_a_remedy(output: str, told: str) -> None:
    assert told in explain(output)
    assert "WARNING" not in explain(output)

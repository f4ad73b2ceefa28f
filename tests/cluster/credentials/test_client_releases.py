"""The tests of credentials and proxies, with releases of the official client and of urllib3 that users have.

The oldest that the range allows and the newest, two between, and two that the range excludes: 36.0.0, which drops tokens
of kubeconfigs, and the newest of all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.install.checkout import ROOT

ALLOWED = {"29.0.0": "2.2.1", "31.0.0": "2.3.0", "33.1.0": "2.5.0", "35.0.0": None}
"""Release of the client -> release of urllib3 beside it; `None` for that of the lock."""
EXCLUDED = ("36.0.0", "37.0.2")
# The official client is used through configurations only. The oldest urllib3 is beside the oldest client.
WITH_OFFICIAL_CLIENT = ("test_configurations.py", "../test_proxies.py")
WITH_OLDEST_URLLIB3 = (*WITH_OFFICIAL_CLIENT, "test_users.py", "test_servers.py", "test_exec_plugins.py")

pytestmark = [
    pytest.mark.registry,
    pytest.mark.skipif(
        not os.environ.get("KUBEFLOW_TEST_REGISTRY"), reason="asks a registry: set KUBEFLOW_TEST_REGISTRY=1"
    ),
]


def test_the_releases_are_those_of_the_ranges() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    ranges = {requirement.name: requirement.specifier for requirement in map(Requirement, dependencies)}
    assert all(ranges["kubernetes"].contains(release) for release in ALLOWED)
    assert not any(ranges["kubernetes"].contains(release) for release in EXCLUDED)
    assert all(ranges["urllib3"].contains(release) for release in ALLOWED.values() if release)
    assert f">={next(iter(ALLOWED)).removesuffix('.0.0')}" in str(ranges["kubernetes"])
    assert f">={ALLOWED['29.0.0']}" in str(ranges["urllib3"])


@pytest.mark.parametrize("release", [*ALLOWED, *EXCLUDED])
def test_credentials_and_proxies_are_the_same_with_each_release(tmp_path: Path, release: str) -> None:
    overlay = tmp_path / "overlay"
    urllib3 = ALLOWED.get(release)
    packages = [f"kubernetes=={release}", *([f"urllib3=={urllib3}"] if urllib3 else [])]
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--target", overlay, *packages]
    subprocess.run(list(map(str, install)), check=True, timeout=300)

    environment = {**os.environ, "PYTHONPATH": str(overlay)}
    here = Path(__file__).parent
    names = WITH_OLDEST_URLLIB3 if release == next(iter(ALLOWED)) else WITH_OFFICIAL_CLIENT
    files = [str((here / name).resolve()) for name in names]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    version = [sys.executable, "-c", "import kubernetes, urllib3; print(kubernetes.__version__, urllib3.__version__)"]
    found = subprocess.run(version, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
    assert found.split()[0] == release
    assert urllib3 in (None, found.split()[1])

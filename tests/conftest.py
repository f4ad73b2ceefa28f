"""How all tests are run: in how many processes, and how patiently with a slow machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.apiserver import KUBECONFIG

MOST = 8  # processes; each starts API servers of its own, of 300 MB

# How long an example takes, and how long it takes to draw, says something of the machine and nothing of the code.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: more processes than CPUs, because half of what tests do is to wait for other processes."""
    if KUBECONFIG:
        return 0  # a cluster that is given to the tests is one for all of them
    return min(MOST, (os.cpu_count() or 1) + 1)

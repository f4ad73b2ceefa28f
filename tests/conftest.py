"""How all tests are run: in how many processes, and how patiently with a slow machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import browser, container_engines, real_parts
from tests.apiserver import KUBECONFIG

if TYPE_CHECKING:
    from tests.cluster.spark.sparkstage import SparkCluster

MOST = 8  # processes; each starts API servers of its own, of 300 MB

# Ignored where the tests run in the background of a shell, and what they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, and how long it takes to draw, says something of the machine and nothing of the code.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="module")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A cluster with the Spark Operator: one for the tests of Spark and the cases that jobs of all clients share."""
    from tests.cluster.spark.sparkstage import spark_stage
    from tests.cluster.stage import MISSING, REASON

    if MISSING:
        pytest.skip(REASON)
    with spark_stage(tmp_path_factory.mktemp("spark-cluster")) as running:
        yield running


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: more processes than CPUs, because half of what tests do is to wait for other processes."""
    if KUBECONFIG:
        return 0  # a cluster that is given to the tests is one for all of them
    return min(MOST, (os.cpu_count() or 1) + 1)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Chromium]:
    """A headless browser, one for all tests of this process."""
    running = browser.start(tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()


def pytest_configure() -> None:
    container_engines.begin()
    try:
        real_parts.required()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # not in a process of xdist: others may go on
        container_engines.finish()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    yield  # last of all
    for line in rows_written(terminalreporter):
        terminalreporter.write_line(line)
    reasons = _skipped(terminalreporter)
    for line in real_parts.summary(reasons):
        terminalreporter.write_line(line)
    for name in real_parts.missing(reasons):
        terminalreporter.write_line(f"FAILED: tests were skipped for want of {name}, which must be there", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    # A process of xdist has none: it reports to the one that has.
    if isinstance(reporter, pytest.TerminalReporter) and real_parts.missing(_skipped(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def rows_written(reporter: pytest.TerminalReporter) -> list[str]:
    """Write the table of what backends do, if this run of the conformance cases is to write it; return what to say."""
    from tests.trainer.conformance import rows

    if not rows.writes_table():
        return []
    reports = [report for report in reporter.stats.get("passed", ()) if isinstance(report, pytest.TestReport)]
    cells: list[Any] = [value for report in reports for name, value in report.user_properties if name == rows.PROPERTY]
    return [rows.write_passed(cells)]


def _skipped(reporter: pytest.TerminalReporter) -> list[str]:
    # (file, line, reason) of a test, or of a file that was skipped whole.
    places = [report.longrepr for report in reporter.stats.get("skipped", ())]
    return [str(place[2]) if isinstance(place, tuple) else str(place) for place in places]

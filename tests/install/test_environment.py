"""What makes an environment, what leaves it alone, and what never leaves half of one behind."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.install.checkout import Checkout, make
from tests.local.conftest import has_ended, wait_for
from tests.local.wheels import add_wheel


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make(tmp_path)


def told(output: str) -> list[str]:
    """Return the lines of an installation, but for how far a step is that takes over ten seconds."""
    return [line for line in output.splitlines() if not re.match(r" {6}\d+% after \d+ s: ", line)]


def mark(checkout: Checkout) -> Path:
    """Leave a file in the environment, which is gone once another environment was made."""
    file = checkout.root / ".venv" / "mark"
    file.touch()
    return file


def test_steps_are_told_one_a_line_and_a_second_run_says_nothing(checkout: Checkout) -> None:
    first = checkout.install("demo")

    assert (first.returncode, first.stdout) == (0, "")
    lines = told(first.stderr)
    assert lines[0].startswith("[1/3] .venv with Python 3.")
    assert [line.partition("]")[0] for line in lines] == ["[1/3", "[2/3", "[2/3", "[3/3", "[3/3"]
    assert "2 packages of locks/demo.txt" in first.stderr
    assert checkout.run("import alpha, backend; print(alpha.TEXT)") == "first"
    again = checkout.install("demo", PIP_INDEX_URL="http://127.0.0.1:9")
    assert (again.returncode, again.stderr) == (0, "")


def test_another_purpose_adds_the_difference(checkout: Checkout) -> None:
    checkout.install("demo")
    kept = mark(checkout)

    added = checkout.install("test")

    assert added.stderr.startswith("[1/2] 3 packages of locks/test.txt")
    assert checkout.run("import beta; print(beta.TEXT)") == "second"
    assert kept.exists()
    assert checkout.install("demo").stderr == ""


def test_a_change_of_pyproject_that_touches_no_dependency_rebuilds_nothing(checkout: Checkout) -> None:
    checkout.install("demo")
    kept = mark(checkout)

    checkout.edit("DESCRIPTION", "another description")
    nowhere = checkout.install("demo", PIP_INDEX_URL="http://127.0.0.1:9")

    assert nowhere.returncode == 0, nowhere.stderr
    assert nowhere.stderr.startswith("[1/1] this project")
    assert kept.exists()
    (checkout.root / "pyproject.toml").write_text((checkout.root / "pyproject.toml").read_text() + "[tool.else]\n")
    assert checkout.install("demo").stderr == ""


def test_another_lock_makes_another_environment(checkout: Checkout) -> None:
    checkout.install("demo")
    gone = mark(checkout)

    checkout.lock("demo", add_wheel(checkout.index, "alpha", "newer", version="2.0"))
    checkout.install("demo")

    assert not gone.exists()
    assert checkout.run("import alpha; print(alpha.TEXT)") == "newer"


def test_a_checkout_that_was_moved_gets_another_environment(checkout: Checkout) -> None:
    checkout.install("demo")
    gone = mark(checkout)
    moved = Checkout(checkout.root.rename(checkout.root.with_name("moved")), checkout.index)

    assert moved.install("demo").returncode == 0

    assert not (moved.root / ".venv" / gone.name).exists()
    assert moved.run("import backend; print(backend.__file__)") == str(moved.root / "backend.py")


def test_dependencies_that_were_changed_without_make_lock_are_refused_without_a_network(checkout: Checkout) -> None:
    checkout.install("demo")
    checkout.edit('dependencies = ["alpha"]', 'dependencies = ["alpha", "gamma"]')

    refused = checkout.install("demo", PIP_INDEX_URL="http://127.0.0.1:9")

    assert refused.returncode == 1
    assert refused.stderr == (
        "locks/demo.txt does not fit pyproject.toml, whose dependencies changed since. Run `make lock`.\n"
    )
    assert checkout.ready


def test_without_a_network_the_first_line_says_so(checkout: Checkout) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        refused = checkout.install("demo", PIP_INDEX_URL=index)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("No network: the package index that pip is configured with cannot be reached.")
    assert refused.stderr.count("\n") == 1
    assert not (checkout.root / ".venv").exists()


def test_without_a_network_an_environment_that_is_out_of_date_stays(checkout: Checkout) -> None:
    checkout.install("demo")
    kept = mark(checkout)
    lock = checkout.root / "locks" / "demo.txt"
    before = lock.read_text("utf-8")
    checkout.lock("demo", add_wheel(checkout.index, "alpha", "newer", version="2.0"))

    assert "No network" in checkout.install("demo", PIP_INDEX_URL="http://127.0.0.1:9").stderr

    assert kept.exists()
    lock.write_text(before, "utf-8")
    assert checkout.install("demo").stderr == ""


def test_a_package_that_is_not_what_was_locked_is_not_installed(checkout: Checkout) -> None:
    add_wheel(checkout.index, "alpha", "somebody else's")

    refused = checkout.install("demo")

    assert refused.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in refused.stderr
    assert not checkout.ready


def test_a_package_that_the_index_lacks_is_named_with_the_remedy(checkout: Checkout) -> None:
    (checkout.index / "alpha" / "alpha-1.0-py3-none-any.whl").unlink()
    (checkout.index / "alpha" / "index.html").write_text("", "utf-8")

    refused = checkout.install("demo")

    assert refused.stderr.splitlines()[-1].startswith(
        "The package index that pip is configured with has no alpha==1.0 for this Python and this machine."
    )
    assert "WARNING" not in refused.stderr
    assert not checkout.ready


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    taken.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=take)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_installation_leaves_nothing_that_looks_ready_and_no_process(
    checkout: Checkout, silent: str, stop: signal.Signals
) -> None:
    page = checkout.index / "alpha" / "index.html"
    whole = page.read_text("utf-8")
    page.write_text(f'<a href="{silent}/alpha-1.0-py3-none-any.whl">alpha</a>')
    running = checkout.start("demo")
    me = psutil.Process(running.pid)
    assert running.stderr is not None
    while "locks/demo.txt" not in running.stderr.readline():
        assert running.poll() is None
    wait_for(lambda: bool(me.children()))  # pip, which will wait for the package
    children = me.children(recursive=True)

    running.send_signal(stop)

    assert told(running.communicate(timeout=60)[1]) == ["Interrupted. The next run begins anew."]
    assert running.returncode == 1
    assert not checkout.ready
    assert all(map(has_ended, children))
    page.write_text(whole, "utf-8")
    assert checkout.install("demo").returncode == 0
    assert checkout.run("import alpha; print(alpha.TEXT)") == "first"


def test_two_installations_at_once_make_one_environment(checkout: Checkout) -> None:
    both = [checkout.start("demo"), checkout.start("demo")]

    said = sorted(process.communicate(timeout=300)[1] for process in both)

    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == ""
    assert said[1].startswith("[1/3]")

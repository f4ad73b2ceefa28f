"""Environments of jobs, with the real installers and package indexes on this machine."""

from __future__ import annotations

import base64
import functools
import os
import subprocess
import sys
import sysconfig
import threading
import time
import venv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.environments import cache as envs
from kubeflow.local.environments.cache import (
    EnvironmentFailed,
    build,
    hold,
    list_environments,
    locate,
    prune_environments,
    ready,
)
from kubeflow.local.job.plan import EnvironmentPlan
from tests.local.wheels import add_wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A package index of one wheel, which needs a package that this interpreter has and the index has not."""
    directory = tmp_path / "index"
    add_wheel(directory, "kubeflow_test_tiny", "from a wheel", requires="psutil")
    return directory


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "environments"


def plan(index: Path, *requirements: str, python: str | None = None) -> EnvironmentPlan:
    return EnvironmentPlan(requirements or ("kubeflow_test_tiny",), (index.as_uri(),), python)


def run(python: Path | str, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def in_base(base: Path | str, cache: Path, index: Path, what: str, *, first: str = "") -> str:
    """Run code about a plan in another interpreter than this one; `uv` is found by nobody there."""
    code = (
        f"{first}from pathlib import Path; from kubeflow.local.environments.cache import *;"
        "from kubeflow.local.job.plan import EnvironmentPlan;"
        f"plan = EnvironmentPlan(('kubeflow_test_tiny',), ({index.as_uri()!r},)); cache = Path({str(cache)!r});"
        f"log = Path({str(cache.parent / 'log')!r}); {what}"
    )
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(cache.parent)}
    return subprocess.run([base, "-c", code], env=environ, capture_output=True, text=True, check=True).stdout.strip()


def test_only_what_is_missing_is_installed_and_the_rest_is_seen(index: Path, cache: Path, tmp_path: Path) -> None:
    own = Path(sysconfig.get_path("purelib"))
    before = sorted(own.iterdir())
    assert not ready(plan(index), cache)

    python = build(plan(index), cache=cache, log=tmp_path / "log")

    assert python == locate(plan(index), cache)
    assert ready(plan(index), cache)
    assert run(python, "import kubeflow_test_tiny, psutil; print(kubeflow_test_tiny.TEXT)") == "from a wheel"
    assert run(python, "import sysconfig; print(sysconfig.get_path('purelib'))") != str(own)
    assert not list(python.parents[1].glob("lib/python*/site-packages/psutil*"))  # it was taken from here
    assert sorted(own.iterdir()) == before
    assert "kubeflow-test-tiny==1.0" in (tmp_path / "log").read_text()  # uv's words


def test_without_uv_pip_does_the_same_and_is_there_for_the_job_alone(index: Path, cache: Path, tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=False, symlinks=True).create(tmp_path / "base")
    base = tmp_path / "base/bin/python"
    site = Path(run(base, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    packaging = ("packaging", "psutil")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name.startswith(packaging):
            (site / path.name).symlink_to(path)

    python = in_base(base, cache, index, "print(build(plan, cache=cache, log=log))")

    assert run(python, "import kubeflow_test_tiny, psutil, pip; print(kubeflow_test_tiny.TEXT)") == "from a wheel"
    assert not (site / "pip").exists()
    assert in_base(base, cache, index, "print(ready(plan, cache))") == "True"
    assert Path(python).parents[2] != locate(plan(index), cache).parents[2]  # another interpreter, another environment


def test_it_is_built_anew_when_a_package_that_it_took_from_below_has_gone(
    index: Path, cache: Path, tmp_path: Path
) -> None:
    add_wheel(index, "kubeflow_test_needs", "needed")
    add_wheel(index, "kubeflow_test_tiny", "second", version="2.0", requires="kubeflow_test_needs")
    venv.EnvBuilder(with_pip=True, symlinks=True).create(tmp_path / "base")
    base = tmp_path / "base/bin/python"
    site = Path(run(base, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    for path in Path(sysconfig.get_path("purelib")).glob("packaging*"):
        (site / path.name).symlink_to(path)
    pip: list[str | Path] = [
        base,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--find-links",
        index / "kubeflow-test-needs",
    ]
    subprocess.run([*pip, "kubeflow_test_needs"], check=True)
    made = in_base(base, cache, index, "print(build(plan, cache=cache, log=log))")
    assert not list(Path(made).parents[1].glob("lib/python*/site-packages/kubeflow_test_needs*"))
    first = (Path(made).parents[1]).resolve()

    subprocess.run([base, "-m", "pip", "uninstall", "--quiet", "--yes", "kubeflow_test_needs"], check=True)

    assert in_base(base, cache, index, "print(ready(plan, cache))") == "False"
    assert in_base(base, cache, index, "print(build(plan, cache=cache, log=log))") == made
    assert run(made, "import kubeflow_test_needs, kubeflow_test_tiny; print(kubeflow_test_tiny.TEXT)") == "second"
    assert not first.exists()


def test_where_it_lies_depends_on_what_is_in_it_and_on_nothing_else(cache: Path) -> None:
    first = EnvironmentPlan(("Some_Thing>=1", "other"), ("https://a/simple",))
    again = EnvironmentPlan(("other", "some-thing >= 1"), ("https://a/simple",))
    others = [
        EnvironmentPlan(("Some_Thing>=2", "other"), ("https://a/simple",)),
        EnvironmentPlan(("Some_Thing>=1",), ("https://a/simple",)),
        EnvironmentPlan(("Some_Thing>=1", "other"), ("https://b/simple",)),
        EnvironmentPlan(("Some_Thing>=1", "other"), ("https://a/simple",), python="3.12"),
    ]

    assert locate(first, cache) == locate(again, cache)
    assert len({locate(other, cache) for other in [first, *others]}) == 5
    assert not cache.exists()
    with pytest.raises(InvalidInput, match="'not a requirement'"):
        locate(EnvironmentPlan(("not a requirement",)), cache)


def test_a_job_that_needs_nothing_more_needs_no_environment() -> None:
    assert not envs.needed(EnvironmentPlan(("psutil>=5", "PyYAML")))
    assert envs.needed(EnvironmentPlan(("psutil>=5", "kubeflow-test-none")))
    assert envs.needed(EnvironmentPlan((), python="3.12"))


def test_of_many_that_want_the_same_one_builds_it(index: Path, cache: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from kubeflow.local.environments.cache import build;"
        "from kubeflow.local.job.plan import EnvironmentPlan;"
        f"plan = EnvironmentPlan(('kubeflow_test_tiny',), ({index.as_uri()!r},));"
        f"print(build(plan, cache=Path({str(cache)!r}), log=Path(sys.argv[1])))"
    )
    logs = [tmp_path / f"log-{number}" for number in range(4)]

    builders = [
        subprocess.Popen([sys.executable, "-c", code, log], stdout=subprocess.PIPE, text=True, cwd=ROOT) for log in logs
    ]

    assert {builder.communicate(timeout=120)[0].strip() for builder in builders} == {str(locate(plan(index), cache))}
    assert [builder.returncode for builder in builders] == [0, 0, 0, 0]
    assert sum("kubeflow: built in" in log.read_text() for log in logs if log.exists()) == 1
    assert len(list_environments(cache)) == 1


def test_a_requirement_that_nobody_has_fails_in_the_installers_words(index: Path, cache: Path, tmp_path: Path) -> None:
    wanted = plan(index, "kubeflow_test_tiny", "kubeflow-test-none>=3")

    with pytest.raises(EnvironmentFailed, match="kubeflow-test-none") as failure:
        build(wanted, cache=cache, log=tmp_path / "log")

    assert "No matching distribution found for kubeflow-test-none>=3" in str(failure.value)
    assert "packages_to_install" in str(failure.value)
    assert failure.value.log == tmp_path / "log"
    assert not ready(wanted, cache)
    assert list_environments(cache) == []
    assert [path.name for path in locate(wanted, cache).parents[2].iterdir()] == []


def test_a_package_of_many_versions_does_not_bury_the_reason(index: Path, cache: Path, tmp_path: Path) -> None:
    for number in range(100):
        add_wheel(index, "kubeflow_test_tiny", version=f"1.0.{number}")

    with pytest.raises(EnvironmentFailed, match=r"kubeflow_test_tiny==9.*\.\.\..*1\.0\.99\)") as failure:
        build(plan(index, "kubeflow_test_tiny==9"), cache=cache, log=tmp_path / "log")

    assert max(map(len, failure.value.reason.splitlines())) < 320


def test_what_a_killed_builder_left_is_cleared_away(index: Path, cache: Path, tmp_path: Path) -> None:
    home = locate(plan(index), cache).parents[2]
    (home / "built-0000/bin").mkdir(parents=True)
    (home / "current-new").symlink_to("built-0000")
    assert not ready(plan(index), cache)

    build(plan(index), cache=cache, log=tmp_path / "log")

    assert sorted(path.name[:6] for path in home.iterdir()) == ["built-", "curren"]
    assert not (home / "built-0000").exists()


def test_what_is_there_is_reused_without_starting_a_process(index: Path, cache: Path, tmp_path: Path) -> None:
    made = build(plan(index), cache=cache, log=tmp_path / "log")
    watched = (
        "import sys; started = []; names = ('subprocess.Popen', 'os.fork', 'os.posix_spawn', 'os.system', 'os.exec');"
        "sys.addaudithook(lambda event, _: started.append(event) if event in names else None);"
    )
    code = "print(ready(plan, cache), build(plan, cache=cache, log=log), started)"

    said = in_base(sys.executable, cache, index, code, first=watched)

    assert said == f"True {made} []"


def test_building_one_makes_room_by_removing_what_is_long_unused(index: Path, cache: Path, tmp_path: Path) -> None:
    add_wheel(index, "kubeflow_test_other")
    build(plan(index), cache=cache, log=tmp_path / "log")
    ancient = (datetime.now(UTC) - timedelta(days=31)).timestamp()
    os.utime(cache / "locks" / f"{locate(plan(index), cache).parents[2].name}.use", (ancient, ancient))

    build(plan(index, "kubeflow_test_other"), cache=cache, log=tmp_path / "log")

    assert [environment.requirements for environment in list_environments(cache)] == [("kubeflow_test_other",)]
    assert "no job has used for 30 days" in (tmp_path / "log").read_text()


def test_another_python_gets_an_environment_of_its_own(cache: Path, tmp_path: Path) -> None:
    add_wheel(tmp_path / "index", "kubeflow_test_alone", "alone")
    for python in (sys.executable, f"{sys.version_info[0]}.{sys.version_info[1]}"):
        wanted = plan(tmp_path / "index", "kubeflow_test_alone", python=python)

        made = build(wanted, cache=cache, log=tmp_path / "log")

        assert run(made, "import kubeflow_test_alone; print(kubeflow_test_alone.TEXT)") == "alone"
        assert run(made, "import importlib.util; print(importlib.util.find_spec('psutil'))") == "None"
    assert {environment.python for environment in list_environments(cache)} == {sys.version.split()[0]}


def test_a_python_that_is_not_there_is_an_error_that_names_it(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="/no/such/python"):
        build(EnvironmentPlan((), python="/no/such/python"), cache=cache, log=tmp_path / "log")


def test_a_build_can_be_stopped(cache: Path, tmp_path: Path) -> None:
    asked: list[float] = []

    def stop() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 2

    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as silent:  # it accepts, and never answers
        wanted = EnvironmentPlan(("kubeflow-test-none",), (f"http://127.0.0.1:{silent.server_port}/simple",))
        with pytest.raises(EnvironmentFailed, match="stopped"):
            build(wanted, cache=cache, log=tmp_path / "log", stop=stop)
    assert list_environments(cache) == []


class PrivateIndex(SimpleHTTPRequestHandler):
    """An index that wants a password."""

    def do_GET(self) -> None:
        wanted = base64.b64encode(b"me:secret-word").decode()
        if self.headers.get("Authorization") == f"Basic {wanted}":
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=index")
            self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def private_index(index: Path) -> Iterator[str]:
    handler = functools.partial(PrivateIndex, directory=str(index))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://me:secret-word@127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_password_of_an_index_is_used_and_not_told(private_index: str, cache: Path, tmp_path: Path) -> None:
    wanted = EnvironmentPlan(("kubeflow_test_tiny",), (private_index,))

    build(wanted, cache=cache, log=tmp_path / "log")

    told = [tmp_path / "log", *(path for path in cache.rglob("*.json") if path.is_file())]
    assert len(told) >= 2
    assert not [path for path in told if "secret-word" in path.read_text()]


def test_environments_are_listed_and_pruned_but_for_those_in_use(index: Path, cache: Path, tmp_path: Path) -> None:
    add_wheel(index, "kubeflow_test_other")
    assert list_environments(cache) == []
    old, new = plan(index), plan(index, "kubeflow_test_other")
    for wanted in (old, new):
        with hold(wanted, cache):
            build(wanted, cache=cache, log=tmp_path / "log")
    ancient = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
    os.utime(cache / "locks" / f"{locate(old, cache).parents[2].name}.use", (ancient.timestamp(), ancient.timestamp()))

    first, second = list_environments(cache)

    assert (first.requirements, second.requirements) == (("kubeflow_test_other",), ("kubeflow_test_tiny",))
    assert first.python == sys.version.split()[0]
    assert first.size > 1000
    assert second.created <= first.created <= first.last_used <= datetime.now(UTC)
    assert second.last_used == ancient
    assert not first.in_use
    assert prune_environments(cache, keep=2) == []
    assert prune_environments(cache, unused_for=31 * 86400) == []
    with hold(old, cache):
        assert [environment.in_use for environment in list_environments(cache)] == [True, False]  # and used last
        assert [environment.requirements for environment in prune_environments(cache)] == [("kubeflow_test_other",)]
    assert ready(old, cache)
    assert not ready(new, cache)
    assert [environment.path for environment in prune_environments(cache, unused_for=0)] == [second.path]
    assert list_environments(cache) == []


def test_a_cache_that_cannot_be_written_to_is_an_error_that_says_where(index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidInput, match=r"cannot be written to.*KUBEFLOW_STATE_DIR"):
        build(plan(index), cache=tmp_path / "file" / "below", log=tmp_path / "log")

"""Python environments of jobs: built once for the same interpreter, requirements and indexes, then reused.

Where they lie follows from the plan alone, so that a job's command line can be written before its environment exists.
How packages get into one is the business of `installing`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.stdlib import json
from kubeflow.local.environments.errors import EnvironmentFailed
from kubeflow.local.environments.requirements import missing, relies_on
from kubeflow.local.environments.sources import contents
from kubeflow.local.job.plan import EnvironmentPlan
from kubeflow.local.state import state_dir
from kubeflow.packaging.requirements.requirement_lines import parse_line

__all__ = [
    "CachedEnvironment",
    "EnvironmentFailed",
    "build",
    "hold",
    "list_environments",
    "locate",
    "missing",
    "needed",
    "prune_environments",
    "ready",
]

_RECORD = "environment.json"
_CURRENT = "current"
_FORGOTTEN = 30 * 86400.0  # seconds without use after which an environment makes room for a new one
_POLL = 0.05  # seconds between two looks at a lock that another process has


@dataclass(frozen=True, slots=True)
class CachedEnvironment:
    """An environment that jobs may reuse.

    Attributes:
        path: Its directory.
        python: Version of its interpreter, like `"3.11.7"`.
        requirements: What it was built for, in pip's notation.
        size: Bytes on disk, without the packages that it shares with the interpreter it was made from.
        created: When it was built.
        last_used: When a job last started in it.
        in_use: Whether a job runs in it now.
    """

    path: Path
    python: str
    requirements: tuple[str, ...]
    size: int
    created: datetime
    last_used: datetime
    in_use: bool

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


def needed(plan: EnvironmentPlan) -> bool:
    """Return whether a job needs an environment of its own: another Python, or packages that this one lacks."""
    return plan.python is not None or bool(missing(plan.requirements))


def locate(plan: EnvironmentPlan, cache: Path) -> Path:
    """Return the python that jobs of this plan run; it exists once the environment is built.

    Args:
        plan: What the environment is for.
        cache: The directory of all environments.

    Raises:
        InvalidInput: When a requirement is none.
    """
    return _home(plan, cache) / _CURRENT / "bin" / "python"


def ready(plan: EnvironmentPlan, cache: Path) -> bool:
    """Return whether the environment exists and is whole. No process is started for this.

    An environment that sees the packages of this interpreter is whole as long as those it relies on are still there, in
    the same version.

    Raises:
        InvalidInput: When a requirement is none.
    """
    python = locate(plan, cache)
    record = _read(python.parents[1])
    return record is not None and os.access(python, os.X_OK) and all(map(os.path.isdir, _texts(record, "relies_on")))


def build(plan: EnvironmentPlan, *, cache: Path, log: Path, stop: Callable[[], bool] = lambda: False) -> Path:
    """Build the environment unless it is there, and return its python.

    Of several callers, in any processes, one builds and the others wait for it. An environment is seen when it is whole
    and never before; what an interrupted build leaves is removed by the next one. A build also prunes what no job has
    used for 30 days. Wrap this and the job in `hold`, so
    that nobody prunes it in between.

    Args:
        plan: What the environment is for.
        cache: The directory of all environments.
        log: The file that progress and the installer's output are appended to.
        stop: Asked every now and then whether to give up.

    Raises:
        EnvironmentFailed: With the installer's own last words; also when `stop` said so.
        InvalidInput: When a requirement is none, or `cache` cannot be written to.
    """
    python = locate(plan, cache)
    if ready(plan, cache):
        return python
    with log.open("a", encoding="utf-8", errors="replace") as output, _locked(plan, cache, output, stop, log):
        if not ready(plan, cache):  # what a caller that was waited for has built
            _build(plan, _home(plan, cache), output, stop, log)
            with hold(plan, cache):  # this counts as a use
                for gone in prune_environments(cache, unused_for=_FORGOTTEN):
                    output.write(f"kubeflow: removed {gone.path}, which no job has used for 30 days\n")
    return python


@contextlib.contextmanager
def hold(plan: EnvironmentPlan, cache: Path) -> Generator[None, None, None]:
    """Keep the environment from being pruned, and count it as used now. It need not exist yet.

    Raises:
        InvalidInput: When a requirement is none, or `cache` cannot be written to.
    """
    with _open_lock(cache, f"{_home(plan, cache).name}.use") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        now = time.time_ns()  # which orders uses; the clock of the file system ticks some hundred times a second
        os.utime(lock.fileno(), ns=(now, now))
        yield


def list_environments(cache: Path | None = None) -> list[CachedEnvironment]:
    """Return the environments that local jobs may reuse, the one that was used last first.

    Args:
        cache: The directory of all environments; it need not exist. Default: `environments` in the state directory.
    """
    cache = _default() if cache is None else cache
    found: list[CachedEnvironment] = []
    for home in cache.iterdir() if cache.is_dir() else ():
        record = _read(home / _CURRENT)
        if record is not None:
            use = cache / "locks" / f"{home.name}.use"
            created = datetime.fromisoformat(str(record["created"]))
            used = datetime.fromtimestamp(use.stat().st_mtime, UTC) if use.exists() else created
            size = record["size"]
            found.append(
                CachedEnvironment(
                    path=home,
                    python=str(record["python"]),
                    requirements=_texts(record, "requirements"),
                    size=size if isinstance(size, int) else 0,
                    created=created,
                    last_used=used,
                    in_use=_in_use(use),
                )
            )
    return sorted(found, key=lambda environment: environment.last_used, reverse=True)


def prune_environments(
    cache: Path | None = None, *, unused_for: float | None = None, keep: int | None = None
) -> list[CachedEnvironment]:
    """Delete environments that no job is running in, and return those that are gone.

    Args:
        cache: The directory of all environments. Default: `environments` in the state directory.
        unused_for: Only those that no job has started in for so many seconds; `None` for any age.
        keep: Spare so many, those that were used last; `None` spares none.
    """
    cache = _default() if cache is None else cache
    now = datetime.now(UTC)
    gone: list[CachedEnvironment] = []
    for index, environment in enumerate(list_environments(cache)):
        old = unused_for is None or (now - environment.last_used).total_seconds() >= unused_for
        if old and (keep is None or index >= keep) and _remove(environment.path, cache):
            gone.append(environment)
    return gone


def _default() -> Path:
    return state_dir() / "environments"


def _home(plan: EnvironmentPlan, cache: Path) -> Path:
    if plan.python is None:
        interpreter: Sequence[str] = (sys.prefix, os.path.realpath(sys.executable), sys.version)
    else:
        interpreter = (plan.python,)
    identity: dict[str, object] = {
        "interpreter": interpreter,
        "requirements": sorted({_normalised(text) for text in plan.requirements}),
        "indexes": plan.index_urls,
    }
    more = {"variables": sorted(plan.variables.items()), "contents": plan.contents, "fresh": plan.fresh}
    identity |= {key: value for key, value in more.items() if value}
    return cache / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:20]


def _normalised(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        line = parse_line(text)
    except InvalidRequirement as error:
        raise InvalidInput(f"{text!r} is no requirement in pip's notation, like 'numpy>=1.26': {error}.") from error
    if not line.requirement or "--hash" in text:
        return text
    requirement = Requirement(line.requirement)
    requirement.name = canonicalize_name(requirement.name)
    return f"{'-c ' if line.kind == 'constraint' else ''}{requirement}"


def _build(plan: EnvironmentPlan, home: Path, output: IO[str], stop: Callable[[], bool], log: Path) -> None:
    from kubeflow.local.environments.install import Install

    started = time.monotonic()
    old = os.readlink(home / _CURRENT) if (home / _CURRENT).is_symlink() else None  # noqa: PTH115
    for leftover in home.iterdir():
        if leftover.name not in (old, _CURRENT):
            _delete(leftover)
    generation = home / f"built-{os.urandom(4).hex()}"
    wanted = ", ".join(plan.requirements) or "no packages"
    output.write(f"kubeflow: building a Python environment with {wanted} in {home}\n")
    output.flush()
    # Scripts get the path that they are reached by for good: `current` is what changes when it is built anew.
    (home / f"{_CURRENT}-new").symlink_to(generation.name)
    try:
        generation.mkdir()
        install = Install(plan, generation, output, stop, log)
        install.run()
        _check_unchanged(plan, log)
        record = {
            "python": install.version,
            "requirements": list(plan.requirements),
            "created": datetime.now(UTC).isoformat(),
            "relies_on": [] if plan.python else relies_on(plan.requirements, install.packages),
            "size": sum(path.lstat().st_size for path in generation.rglob("*")),
        }
        (generation / _RECORD).write_text(json.dumps(record, indent=1))
        (home / f"{_CURRENT}-new").replace(home / _CURRENT)
    except BaseException:
        (home / f"{_CURRENT}-new").unlink(missing_ok=True)
        _delete(generation)
        raise
    if old is not None:
        _delete(home / old)
    output.write(f"kubeflow: built in {time.monotonic() - started:.1f} s\n")


def _check_unchanged(plan: EnvironmentPlan, log: Path) -> None:
    if plan.contents and contents(plan) != plan.contents:
        raise EnvironmentFailed(
            "a folder or file that its requirements name was changed after the job was made.", log, "Leave it alone"
        )


def _read(generation: Path) -> Mapping[str, object] | None:
    try:
        record: Mapping[str, object] = json.loads((generation / _RECORD).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):  # being built, removed or not an environment
        return None
    return record


def _texts(record: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = record.get(key)
    return tuple(map(str, value)) if isinstance(value, list) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


@contextlib.contextmanager
def _locked(
    plan: EnvironmentPlan, cache: Path, output: IO[str], stop: Callable[[], bool], log: Path
) -> Generator[None, None, None]:
    home = _home(plan, cache)
    with _open_lock(cache, f"{home.name}.build") as lock:
        told = False
        while not _try(lock):
            if not told:
                output.write(f"kubeflow: another job builds the same environment, {home}: waiting for it\n")
                output.flush()
                told = True
            if stop():
                raise EnvironmentFailed("it was stopped.", log)
            time.sleep(_POLL)
        home.mkdir(exist_ok=True)
        yield


def _open_lock(cache: Path, name: str) -> IO[str]:
    try:
        (cache / "locks").mkdir(parents=True, exist_ok=True, mode=0o700)
        return (cache / "locks" / name).open("a")
    except OSError as error:
        raise InvalidInput(
            f"Python environments are kept in {str(cache)!r}, which cannot be written to: {error.strerror or error}. "
            "Set KUBEFLOW_STATE_DIR to a directory that can."
        ) from error


def _try(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(use: Path) -> bool:
    if not use.exists():
        return False
    with use.open("r") as lock:  # for reading: looking at it is no use of it
        return not _try(lock)


def _remove(home: Path, cache: Path) -> bool:
    """Remove an environment unless somebody uses or builds it; jobs that come for it meanwhile wait."""
    with _open_lock(cache, f"{home.name}.build") as building, (cache / "locks" / f"{home.name}.use").open("a") as use:
        if not _try(building) or not _try(use):
            return False
        (home / _CURRENT).unlink(missing_ok=True)  # first: a half removed one must not look whole
        _delete(home)
    return True


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

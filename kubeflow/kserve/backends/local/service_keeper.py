"""The keeper of a service: the process that holds its port and keeps a server behind it.

It is the only node of the service's job. The socket that listens is the keeper's, and servers share it: while one is
started anew, connections wait and none is refused; when a model changes, the new one loads first, begins to accept, and
the old one then ends after the requests that have come to it.

    service.json (what clients want) -> keeper -> server processes
                                        keeper -> keeper.json, service-events.jsonl (what became of it)
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from kubeflow.core.backoff import backoff
from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.kserve.backends.local.model_fetching import fetch_model
from kubeflow.kserve.backends.local.pickle_trust import check_trusted
from kubeflow.kserve.backends.local.server_child import ServerChild
from kubeflow.kserve.backends.local.server_liveness import ServerLiveness, liveness_period
from kubeflow.kserve.backends.local.service_files import KeeperState, LocalRevision, ServiceFiles, WantedService
from kubeflow.kserve.server.model_files import find_model_file
from kubeflow.kserve.server.model_loading import check_format_packages
from kubeflow.kserve.server.server_settings import UNUSABLE, ServerSettings
from kubeflow.local.executors.ports import LOOPBACK
from kubeflow.local.fetch import FetchFailed
from kubeflow.local.job.places import Places, environments
from kubeflow.local.job.plan import EnvironmentPlan
from kubeflow.local.job.records import describe_exit

_POLL = 0.03  # seconds between two looks at the servers and at what is wanted
_BACKLOG = 2048  # connections that may wait while no server is there
_FIRST, _LONGEST = 0.1, 10.0  # seconds before a server that died is started anew
_STEADY = 10.0  # seconds after which a server counts as well: what happened before it is forgotten
_MOST_DEATHS = 5  # in a row, before the model was loaded: it cannot be loaded here
_PORT_PATIENCE = 15.0  # seconds to wait for the port of the keeper before this one


class _Unservable(Exception):
    """A revision cannot be served. The text says why."""


@dataclass(frozen=True, slots=True)
class _RevisionPreparation:
    """A revision that is being made ready to be loaded."""

    revision: LocalRevision
    result: Future[ServerSettings]


class ServiceKeeper:
    """Keeps one service.

    Args:
        directory: Of its job.
    """

    def __init__(self, directory: Path) -> None:
        self._files = ServiceFiles(directory)
        self._places = Places(directory)
        self._wanted = self._files.wanted()
        before = self._files.kept()
        self._state = KeeperState(
            pid=os.getpid(), port=before.port, restarts=before.restarts, failed=before.failed, good=before.good,
            trouble=before.trouble, exit_code=before.exit_code,
        )  # fmt: skip
        self._socket = self._listen(before.port)
        self._current: ServerChild | None = None
        self._next: ServerChild | None = None
        self._ending: list[ServerChild] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self._preparing: _RevisionPreparation | None = None
        self._held = contextlib.ExitStack()
        self._liveness: ServerLiveness | None = None
        self._deaths = 0
        self._start_at = 0.0
        self._told_to_end = False
        self._seen: tuple[int, ...] = ()

    def tell_to_end(self, *_: int | FrameType | None) -> None:
        """End soon: the handler of SIGTERM."""
        self._told_to_end = True

    def run(self) -> int:
        """Keep the service until it is to end; return the exit code."""
        self._write()
        while not self._told_to_end:
            self._read_wanted()
            try:
                self._look()
            except _Unservable as error:
                return self._give_up(str(error))
            time.sleep(_POLL)
        self._end_all()
        return 0

    def _listen(self, port: int) -> socket.socket:
        """Return a socket that listens: on the port that the service had before, if nobody else has it now."""
        deadline = time.monotonic() + _PORT_PATIENCE
        while True:
            try:
                listening = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
            except OSError:
                if not port:
                    raise
                # Servers of a keeper that was killed end soon; anybody else keeps the port.
                if time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                port = 0
            else:
                number: int = listening.getsockname()[1]
                if number != self._state.port:
                    self._files.tell("PortLeased", f"http://{LOOPBACK}:{number}")
                self._state = replace(self._state, port=number)
                return listening

    def _read_wanted(self) -> None:
        stamp = self._files.stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        with contextlib.suppress(InvalidInput):  # it is being deleted: the supervisor ends this process
            self._wanted = self._files.wanted()

    def _look(self) -> None:
        """Do what is due."""
        for child in list(self._ending):
            if child.poll() is not None:
                child.close()
                self._ending.remove(child)
        self._look_at_current()
        self._look_at_next()
        if self._current is None and self._next is not None:  # what was to follow it takes its place
            self._current, self._next = self._next, None
        if self._preparing is not None:
            self._look_at_preparation(self._preparing)
            return
        target = self._target()
        if self._current is None:
            if time.monotonic() >= self._start_at:
                self._prepare_revision(target)
        elif target != self._current.revision:
            if self._next is not None and self._next.revision != target:
                self._drop_next()
            if self._next is None:
                self._prepare_revision(target)
        elif self._next is not None:  # taken back before it was loaded
            self._drop_next()

    def _target(self) -> int:
        """Return the revision that is to answer: what is wanted, or the last good one where that cannot be served."""
        wanted, failed = self._wanted.wanted, self._state.failed
        if wanted not in failed:
            return wanted
        fallback = next((number for number in reversed(self._state.good) if number not in failed), None)
        if fallback is None:
            raise _Unservable(failed[wanted])
        return fallback

    def _look_at_current(self) -> None:
        child = self._current
        if child is None:
            return
        code = child.poll()
        if code is None:
            if child.loaded and self._state.active != child.revision:
                self._answering(child)
            if child.loaded and self._deaths and time.monotonic() > child.loaded_at + _STEADY:
                self._deaths = 0
            self._look_at_liveness(child)
            return
        self._current = None
        child.close()
        ended = f"{child.hung} and was killed" if child.hung else describe_exit(code)
        how = f"its server (process {child.pid}) {ended}"
        if child.words or (code >= 0 and not child.loaded):  # the next one would end in the same way
            self._fail(child.revision, child.words or f"{how} before the model was loaded; see the log")
            return
        self._deaths += 1
        if not child.loaded and self._deaths >= _MOST_DEATHS:
            self._fail(child.revision, f"{how}, {self._deaths} times, before the model was loaded")
            return
        pause = 0.0 if self._deaths == 1 else backoff(self._deaths - 1, first=_FIRST, longest=_LONGEST)
        self._start_at = time.monotonic() + pause
        restarts = self._state.restarts + 1
        trouble = f"{how}{'' if child.loaded else ' while it loaded the model'}"
        self._state = replace(
            self._state, active=0, server=0, loading=0, restarts=restarts, trouble=trouble, exit_code=code
        )
        self._tell("ServerHung" if child.hung else "ServerDied", f"{trouble}; started anew (restart {restarts})")

    def _look_at_liveness(self, child: ServerChild) -> None:
        """Kill a server that has loaded its model and does not answer any more: it is started anew then."""
        if self._liveness is None or not child.loaded or child.hung:
            return
        if self._next is not None or self._ending or self._preparing is not None:
            self._liveness.pause()  # another process answers, or will soon
        elif self._liveness.hangs():
            child.kill(self._liveness.words())

    def _answering(self, child: ServerChild) -> None:
        """Note that a server answers with its model loaded."""
        if self._liveness is not None:
            self._liveness.close()
        env = {**os.environ, **self._wanted.revision(child.revision).env}
        self._liveness = ServerLiveness(self._state.port, liveness_period(env))
        good = (*(number for number in self._state.good if number != child.revision), child.revision)[-20:]
        self._state = replace(
            self._state, active=child.revision, server=child.pid, loading=0, trouble="", good=good, format=child.format
        )
        model = self._wanted.revision(child.revision).model
        self._tell("Ready", f"revision {child.revision} ({model}) answers at http://{LOOPBACK}:{self._state.port}")

    def _look_at_next(self) -> None:
        child = self._next
        if child is None:
            return
        code = child.poll()
        if code is not None:
            self._next = None
            child.close()
            self._fail(child.revision, child.words or f"its server (process {child.pid}) {describe_exit(code)}")
        elif child.loaded:
            self._next = None
            if self._current is not None:
                self._current.end()
                self._ending.append(self._current)
            self._current = child
            self._answering(child)

    def _drop_next(self) -> None:
        if self._next is not None:
            self._next.end()
            self._ending.append(self._next)
            self._next = None
            self._state = replace(self._state, loading=0)
            self._write()

    def _prepare_revision(self, number: int) -> None:
        """Begin to make ready what a revision needs: its files may have to be fetched, which may take minutes."""
        self._state = replace(self._state, loading=number)
        self._write()
        revision = self._wanted.revision(number)
        self._preparing = _RevisionPreparation(revision, self._pool.submit(self._prepare, revision))

    def _look_at_preparation(self, preparing: _RevisionPreparation) -> None:
        """Start the server of a revision that is ready to be loaded."""
        if not preparing.result.done():
            return
        self._preparing = None
        revision = preparing.revision
        if revision.number != self._wanted.wanted and self._current is not None and revision.number != self._target():
            return  # something else is wanted meanwhile
        try:
            settings = preparing.result.result()
        except (_Unservable, KubeflowError) as error:
            self._fail(revision.number, str(error))
            return
        environ = {**os.environ, **revision.env}
        if revision.argv:
            environ["PYTHONPATH"] = _python_path(environ)
        try:
            child = ServerChild(
                revision.number,
                revision.argv,
                replace(settings, load_first=self._current is not None),
                self._places.temporary,
                environ,
                self._socket.fileno(),
            )
        except OSError as error:
            self._fail(revision.number, f"its server cannot be started: {error}")
            return
        if self._current is None:
            self._current = child
        else:
            self._next = child
        self._tell("Loading", f"process {child.pid} loads revision {revision.number} ({revision.model})")

    def _prepare(self, revision: LocalRevision) -> ServerSettings:
        """Make ready what a revision needs, and return the settings of its server."""
        name, grace = self._wanted.name, self._wanted.grace
        liveness_period({**os.environ, **revision.env})
        if revision.argv:
            if revision.environment is not None:
                self._build(revision)
            return ServerSettings(name, str(revision.number), grace=grace)
        place = self._fetch(revision)
        file = find_model_file(place, revision.format, said=revision.uri)
        check_format_packages(file.format)
        if not revision.trusted:
            check_trusted(file, self._places.state.parent, said=revision.uri)
        return ServerSettings(name, str(revision.number), str(file.path), file.format, grace=grace)

    def _build(self, revision: LocalRevision) -> None:
        from kubeflow.local.environments.cache import build, hold

        fields: dict[str, Any] = dict(revision.environment or {})
        for key in ("requirements", "index_urls", "contents"):  # JSON has lists
            fields[key] = tuple(fields.get(key, ()))
        plan = EnvironmentPlan(**fields)
        log = self._places.environment_log
        self._tell("EnvironmentBuilding", f"the installer's output is in {log}")
        cache = environments(self._places.state.parent)
        self._held.enter_context(hold(plan, cache))
        build(plan, cache=cache, log=log, stop=lambda: self._told_to_end)

    def _fetch(self, revision: LocalRevision) -> Path:
        """Return where the model is, after fetching it where that is elsewhere."""
        scheme, _, rest = revision.uri.partition("://")
        if scheme == "file":
            from urllib.parse import unquote

            return Path(unquote(rest))
        into = self._places.workspace / f"revision-{revision.number}"
        if into.is_dir() and any(into.iterdir()):  # fetched before, and maybe loaded now
            return into
        self._tell("Fetching", f"{revision.uri} to {into}")
        try:
            fetch_model(revision.uri, into, {**os.environ, **revision.env})
        except FetchFailed as error:
            raise _Unservable(str(error)) from error
        return into

    def _fail(self, number: int, words: str) -> None:
        """Note that a revision cannot be served."""
        self._deaths = 0
        active = 0 if self._current is None else self._state.active
        self._state = replace(
            self._state,
            failed={**self._state.failed, number: words},
            loading=0,
            active=active,
            server=self._state.server if active else 0,
            exit_code=UNUSABLE,
        )
        self._tell("RevisionFailed", f"revision {number} ({self._wanted.revision(number).model}): {words}")

    def _give_up(self, words: str) -> int:
        print(f"kubeflow: the service cannot be served: {words}", file=sys.stderr, flush=True)
        self._state = replace(self._state, active=0, server=0, loading=0, trouble=words)
        self._tell("GivenUp", "no revision can be served; change the service, and it is started anew")
        self._end_all()
        return UNUSABLE

    def _end_all(self) -> None:
        self._socket.close()  # nobody is to wait for an answer that does not come
        children = [child for child in (self._current, self._next) if child is not None] + self._ending
        for child in children:
            child.end()
        while children := [child for child in children if child.poll() is None]:
            time.sleep(_POLL)
        self._state = replace(self._state, active=0, server=0, loading=0)
        self._write()

    def _tell(self, reason: str, message: str) -> None:
        print(f"kubeflow: {reason}: {message}", file=sys.stderr, flush=True)
        self._write()
        self._files.tell(reason, message)

    def _write(self) -> None:
        with contextlib.suppress(FileNotFoundError):  # it is being deleted
            self._files.write_kept(self._state)


def _python_path(environ: dict[str, str]) -> str:
    """Return PYTHONPATH with the folder that kubeflow is in, last: a bundle's program need not find it otherwise."""
    root = str(Path(__file__).absolute().parents[4])
    return os.pathsep.join([*filter(None, [environ.get("PYTHONPATH")]), root])


def wants_revival(service: WantedService, state: KeeperState) -> bool:
    """Return True when a service whose job has ended can be started anew: not all that is asked for has failed."""
    good = [number for number in state.good if number not in state.failed]
    return not service.stopped and (service.wanted not in state.failed or bool(good))


def main(directory: Path) -> None:
    """Keep the service whose job is in `directory`. Ends the process.

    Args:
        directory: Of the job.
    """
    keeper = ServiceKeeper(directory)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, keeper.tell_to_end)
    code = keeper.run()
    sys.stderr.flush()
    os._exit(code)  # what is still being fetched must not hold the process

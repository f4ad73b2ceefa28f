"""The container `metrics-logger-and-collector`, played: it repeats the lines of a trial, stops it by rules, and reports.

It works as the shipped `file-metrics-collector` does, over the same file, the same marks and the same process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

import psutil

from tests.cluster.katib.observations import Report, collected, matches, names_of, number
from tests.cluster.kubelet import Exit, Life, stamp

Object = dict[str, Any]

NAME = "metrics-logger-and-collector"
VOLUME = "metrics-volume"
FOLDER = "/var/log/katib"
FILE = f"{FOLDER}/metrics.log"
_POLL = 0.03  # seconds; the real one looks every second


class CollectorLife(Life):
    """One life of the container.

    Args:
        trial: The Trial, as the webhook saw it.
        folder: What the two containers share.
        log: Where its own lines go.
        main: Returns the process of the trial's container; `None` before it is started.
        report: Takes what is sent to the database.
        stopped: Called when the trial was stopped by a rule, after the report.
        ended: Called when it has ended.
    """

    def __init__(
        self,
        trial: Mapping[str, Any],
        folder: Path,
        log: IO[bytes],
        main: Callable[[], int | None],
        report: Callable[[str, list[Report]], None],
        stopped: Callable[[str], None],
        ended: Callable[[Exit], None],
    ) -> None:
        super().__init__(ended)
        self._trial, self._file, self._log, self._main = trial, folder / "metrics.log", log, main
        self._report, self._stopped, self._killed = report, stopped, Event()
        spec = trial["spec"]
        self._names = names_of(spec["objective"])
        source = spec["metricsCollector"].get("source") or {}
        self._filters: Sequence[str] = (source.get("filter") or {}).get("metricsFormat") or []
        self._rules: list[Object] = [dict(rule) for rule in spec.get("earlyStoppingRules") or []]
        self._best: float | None = None
        self._seen: dict[str, int] = {}
        self._lines: list[str] = []
        Thread(target=self._live, daemon=True).start()

    def kill(self, grace: float) -> None:
        """End it."""
        self._killed.set()

    def _say(self, text: str) -> None:
        # As klog writes: severity, date, time, process and place, and then the line.
        head = time.strftime("I%m%d %H:%M:%S.000000      14 main.go:139] ", time.gmtime())
        self._log.write(f"{stamp()} {head}{text}\n".encode())

    def _live(self) -> None:
        with self._log:
            code = self._watch()
        self._end(code, "", "")

    def _watch(self) -> int:
        name: str = self._trial["metadata"]["name"]
        self._say(f"Trial Name: {name}")
        place, rest, early = 0, b"", False
        while not self._killed.wait(_POLL):
            pid = self._main()
            over = pid is not None and (not psutil.pid_exists(pid) or _is_dead(pid))
            if self._file.exists():
                with self._file.open("rb") as stream:
                    stream.seek(place)
                    text = stream.read()
                place += len(text)
                *lines, rest = (rest + text).split(b"\n")
                for line in lines + ([rest] if over and rest else []):
                    words = line.decode("utf-8", errors="replace")
                    self._lines.append(words)
                    self._say(words)
                    if self._rules and not early:
                        try:
                            early = self._judge(words)
                        except ValueError as error:
                            self._say(f"Failed to parse value of objective metric: {error}")
                            return 1
                        if early and pid is not None:
                            early = self._stop(pid)
            if over:
                return self._finish(name, int(pid or 0), early)
        return 143

    def _judge(self, line: str) -> bool:
        """Return True when the last of the rules holds. A value that is no number ends the process."""
        for name, text in matches(line, self._names, self._filters):
            value = number(text)
            if value is None:
                raise ValueError(text)
            minimize = self._trial["spec"]["objective"]["type"] == "minimize"
            if name == self._names[0]:
                best = value if self._best is None else (min if minimize else max)(self._best, value)
                value = self._best = best
            self._seen[name] = self._seen.get(name, 0) + 1
            for rule in list(self._rules):
                if rule["name"] != name or self._seen[name] < rule.get("startStep", 0):
                    continue
                limit = float(rule["value"])
                holds = {"less": value < limit, "greater": value > limit, "equal": value == limit}[rule["comparison"]]
                if holds:
                    self._rules.remove(rule)
        return not self._rules

    def _stop(self, pid: int) -> bool:
        """Terminate the child of a container's process; False where the container ended before that."""
        while not _is_dead(pid):
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(pid).children()
                assert len(children) <= 1, "the collector can stop a container with one child only"
                if children:
                    (self._file.parent / f"{pid}.pid").write_text("early-stopped\n", "utf-8")
                    children[0].terminate()
                    return True
            time.sleep(_POLL / 10)  # a shell between two commands
        return False

    def _finish(self, name: str, pid: int, early: bool) -> int:
        mark = self._file.parent / f"{pid}.pid"
        if not mark.exists():
            self._say(f"Failed to wait for worker container: unable to read file {mark.name}")
            return 1
        self._report(name, collected(self._lines, self._names, self._filters))
        if early:
            self._stopped(name)
        return 0


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wrapped(command: Sequence[str], args: Sequence[str], stops: bool) -> tuple[list[str], list[str]]:
    """Return command and arguments of a trial's container as the webhook writes them: one line of a shell."""
    words = [*command, *args]
    shell, rest = (words[:2], words[2:]) if words[0] in ("sh", "bash") and words[1] == "-c" else (["sh", "-c"], words)
    rest = [*rest, f"1>{FILE} 2>&1"]
    if stops:
        mark = f"{FOLDER}/$$$$.pid"
        rest += [
            "||",
            f"if test -f {mark} && [ $(head -n 1 {FOLDER}/$$.pid) = early-stopped ]; then echo Training Container was "
            "Early Stopped; else echo Training Container was Failed; exit 1; fi",
        ]
    return shell, [" ".join([*rest, "&&", f"echo completed > {FOLDER}/$$$$.pid"])]

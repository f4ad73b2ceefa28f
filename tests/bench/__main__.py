"""`python -m tests.bench`: set up the environments, run the cases in turn, print the table and write JSON."""

import argparse
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

from tests.bench.cases import Case, Place
from tests.bench.catalogue import CASES
from tests.bench.environments import PEER, SHARED, Environments
from tests.bench.record import header, record
from tests.bench.rounds import Budget, run_all, taker
from tests.bench.rows import Row, Verdict
from tests.bench.series import Missing
from tests.bench.table import table

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"


QUICK_SECONDS = 120
FULL_SECONDS = 25 * 60
"""For the rounds of all cases; environments are made before that."""


class Exit(IntEnum):
    """What the exit code of a run says."""

    HOLD = 0
    """Every bound of the run holds."""
    MISSED = 1
    """A bound is missed."""
    USAGE = 2
    """The options are wrong."""
    NOT_SHOWN = 3
    """No bound is missed, and one was not judged: a side is missing (a cluster for instance), or the time was over."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks, print the table and the verdict, write the JSON, and return an `Exit`."""
    options = _parser().parse_args(arguments)
    named = [case for case in CASES if options.only.lower() in case.name.lower()]
    if not named:
        _say(f"No case is named like {options.only!r}. There are: " + "; ".join(dict.fromkeys(c.name for c in CASES)))
        return Exit.USAGE
    load = os.getloadavg()[0]
    left_out = [f"{case.name}: {case.slow}" for case in named if case.slow and options.quick]
    cases = [case for case in named if not (case.slow and options.quick)]
    with _alone():
        environments = Environments(ROOT, _say)
        needed = {place for case in cases for place in case.places}
        for place in sorted(needed):
            ready = environments.interpreter(place)
            if isinstance(ready, Missing):
                _say(f"{place.value}: {ready.reason}")
        versions = {place.value: environments.versions(place) for place in sorted(needed - {Place.BARE})}
        budget = Budget(QUICK_SECONDS if options.quick else FULL_SECONDS, sum(case.weight for case in cases))
        rows, unreached = run_all(cases, taker(environments), budget, say=_say, step=_step)
        _step("")
    head = header(versions, quick=options.quick, load=load)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    left_out += [f"{case.name}: the time of the run was over" for case in unreached]
    options.json.write_text(json.dumps(record(head, rows, left_out), indent=1) + "\n", encoding="utf-8")
    print(f"{head['python']}, {head['cpus']} CPUs, load {load:.1f} before the run; peer: {PEER}")
    if {Place.OURS, Place.PEER} <= needed:
        print(_shared_versions(versions))
    print()
    print(table(rows))
    for words in left_out:
        print(f"Left out: {words}")
    print(f"All figures: {options.json}")
    print(summary(rows, unreached))
    return exit_code(rows, unreached)


def summary(rows: Sequence[Row], unreached: Sequence[Case] = ()) -> str:
    """Say in one line which bounds hold. `unreached`: the cases that the time of the run was too short for."""
    judged = [row for row in rows if row.verdict is not None]
    held = sum(row.verdict is Verdict.MET for row in judged)
    words = f"bench: {held} of {len(judged)} bounds hold"
    for verdict in (Verdict.MISSED, Verdict.UNKNOWN):
        names = [row.name for row in judged if row.verdict is verdict]
        words += f"; {verdict.value}: {', '.join(names)}" if names else ""
    bounds = sum(metric.requirement is not None for case in unreached for metric in case.metrics)
    return words + (f"; {bounds} not reached in the time of the run" if bounds else "")


def exit_code(rows: Sequence[Row], unreached: Sequence[Case] = ()) -> Exit:
    """Return what the verdicts of `rows` and the bounds of `unreached` come to."""
    verdicts = {row.verdict for row in rows}
    if Verdict.MISSED in verdicts:
        return Exit.MISSED
    unknown = Verdict.UNKNOWN in verdicts or any(case.bounded for case in unreached)
    return Exit.NOT_SHOWN if unknown else Exit.HOLD


def _shared_versions(versions: dict[str, dict[str, str]]) -> str:
    """Say whether both sides stand on the same libraries."""
    words = []
    for name in SHARED:
        ours, peer = (versions[place].get(name, "none") for place in ("ours", "peer"))
        words.append(f"{name} {ours} on both sides" if ours == peer else f"{name} DIFFERS: ours {ours}, peer {peer}")
    return "; ".join(words)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of this checkout's benchmarks: two runs at once would measure each other."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another run is at work here: waiting for its end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(words: str) -> None:
    _step("")
    print(words, file=sys.stderr, flush=True)


def _step(words: str) -> None:
    """Show what is being done right now, over what stood there before; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under three minutes once the environments are made")
    parser.add_argument("--only", default="", metavar="PATTERN", help="only cases whose name contains this")
    parser.add_argument("--json", type=Path, default=CACHE / "results.json", metavar="FILE", help="where the JSON goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())

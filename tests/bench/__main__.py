"""`python -m tests.bench`: set up the environments, run the cases in turn, print the table and write JSON."""

import argparse
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.cases import Case, Place
from tests.bench.catalogue import CASES
from tests.bench.environments import PEER, SHARED, Environments
from tests.bench.record import header, record
from tests.bench.rounds import run, taker
from tests.bench.rows import Row
from tests.bench.series import Missing
from tests.bench.table import table

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; 1 with `--check` when a requirement is missed or could not be shown."""
    options = _parser().parse_args(arguments)
    cases = [case for case in CASES if options.only.lower() in case.name.lower()]
    cases = [case for case in cases if case.quick_rounds or not options.quick]
    if not cases:
        _say(f"No case is named like {options.only!r}. There are: " + "; ".join(dict.fromkeys(c.name for c in CASES)))
        return 2
    load = os.getloadavg()[0]
    with _alone():
        environments = Environments(ROOT, _say)
        rows = _run(cases, environments, quick=options.quick)
        versions = {place.value: environments.versions(place) for place in (Place.OURS, Place.PEER, Place.CHECKOUT)}
    head = header(versions, quick=options.quick, load=load)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record(head, rows), indent=1) + "\n", encoding="utf-8")
    print(f"{head['python']}, {head['cpus']} CPUs, load {load:.1f} before the run; peer: {PEER}")
    print(_shared_versions(versions))
    print()
    print(table(rows))
    print(f"\nAll figures: {options.json}")
    return check(rows) if options.check else 0


def _run(cases: Sequence[Case], environments: Environments, *, quick: bool) -> list[Row]:
    for place in (Place.PEER, Place.OURS):
        ready = environments.interpreter(place)
        if isinstance(ready, Missing):
            _say(f"{place.value}: {ready.reason}")
    take = taker(environments)
    rows: list[Row] = []
    for number, case in enumerate(cases, 1):
        _say(f"[{number}/{len(cases)}] {case.name}")
        rows += run(case, take, quick=quick, say=_step)
    _step("")
    return rows


def check(rows: Sequence[Row]) -> int:
    """Name every row that misses its requirement; return the exit code."""
    against = [row for row in rows if not row.holds]
    for row in against:
        _say(f"{row.verdict}: {row.name}")
    return 1 if against else 0


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
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under three minutes, set-up included")
    parser.add_argument("--only", default="", metavar="PATTERN", help="only cases whose name contains this")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a requirement is missed")
    parser.add_argument("--json", type=Path, default=CACHE / "results.json", metavar="FILE", help="where the JSON goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())

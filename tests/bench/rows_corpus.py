"""Rows: how much of a corpus of modules and notebooks runs in a job as it runs here, by which means of sending."""

import sys
from pathlib import Path

from tests.bench.cases import Case, Metric, Place, Probe, Unit
from tests.bench.probes import scripting
from tests.bench.requirements import Always

ROOT = Path(__file__).resolve().parents[2]

_TALLY = """
from tests.packaging.differential.tally import tally
report(tally({side!r}, every={every}))
"""

# Sessions run in the checkout's Python, which has what the corpus imports, with the published package before ours.
_PUBLISHED = """
import json, subprocess, sysconfig
code = "import sys, json; from tests.packaging.differential.tally import tally; "
code += "print(json.dumps(tally('published', path=sys.argv[1], every={every})))"
command = [{python!r}, "-c", code, sysconfig.get_path("purelib")]
report(json.loads(subprocess.run(command, cwd={root!r}, check=True, stdout=subprocess.PIPE).stdout))
"""


def _ours(side: str, every: int) -> Probe:
    return scripting(Place.CHECKOUT, _TALLY.format(side=side, every=every), timeout=1200)


def _case(name: str, every: int, slow: str) -> Case:
    published = _PUBLISHED.format(every=every, python=sys.executable, root=str(ROOT))
    return Case(
        name=name,
        metrics=(
            Metric("right", "result, output and exit code of the call here", Unit.COUNT),
            Metric("refused", "refused before the start", Unit.COUNT),
            Metric("wrong", "wrong in silence, or failing in the job", Unit.COUNT, requirement=Always(0)),
        ),
        ours=_ours("ours", every),
        peer=scripting(Place.PEER, published, timeout=1200),
        limit=_ours("cloudpickle", every),
        limit_is="cloudpickle: dumped here, loaded and called by a fresh process of the same Python",
        rounds=1,
        warmup=0,
        weight=6,
        slow=slow,
    )


CASES = (
    _case("a sample of the modules and notebooks of the corpus", 8, ""),
    _case("modules and notebooks of the corpus", 1, "each case is called, and sent three ways: minutes"),
)

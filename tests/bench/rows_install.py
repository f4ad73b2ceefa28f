"""Rows: what an installation leaves on the disk and how long it takes, beside the published package."""

from pathlib import Path

from tests.bench.cases import Case, Metric, Place, Probe, Unit
from tests.bench.environments import PEER
from tests.bench.probes import scripting
from tests.bench.requirements import AtMost
from tests.bench.series import Missing

ROOT = Path(__file__).resolve().parents[2]

# `venv` puts pip, and before Python 3.12 setuptools, into every environment. Compiled files are left out: not every
# installer writes them. The peer's docker is of an extra, which only the rows of containers need.
_INSTALLED = """
import os
from importlib.metadata import distributions
from pathlib import Path
packages = [each for each in distributions() if each.metadata["Name"] not in ("pip", "setuptools", "docker")]
files = {Path(each.locate_file(file)) for each in packages for file in each.files or () if file.suffix != ".pyc"}
report({"packages": len(packages), "bytes": sum(file.stat().st_size for file in files if file.exists())})
"""

_INSTALL = """
import os, subprocess, sys, time
home = os.path.join(os.environ["BENCH_SCRATCH"], "environment")
subprocess.run([sys.executable, "-m", "venv", home], check=True)
pip = [os.path.join(home, "bin", "python"), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
start = time.perf_counter()
subprocess.run([*pip, "--no-input", "--cache-dir", {cache!r}, {what!r}], check=True)
report({{"seconds": time.perf_counter() - start}})
"""


def _install(what: str) -> Probe:
    cache = str(ROOT / ".cache" / "bench" / "pip")
    return scripting(Place.CHECKOUT, _INSTALL.format(cache=cache, what=what), timeout=600)


CASES = (
    Case(
        name="installed, with all dependencies",
        metrics=(
            Metric("bytes", "size, without compiled files", Unit.BYTES, requirement=AtMost(50e6)),
            Metric("packages", "packages", Unit.COUNT, requirement=AtMost(22)),
        ),
        ours=scripting(Place.OURS, _INSTALLED),
        peer=scripting(Place.PEER, _INSTALLED),
        limit=Missing("nothing smaller does the same"),
        limit_is="",
        rounds=1,
        warmup=0,
    ),
    Case(
        name="pip install into an empty environment, pip's cache warm",
        metrics=(Metric("seconds", "`pip install .`, `pip install kubeflow==0.5.0`"),),
        ours=_install(str(ROOT)),
        peer=_install(PEER),
        limit=Missing("nothing faster does the same"),
        limit_is="",
        rounds=3,
        weight=4,
        slow="two installations a round",
    ),
)

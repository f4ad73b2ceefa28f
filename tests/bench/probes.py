"""The ways to write a probe: an import, statements in a loop, a module run as a program, a script."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.bench.cases import Place, Probe

INSIDE = Path(__file__).parent / "inside"

_REPORT = f"exec(open({str(INSIDE / 'report.py')!r}).read())"

_IMPORT = f"""
import sys, time
start = time.perf_counter()
{{statement}}
seconds = time.perf_counter() - start
modules = len(sys.modules)
{_REPORT}
report({{{{"import": seconds, "modules": modules, "memory": peak_memory()}}}})
"""

_BARE = f"""
import sys, time
modules = len(sys.modules)
{_REPORT}
report({{"modules": modules, "memory": peak_memory()}})
"""

# Names that are looked for count, not only those found: a guarded import of a package that happens not to be
# installed here would be paid for by everyone who has it.
_LOOKED_FOR = f"""
import sys
names = {{names!r}}
seen = set()
class Lookout:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in names:
            seen.add(name)
sys.meta_path.insert(0, Lookout())
{{statement}}
seen |= {{{{name for name in sys.modules if name.partition(".")[0] in names}}}}
{_REPORT}
report({{{{"found": len(seen)}}}})
"""

_MODULE = f"""
import os, runpy, sys
sys.argv[1:] = [os.path.expandvars(argument) for argument in {{arguments!r}}]
code = None
try:
    runpy.run_module({{module!r}}, run_name="__main__", alter_sys=True)
except SystemExit as exit:
    code = exit.code
{_REPORT}
files = sum(len(names) for _, _, names in os.walk(os.environ["BENCH_SCRATCH"]))
report({{{{"memory": peak_memory(), "files": files}}}})
sys.exit(code)
"""


def importing(place: Place, statement: str) -> Probe:
    """Run `statement` in a fresh interpreter. Reports `import` (the statement alone), `modules`, `memory`."""
    return Probe(place, ("-c", _IMPORT.format(statement=statement)))


def bare(place: Place) -> Probe:
    """Run a fresh interpreter that imports nothing, and pays for its report like the others."""
    return Probe(place, ("-c", _BARE))


def looking_out(place: Place, statement: str, names: tuple[str, ...]) -> Probe:
    """Run `statement`; report as `found` how many modules of the packages `names` it loaded or looked for."""
    return Probe(place, ("-c", _LOOKED_FOR.format(statement=statement, names=names)))


def looping(
    place: Place,
    setup: str,
    statements: Mapping[str, str],
    *,
    checks: Mapping[str, str] | None = None,
    inputs: Mapping[str, object] | None = None,
    seconds: float = 0.1,
) -> Probe:
    """Time `statements`, each for `seconds`, after `setup`, which sees the `inputs` by name.

    Reports seconds per run under each statement's key, and 1 or 0 under each check's.
    """
    request = {
        "setup": setup,
        "statements": dict(statements),
        "checks": dict(checks or {}),
        "inputs": dict(inputs or {}),
        "seconds": seconds,
    }
    return Probe(place, (str(INSIDE / "worker.py"),), stdin=json.dumps(request))


def running(place: Place, module: str, *arguments: str) -> Probe:
    """Run `python -m module arguments`, where `$BENCH_SCRATCH` is an empty folder.

    Reports `memory`, and as `files` how many files it left in that folder: proof that it worked at all.
    """
    return Probe(place, ("-c", _MODULE.format(module=module, arguments=list(arguments))))


def scripting(place: Place, code: str, *, timeout: float = 120.0) -> Probe:
    """Run `code`, which calls `report({...})` itself."""
    return Probe(place, ("-c", f"{_REPORT}\n{code}"), timeout=timeout)

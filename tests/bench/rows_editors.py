"""Rows: how long a user waits for what stands after a dot, beside the published package, with the same engine."""

import sysconfig
from pathlib import Path

from tests.bench.cases import Case, Metric, Place, Probe
from tests.bench.probes import scripting
from tests.bench.series import Missing
from tests.bench.yardsticks import PARSE

ROOT = Path(__file__).resolve().parents[2]
MODELS = "from kubeflow_api.trainer.v1alpha1 import "
PEER_MODELS = "from kubeflow_trainer_api.models import "
CLIENT = "from kubeflow.trainer import TrainerClient\nTrainerClient()."

# The engine lies beside the benchmarks, and reads what is installed in the environment of the side. `first` is a new
# user's, who has no cache of parsed files; `next` is that of each process after it.
_JEDI = """
import os, sys, time
sys.path.append({purelib!r})
import jedi
from jedi.api.environment import InterpreterEnvironment
jedi.settings.cache_directory = os.path.join(os.environ["BENCH_SCRATCH"], "parsed")
text = {text!r}
def offered():
    jedi.cache.clear_time_caches(delete_all=True)
    script = jedi.Script(text, environment=InterpreterEnvironment())
    start = time.perf_counter()
    names = [each.name for each in script.complete(text.count("\\n") + 1, len(text.rpartition("\\n")[2]))]
    seconds = time.perf_counter() - start
    assert {wanted!r} in names, names
    return seconds
report({{"first": offered(), "next": offered()}})
"""

# An editor has its language server running, and a file opened, when its user types.
_PYRIGHT = """
import os, sys, time
from pathlib import Path
from tests.editors.languageserver import LanguageServer
with LanguageServer(Path(os.environ["BENCH_SCRATCH"])) as editor:
    editor.completions("import sys\\nsys.")
    start = time.perf_counter()
    names = editor.completions({text!r})
    first = time.perf_counter() - start
    start = time.perf_counter()
    assert {wanted!r} in names and {wanted!r} in editor.completions({text!r})
    report({{"first": first, "next": time.perf_counter() - start}})
"""


def _jedi(place: Place, text: str, wanted: str) -> Probe:
    return scripting(place, _JEDI.format(purelib=sysconfig.get_path("purelib"), text=text, wanted=wanted))


def _pyright(text: str, wanted: str) -> Probe:
    code = f"import sys; sys.path.append({str(ROOT)!r})\n" + _PYRIGHT.format(text=text, wanted=wanted)
    return scripting(Place.CHECKOUT, code)


def _case(name: str, ours: Probe, peer: Probe | Missing) -> Case:
    return Case(
        name=name,
        metrics=(
            Metric("first", "the first time, nothing parsed before", requirement=PARSE.bound(1.0)),
            Metric("next", "the next time"),
        ),
        ours=ours,
        peer=peer,
        limit=Missing("an engine has to read what it offers"),
        limit_is="",
        yardstick=PARSE,
        rounds=5,
        slow="starts an engine that reads hundreds of files, five times for each side",
    )


CASES = (
    _case(
        "completion of the models, by jedi",
        _jedi(Place.OURS, MODELS, "TrainJob"),
        _jedi(Place.PEER, PEER_MODELS, "TrainerV1alpha1TrainJob"),
    ),
    _case(
        "completion of a client's methods, by jedi",
        _jedi(Place.OURS, CLIENT, "train"),
        _jedi(Place.PEER, CLIENT, "train"),
    ),
    _case(
        "completion of the models, by pyright's language server",
        _pyright(MODELS, "TrainJob"),
        Missing("the language server lies in the environment of the checkout"),
    ),
    _case(
        "completion of a client's methods, by pyright's language server",
        _pyright(CLIENT, "train"),
        Missing("the language server lies in the environment of the checkout"),
    ),
)

"""Modules of the user's that were changed after their import: the job computes with what they are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.test_packages import project, run, session, the_same_there

CONFIG = """
import os, time, socket, logging, threading, random
LR = 1e-3
EPOCHS, BATCH = 1, 2
LAYERS = [1, 2]
CFG = {"lr": 1e-3, "sizes": [1, 2]}
HOST = socket.gethostname()
CWD = os.getcwd()
STARTED = time.time()
DEVICE = "cuda" if os.environ.get("FAKE_GPU") else "cpu"
RANDOM = random.random()
log = logging.getLogger("config")
LOCK = threading.Lock()
PATHS = []
PATHS.append(os.getcwd())
_client = None
_calls = 0
import collections, json
class Encoder(json.JSONEncoder): pass
ENCODER = Encoder(indent=2)
COMPUTED = dict([("lr", 1e-3)])
LOADED = dict(item for item in [("lr", 1e-3)])
def client():
    global _client, _calls
    _calls += 1
    if _client is None:
        _client = threading.Lock()
    return _client
class C:
    lr = 1e-3
    tags = []
    def f(self): return "old"
    @staticmethod
    def g(): return "static"
class Plain:
    def __init__(self, lr=0.1):
        self.lr = lr
        self.host = socket.gethostname()
class Inner:
    pass
import dataclasses, types
@dataclasses.dataclass
class Data:
    lr: float = 0.1
    layers: list = dataclasses.field(default_factory=list)
plain = Plain()
data = Data(lr=0.2)
space = types.SimpleNamespace(lr=0.1)
def old(): return "old"
def scaled(): return LR * 10
"""
KINDS = {
    "literal": ("config.LR = 3e-4", "[config.LR, config.scaled()]"),
    "from import": ("import config as c\nc.BATCH = 64", "config.BATCH"),
    "setattr": ("setattr(config, 'LR', 5)", "config.LR"),
    "by a function of another module": ("import tool\ntool.change(config)", "config.LR"),
    "list": ("config.LAYERS.append(3)", "config.LAYERS"),
    "dict": ("config.CFG['lr'] = 3e-4\nconfig.CFG['sizes'].append(9)", "config.CFG"),
    "dict by another name": ("from config import CFG\nCFG.update(lr=5)", "config.CFG"),
    "computed dict": ("config.LOADED['lr'] = 5", "config.LOADED"),
    "computed dict by name": ("from config import COMPUTED\nCOMPUTED['lr'] = 5", "config.COMPUTED"),
    "computed name": ("config.DEVICE = 'mps'", "config.DEVICE"),
    "added": ("config.NEW = [1]", "config.NEW"),
    "class": ("config.C.lr = 3e-4", "config.C().lr"),
    "class by name": ("from config import C\nC.lr = 3e-4\nC.more = [1]", "[config.C.lr, config.C.more]"),
    "list of a class": ("config.C.tags.append('x')", "config.C.tags"),
    "method": ("def f(self): return 'new'\nconfig.C.f = f", "[config.C().f(), config.C.g()]"),
    "function": ("def new(): return 'new'\nconfig.old = new", "config.old()"),
    "lambda": ("config.old = lambda: 'lambda'", "config.old()"),
    "object": ("config.plain.lr = 5", "config.plain.lr"),
    "dataclass": ("config.data.lr = 5\nconfig.data.layers.append(1)", "[config.data.lr, config.data.layers]"),
    "namespace": ("config.space.lr = 5\nconfig.space.more = 1", "[config.space.lr, config.space.more]"),
    "object by a function": ("import tool\ntool.change(config.plain)\ntool.change(config.space)", "[config.plain.lr, config.space.lr]"),
    "counter of a function": ("config.client()", "config._calls"),
    "class replaced": ("class New: lr = 7\nconfig.Inner = New", "config.Inner.lr"),
    "patched library": ("import statistics\ndef mine(x): return 'mine'\nstatistics.mean = mine", "statistics.mean([1])"),
    "patched class of a library": ("import json\njson.JSONEncoder.default = lambda self, o: 'mine'", "json.dumps(config.LOCK)"),
    "patched and put back": ("import json\nkept = json.dumps\njson.dumps = None\njson.dumps = kept", "json.dumps(1)"),
    "library patched by a module": ("import tool\ntool.patch()", "tool.statistics.mean([1])"),
    "registry": ("import plug_a, plug_b", "sorted([k, v()] for k, v in registry.OPS.items())"),
    "registry of objects": ("import plug_a, plug_b", "sorted(o.n for o in registry.OBJECTS)"),
    "registry by subclasses": ("import plug_a, plug_b", "sorted(registry.Base.known)"),
}  # fmt: skip
MODULES = {
    "config.py": CONFIG,
    "tool.py": "import statistics\ndef change(o):\n    o.LR = 0.5\n    o.lr = 0.5\ndef _mine(o): return 'tool'\ndef patch(): statistics.mean = _mine\n",
    "registry.py": "from collections import OrderedDict\nOPS = OrderedDict()\nOBJECTS = []\ndef op(f):\n    OPS[f.__name__] = f\n    return f\n"
    "class Base:\n    known = {}\n    def __init_subclass__(cls): Base.known[cls.__name__] = cls\n"
    "@op\ndef own(): return 'own'\n",
    "plug_a.py": "import registry\n@registry.op\ndef add(): return 'a'\nclass A(registry.Base): pass\nclass O:\n    n = 1\nregistry.OBJECTS.append(O())\n",
    "plug_b.py": "import registry\nfrom registry import OPS\nOPS['sub'] = lambda: 'b'\n",
}  # fmt: skip


@pytest.mark.parametrize("home", ["script", "module"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_changed_since_the_import_is_there(kind: str, home: str, tmp_path: Path) -> None:
    change, result = KINDS[kind]
    root = project(tmp_path / "p", MODULES)
    body = f"import config, json, registry, statistics\ndef train():\n    import tool\n    return {result}\n"
    if home == "module":
        (root / "training.py").write_text(body)
        body = "from training import train\nimport config, registry, json\n"
    the_same_there(root, body + change + "\n")


def test_what_the_import_computes_is_computed_in_the_job(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MODULES)
    text = "import config\nconfig.LR = 5\nconfig.client()\ndef train(): return [config.CWD, config.PATHS, config.RANDOM, config.LR, config.client() is config.client()]\n"
    said = session(root, text)
    assert said["error"] == ""
    ended = run(said, tmp_path / "job")
    there, here = ended.raw.get("result"), said["here"]
    assert isinstance(there, list) and isinstance(here, list), ended.stderr
    assert there[3:] == [5, True]
    assert there[:2] == [str(tmp_path / "job"), [str(tmp_path / "job")]]
    assert there[2] != here[2]


def test_nothing_is_sent_of_a_module_that_nobody_changed(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p", MODULES | {"training.py": "import config, registry\ndef train(): return config.LR\n"}
    )
    said = session(root, "from training import train\n")
    assert "steps.json" not in str(said["files"])


def test_what_cannot_be_sent_is_a_finding(tmp_path: Path) -> None:
    root = project(tmp_path / "p", MODULES)
    error = str(session(root, "import config\nconfig.LR = open(__file__)\ndef train(): return config.LR\n")["error"])
    assert "config.LR (config.py" in error
    assert "TextIOWrapper" in error


EDITED = {
    "function": (
        "def f(): return 'new'\nclass C:\n    def g(self): return 1\n",
        "function f runs here as it was before",
    ),
    "constant inside": ("def f():\n    return 'old' + '!'\nclass C:\n    def g(self): return 1\n", "function f runs"),
    "method": ("def f(): return 'old'\nclass C:\n    def g(self): return 2\n", "function C.g runs"),
    "default": ("def f(x=1): return 'old'\nclass C:\n    def g(self): return 1\n", "function f runs"),
    "gone": ("def h(): return 'old'\nclass C:\n    def g(self): return 1\n", "function f runs"),
    "lines only": ("# a comment\n\n\ndef f(): return 'old'\nclass C:\n    def g(self): return 1\n", ""),
}


@pytest.mark.parametrize("kind", EDITED)
def test_a_module_that_was_edited_after_its_import_is_told(kind: str, tmp_path: Path) -> None:
    text, words = EDITED[kind]
    root = project(tmp_path / "p", {"util.py": "def f(): return 'old'\nclass C:\n    def g(self): return 1\n"})
    # Python reads a module again when its time in seconds or its size has changed.
    write = f"open('util.py', 'w').write({text!r})\nos.utime('util.py', (time.time() + 9,) * 2)\n"
    change = f"import util, os, time\n{write}def train(): return [util.f(), util.C().g()]\n"
    said = session(root, change)
    if not words:
        assert said["error"] == ""
        return
    assert words in str(said["error"])
    assert "importlib.reload(util)" in str(said["error"])
    reloaded = session(
        root,
        change.replace("def train", "import importlib\nimportlib.reload(util)\ndef train").replace(
            "return [util.f(), util.C().g()]", "return hasattr(util, 'f')"
        ),
    )
    assert reloaded["error"] == ""

"""What a job is sent of the run-time support: little, in Python 3.8, and whole."""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import dis
import io
import json
import os
import subprocess
import symtable
import sys
import textwrap
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from kubeflow.packaging import bundle, hyperparameter_env
from kubeflow.packaging.bundles.contents import compress
from kubeflow.packaging.bundles.encoding import runtime_files
from kubeflow.packaging.bundles.lean_text import dense, lean
from kubeflow.packaging.bundles.shipment import programs
from kubeflow.packaging.bundles.short_names import shorten_names
from kubeflow.packaging.remote import uses
from tests.packaging.launch import ROOT, launch
from tests.packaging.result_nodes import comparable

USES = [name for name in vars(uses) if name.isupper()]
SETS: list[frozenset[str]] = [frozenset(), *(frozenset({name}) for name in USES), frozenset(USES)]


def texts(used: frozenset[str]) -> dict[str, str]:
    """Every text of a job by its path: the programs, the loader as it travels, and what mpirun needs."""
    alone = programs((("fan_out", "fan_out"),))["fan_out"]
    files = {path: content.decode("utf-8") for path, content in runtime_files(used).items()}
    return {**files, "loader": programs((("loader", ""),), used)["loader"], "fan_out": alone}


def undefined(name: str, text: str) -> set[str]:
    """Return the names that a text reads as globals and does not bind, less those of Python."""
    top = symtable.symtable(text, name, "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    bound |= {s.get_name() for s in top.get_symbols() if s.is_namespace()}
    tables = [top]
    used: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (s.is_global() or table is top)}
    return used - bound - set(dir(builtins)) - {"__file__", "__name__", "__package__"}


@pytest.mark.parametrize("used", SETS, ids=lambda used: "+".join(sorted(used)) if len(used) < 3 else "all")
def test_whatever_is_used_the_text_is_python_3_8_and_names_nothing_that_was_left_out(used: frozenset[str]) -> None:
    for name, text in texts(used).items():
        tree = ast.parse(text, feature_version=(3, 8))
        assert undefined(name, text) == set(), name
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("used", [SETS[0], SETS[-1]], ids=["none", "all"])
def test_nothing_that_is_for_maintainers_is_sent(used: frozenset[str]) -> None:
    for name, text in texts(used).items():
        for node in ast.walk(ast.parse(text)):
            assert not isinstance(node, ast.AnnAssign), name
            assert not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)), name
            assert not (isinstance(node, ast.arg) and node.annotation), name
            assert not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns), name
        assert "#" not in text
        assert "TYPE_CHECKING" not in text
        assert "uses." not in text


def test_what_is_used_more_is_sent_more_and_the_rest_stays_as_it_is() -> None:
    def size(used: frozenset[str]) -> int:
        return sum(map(len, texts(used).values()))

    whole = frozenset(USES)
    assert {name for name in USES if size(whole - {name}) >= size(whole)} == set()
    bare = texts(frozenset())
    assert bare.keys() == {"loader", "fan_out", "kubeflow_main.py", ".kubeflow/_kubeflow_remote.py"}
    assert not [word for word in ("CoercionError", "CodecError", "Assembly") if word in "".join(bare.values())]


def trees_of_ours() -> Iterator[ast.Module]:
    """Every module of the run-time support, without docstrings and types."""
    for path in sorted((ROOT / "kubeflow/packaging/remote").glob("*.py")):
        yield lean(ast.parse(path.read_text("utf-8")), frozenset(USES))


def test_blanks_and_lines_are_taken_out_where_they_mean_nothing() -> None:
    for tree in trees_of_ours():
        text = ast.unparse(tree)
        assert ast.dump(ast.parse(dense(tree))) == ast.dump(ast.parse(text))
        assert len(dense(tree)) <= 0.95 * len(text)


# -- names --------------------------------------------------------------------------------------------------------


def nameless(tree: ast.Module) -> str:
    """Return a program with all names blank that may be shortened."""
    for node in ast.walk(tree):
        for attribute in {"id", "arg", "name"} & set(node._fields):
            if not isinstance(node, ast.keyword | ast.alias) and getattr(node, attribute) is not None:
                setattr(node, attribute, "")
    return ast.dump(tree)


def in_pairs(code: CodeType, other: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield two codes, and those inside of them that stand in the same places."""
    yield code, other
    inner, others = ([each for each in c.co_consts if isinstance(each, CodeType)] for c in (code, other))
    for one, two in zip(inner, others, strict=True):
        yield from in_pairs(one, two)


def names_of(code: CodeType) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of each name that code looks up or binds, in order."""
    steps = [*dis.get_instructions(code)]
    own = {step.argval for step in steps if step.opname == "STORE_NAME"} if code.co_name != "<module>" else set()
    for step in steps:
        if step.opname in ("LOAD_NAME", "STORE_NAME", "LOAD_GLOBAL", "STORE_GLOBAL"):
            yield "class" if step.argval in own else "global", step.argval
        elif step.opname.startswith(("LOAD_", "STORE_", "DELETE_")) and step.opname.endswith(("FAST", "DEREF")):
            yield "local", step.argval


def assert_means_the_same(text: str, short: str) -> None:
    assert nameless(ast.parse(text)) == nameless(ast.parse(short))
    renamed: dict[str, str] = {}
    for one, two in in_pairs(compile(text, "x", "exec"), compile(short, "x", "exec")):
        inside: dict[str, str] = {}
        for (kind, name), (other_kind, other) in zip(names_of(one), names_of(two), strict=True):
            assert kind == other_kind
            assert {"global": renamed, "local": inside, "class": {}}[kind].setdefault(
                name, name if kind == "class" else other
            ) == other
        assert len({*inside.values()}) == len(inside), "two local names became one"
    assert len({*renamed.values()}) == len(renamed), "two global names became one"
    assert {name: other for name, other in renamed.items() if hasattr(builtins, name) or hasattr(builtins, other)} == {
        name: name for name in renamed if hasattr(builtins, name)
    }


def test_names_are_shortened_and_mean_what_they_meant() -> None:
    for tree in trees_of_ours():
        text = ast.unparse(tree)
        shorten_names(tree, frozenset())
        assert_means_the_same(text, ast.unparse(tree))
        assert len(ast.unparse(tree)) < len(text)


HOSTILE = {
    "a name of a class is not seen in its methods": """
        value = 1
        class A:
            value = 2
            def get(self): return value
            items = [value for _ in (1,)]
        print(A.value, A().get(), A.items)
    """,
    "parameters by keyword": "def f(alpha, beta=2, *rest, gamma=3, **more): return alpha, beta, rest, gamma, more\n"
    "print(f(1, 5, 6, gamma=4, delta=7), f(alpha=9))",
    "a method that overrides": """
        import json
        class Encoder(json.JSONEncoder):
            def default(self, o): return str(o)
        print(json.dumps({1}, cls=Encoder), Encoder().default(o=2))
    """,
    "closures, defaults, and names that are short already": """
        a = 1
        def b(c=a):
            d = [c]
            def e(f, a=a): return lambda g: (d, f, g, a, c)
            return e
        print(b()(2)(3), [b for b in (a, a)], {a: b for a, b in [(5, 6)]}, a)
    """,
    "exceptions, with, loops and stars": """
        import contextlib
        try:
            1 / 0
        except ZeroDivisionError as error:
            message = str(error)
        with contextlib.nullcontext((1, [2, 3])) as (first, [*rest]):
            for index, rest[0] in enumerate(rest):
                print(message, first, rest, index)
        del first
        print("first" in dir())
    """,
    "imports inside": """
        def f():
            import os.path as paths, sys
            from math import pi as tau
            def g(): return paths.sep, sys.byteorder, tau
            return g()
        print(f())
    """,
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE)
def test_code_with_short_names_does_what_it_did(code: str) -> None:
    tree = ast.parse(textwrap.dedent(code))
    before = printed_by(ast.unparse(tree))
    shorten_names(tree, frozenset({"f", "first"}))
    assert before.startswith(printed_by(dense(tree)))
    assert printed_by(ast.unparse(tree)) == before != ""


def printed_by(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "x", "exec"), {"__name__": "x"})
    return out.getvalue()


@pytest.mark.parametrize("code", ["def f():\n global x\n x = 1", "x = [y := 1]", "def f():\n def g():\n  nonlocal x"])
def test_names_that_cannot_be_shortened_are_refused(code: str) -> None:
    with pytest.raises(ValueError, match="would have to be shortened"):
        shorten_names(ast.parse(code), frozenset())


LIMIT = 8 * 1024
"""Bytes of a TrainJob of a one-line function, as JSON: a thousand of them are 8 MB in etcd and in every listing."""

SESSION = """
import datetime, json, math, sys
from collections import Counter
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient

RATE = 0.5
NAMES = ["a", "b"]
PAIR = (1, 2)

class Loss:
    def __init__(self, value): self.value = value

def says(): print("trained")
def answer(): return 42
def scaled(lr: float = 0.1) -> float: return 2 * lr
def by_a_global(x: float = 3.0): return RATE * x
def writes(): open("out.txt", "w").write("trained")
def reads(): return open("/dev/null").read()
def of_python(): return math.floor(math.pi)
def counts(): return Counter("aab")["a"]
def makes(): return Loss(2).value
def version():
    import torch
    print(torch.__version__)
def computes():
    import torch
    return torch.ones(2).sum().item()
def of_arrays():
    import numpy as np
    return float(np.arange(3).sum())
def leaves(): sys.exit()
def by_a_list(): return NAMES
def by_a_pair(): return PAIR
def takes_a_set(tags): return sorted(tags)
def takes_a_day(day): print(day.year)

client = TrainerClient(KubernetesBackendConfig(offline=True))
functions = (
    says, answer, scaled, by_a_global, writes, reads, of_python, counts, makes, version, computes, of_arrays, leaves,
    by_a_list, by_a_pair, takes_a_set, takes_a_day,
)
given = {
    "scaled": {"lr": 0.5}, "takes_a_set": {"tags": {"b", "a"}}, "takes_a_day": {"day": datetime.date(2026, 11, 30)}
}
json.dump({
    f.__name__: client.train("torch-distributed", trainer=CustomTrainer(f, func_args=given.get(f.__name__)), dry_run=True)
    .to_dict() for f in functions
}, open(sys.argv[1], "w"))
"""
RESULTS = {
    "says": None,
    "answer": 42,
    "scaled": 1.0,
    "by_a_global": 1.5,
    "writes": None,
    "reads": "",
    "of_python": 3,
    "counts": 2,
    "makes": 2,
    "version": None,
    "computes": 2.0,
    "of_arrays": 3.0,
    "leaves": None,
    "by_a_list": ["a", "b"],
    "by_a_pair": (1, 2),
    "takes_a_set": ["a", "b"],
    "takes_a_day": None,
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """TrainJobs of one-line functions of a script."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "session.py").write_text(SESSION)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "session.py", "jobs.json"], env=env, cwd=folder, check=True)
    found: dict[str, dict[str, object]] = json.loads((folder / "jobs.json").read_text())
    return found


def words_of(job: dict[str, object]) -> list[str]:
    """The words that follow `python`."""
    spec = job["spec"]
    assert isinstance(spec, dict)
    return [str(word) for word in spec["trainer"]["args"]]


@pytest.mark.parametrize("name", RESULTS)
def test_a_train_job_of_a_one_line_function_has_at_most_8_kb(name: str, jobs: dict[str, dict[str, object]]) -> None:
    job = jobs[name]
    size = len(json.dumps(job, separators=(",", ":")))
    assert size <= LIMIT, f"{size} bytes: {parts_of(job)}"


def parts_of(job: dict[str, object]) -> dict[str, int]:
    """Bytes of each part: the words of the command, and for each module in it what it adds when it is compressed."""
    from kubeflow.packaging.bundles.encoding import decode_command
    from kubeflow.packaging.bundles.inspection import unpack_object

    words = words_of(job)
    loader = zlib.decompress(base64.b64decode(words[2]))
    found = dict(zip(("-c", "stage 0", "loader", "header", "payload"), map(len, words), strict=True))
    found["metadata and the rest"] = len(json.dumps(job, separators=(",", ":"))) - sum(found.values())
    whole = unpack_object(job).files
    assert decode_command(["python", *words]).files == whole
    for path in whole:
        rest = b"".join(content for other, content in whole.items() if other != path)
        added = len(compress(rest + whole[path], loader)) - len(compress(rest, loader))
        found[f"of it {path}"] = added * 4 // 3
    return found


@pytest.mark.parametrize(("name", "result"), RESULTS.items())
def test_they_run(name: str, result: object, jobs: dict[str, dict[str, object]], tmp_path: Path) -> None:
    words = [word.replace("torchrun", "python") for word in words_of(jobs[name])]
    header = base64.b64decode(words[3]).replace(b"torchrun", b"python")
    words[3] = base64.b64encode(header).decode("ascii")
    ended = launch([sys.executable, *words], tmp_path)
    assert (ended.code, ended.stderr) == (0, "")
    assert [outcome.result for outcome in ended.outcomes] == [result]


ODD = """
import json, sys
from kubeflow.packaging import bundle

def big(n: int = 70): return {"big": 1 << n, "nan": float("nan"), "list": [n, -n, "text", None, not n]}
def text(n: int = 3): return f"{n}" + "!" * n
def pair(n: int = 3): return n, n
def shadowed(n: int = 3): return len(n)
def len(n): return {n}
def power(n: int = -1): return n ** 0.5
async def later(): return 1
made = {f.__name__: bundle(f).command(python=sys.executable) for f in (big, text, pair, shadowed, power, later)}
json.dump(made, open(sys.argv[1], "w"))
"""


def test_values_of_functions_with_and_without_the_encoder_come_back(tmp_path: Path) -> None:
    (tmp_path / "session.py").write_text(ODD)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "session.py", "out.json"], env=env, cwd=tmp_path, check=True)
    commands = json.loads((tmp_path / "out.json").read_text())
    results = {name: launch(command, tmp_path / name).outcomes[0].result for name, command in commands.items()}
    odd = results.pop("big")
    assert isinstance(odd, dict)
    assert (odd["big"], repr(odd["nan"]), odd["list"]) == (1 << 70, "nan", [70, -70, "text", None, False])
    assert results == {"text": "3!!!", "pair": (3, 3), "shadowed": {3}, "power": (-1) ** 0.5, "later": 1}


TUNED = """
import json, sys
from enum import Enum
from kubeflow.packaging import bundle

class Mode(Enum): FAST = "fast"
def echo(mode: Mode | None = None): return mode
json.dump(bundle(echo, hyperparameters=["mode"]).command(python=sys.executable), open(sys.argv[1], "w"))
"""


def test_a_hyperparameter_that_becomes_an_enum_member_is_a_result(tmp_path: Path) -> None:
    (tmp_path / "session.py").write_text(TUNED)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "session.py", "out.json"], env=env, cwd=tmp_path, check=True)
    command = json.loads((tmp_path / "out.json").read_text())
    ended = launch(command, tmp_path / "job", extra=hyperparameter_env({"mode": "fast"}))
    assert (ended.code, ended.stderr) == (0, "")
    assert comparable(ended.raw["result"]) == ["reduced", [["a", ["'fast'"]], ["c", "'__main__:Mode'"]]]


@pytest.mark.parametrize("used", [SETS[0], SETS[-1]], ids=["none", "all"])
def test_the_support_is_written_once_for_all_bundles_that_use_the_same(used: frozenset[str]) -> None:
    first, second = runtime_files(used), runtime_files(used)
    assert {path for path in first if first[path] is not second[path]} == set()


def repeats(text: str) -> str:
    return text * 2


def test_commands_with_the_same_support_begin_alike_whatever_else_they_carry() -> None:
    made = [bundle(repeats, args={"text": text}) for text in ("a", "another", "b" * 400)]
    payloads = [each.command()[-1] for each in made]
    support = made[0].files()[".kubeflow/_kubeflow_remote.py"]
    loader = zlib.decompress(base64.b64decode(made[0].command()[3]))
    begins_alike = len(compress(support, loader)) * 4 // 3 - 8
    assert begins_alike > 2000
    assert {payload[:begins_alike] for payload in payloads} == {payloads[0][:begins_alike]}

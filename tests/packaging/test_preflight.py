"""What is wrong with a function is said here, all at once, with names and lines and what to do."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError, bundle, call_arguments
from tests.packaging.cases import plain, tunable
from tests.packaging.launch import ROOT, launch, run_bundle


def takes(lr: float, batch_size: int = 1, *, mode: str = "a") -> None: ...


many: Callable[..., object] = takes


def not_tunable(a: list[int], b: dict[str, int]) -> None: ...
def generates() -> Iterator[int]:
    yield 1


async def generates_later() -> object:
    yield 1


def uses_undefined() -> object:
    return undefined_name + another  # type: ignore[name-defined]  # noqa: F821


def refused(target: Callable[..., object], **how: object) -> str:
    with pytest.raises(PackagingError) as caught:
        bundle(target, **how)  # type: ignore[arg-type]
    assert caught.value.findings
    return str(caught.value)


def test_one_error_lists_everything() -> None:
    words = refused(uses_undefined, args={"x": threading.Lock(), "y": 1}, requirements=["-r x"])
    assert "for 6 reasons" in words
    for part in ("name undefined_name (", "name another", "argument x", "argument y", "requirement '-r x'"):
        assert part in words


def uses_a_helper() -> object:
    return uses_undefined()


def test_undefined_names_of_helpers_count() -> None:
    assert "name undefined_name (test_preflight.py:" in refused(uses_a_helper)


def test_an_undefined_name_has_its_line() -> None:
    line = uses_undefined.__code__.co_firstlineno + 1
    assert f"undefined_name (test_preflight.py:{line}): it is not defined" in refused(uses_undefined)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            {"lr": 1.0, "batchsize": 2},
            "argument batchsize: takes does not take it. Did you mean 'batch_size'?",
        ),
        ({}, "argument lr: takes needs it and it is not given. Add 'lr' to the arguments."),
        ({"lr": 1.0, "zzz": 2}, "It takes batch_size, lr, mode."),
        (
            {"lr": threading.Lock()},
            "argument lr: it is a _thread.lock, which is not data. Create it inside the function.",
        ),
        ({"lr": sys.__stdout__}, "argument lr: it is a _io.TextIOWrapper, which is not data. Pass its path"),
    ],
)
def test_arguments_that_do_not_fit(args: dict[str, object], words: str) -> None:
    assert words in refused(takes, args=args)


def test_arguments_of_a_partial_count() -> None:
    assert "bound by position already" in refused(functools.partial(takes, 0.1), args={}, hyperparameters=["lr"])
    assert "4 positional arguments" in refused(functools.partial(many, 1, 2, 3, 4))
    assert bundle(functools.partial(takes, 0.1)).name == "takes"


@pytest.mark.parametrize("target", [generates, generates_later])
def test_generators_are_refused_in_words(target: Callable[..., object]) -> None:
    assert "it is a generator: calling it runs none of its code" in refused(target)


def test_hyperparameters_become_the_annotated_type(tmp_path: Path) -> None:
    made = bundle(tunable.tunable, hyperparameters=["a", "b", "c", "d", "e", "f"])
    texts = {"a": "4.0", "b": "None", "c": "3", "d": "FAST", "e": "true", "f": 'it\'s "$x"'}
    ended = run_bundle(made, tmp_path, extra={f"KUBEFLOW_PARAMETER_{k}": v for k, v in texts.items()})
    assert ended.outcomes[0].result == [4, None, 3, "f", True, 'it\'s "$x"'], ended.stderr


def test_hyperparameters_without_such_a_type_are_refused() -> None:
    words = refused(not_tunable, hyperparameters=["a", "b", "nope"])
    assert "hyperparameter a: it comes as text, and its annotation list[int] is not int" in words
    assert "hyperparameter b" in words
    assert "hyperparameter nope: not_tunable does not take it" in words


def script(tmp_path: Path, text: str) -> str:
    """Run a script that packages its `train`; return what it printed."""
    path = tmp_path / "session.py"
    ending = """
    if __name__ == "__main__":
        from kubeflow.packaging import PackagingError, bundle, call_arguments
        try:
            print(bundle(train).describe())
        except PackagingError as error:
            print(error)
    """
    path.write_text(textwrap.dedent(text) + textwrap.dedent(ending))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, path], env=env, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import threading\nt = threading.Thread()\ndef train(): return t", ["global t (session.py:2): it is a threading.Thread"]),
        ("f = open(__file__)\ndef train(): return f", ["global f (session.py:1): it is a _io.TextIOWrapper"]),
        ("def train(): return np.pi", ["name np (session.py:1): it is not defined"]),
        ("def helper(): return nope\ndef train(): return helper()", ["name nope (session.py:1)"]),
        ("def train(): return late\ndef never_used():\n  global late\n  late = 1", ["name late (session.py:1): it is not defined"]),
        ("from typing import TYPE_CHECKING, cast\nif TYPE_CHECKING:\n  import torch\ndef train(): return cast(torch.Tensor, 1)", ["name torch (session.py:4): session.py:3 imports it for type checkers only"]),
        ("step = 1\ndef train(): return step\ndel step", ["name step (session.py:2): session.py:1 binds it, and it is not there now"]),
        ("def train():\n  if 0:\n    return missing_one\n  return [missing_two for _ in ()]", ["missing_one (session.py:3)", "missing_two (session.py:4)"]),
        ("def outer(x):\n  def train(): return x\n  return train\ntrain = outer(open(__file__))", ["closure variable x of outer.<locals>.train"]),
        ("exec('def train(): return 1')", ["its source is not kept"]),
        ("data = {'a': [1, open(__file__)]}\ndef train(): return data", ["global data['a'][1]"]),
        ("import local_one\ndef train(): return local_one", ["module local_two", "excluded by the ignore rules", "local_one.py:1"]),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_named_with_type_and_line(text: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "local_one.py").write_text("import local_two\n")
    (tmp_path / "local_two.py").write_text("")
    (tmp_path / ".gitignore").write_text("local_two.py\n")
    printed = script(tmp_path, text + "\n")
    for part in words:
        assert part in printed


def test_user_code_is_read_and_not_run(tmp_path: Path) -> None:
    """A module that the function imports lazily would leave a mark if packaging imported it."""
    mark = tmp_path / "mark"
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text(f"open({str(mark)!r}, 'w')\nfrom . import other\n")
    (tmp_path / "pkg" / "other.py").write_text("raise SystemExit('imported')\n")
    text = (
        "class Loud:\n    def __getattr__(self, name): raise SystemExit(name)\n    def __reduce__(self): raise SystemExit\n"
        "def train(a=1):\n    import pkg.other\n    return pkg\n"
    )
    printed = script(tmp_path, text)
    assert "pkg/other.py" in printed
    assert not mark.exists()


def test_annotations_that_nothing_evaluates_do_no_harm(tmp_path: Path) -> None:
    text = "from __future__ import annotations\ndef train(x: Nowhere = 1) -> Neither:\n    y: Nor = x\n    return y\n"
    assert "digest" in script(tmp_path, text)


def test_too_large_says_what_is_large_and_where_else_it_could_go(tmp_path: Path) -> None:
    import secrets

    (tmp_path / "weights.bin").write_bytes(secrets.token_bytes(600 * 1024))
    (tmp_path / "small.bin").write_bytes(secrets.token_bytes(50 * 1024))
    words = refused(plain.version, code_dir=tmp_path)
    assert "the limit is 700 KiB" in words
    assert "weights.bin (800 KiB), small.bin (66 KiB)" in words
    assert "put data into a volume or an object store, or build the code into the image" in words


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"target": None}, "Give either a target"),
        ({"target": plain.version, "module": "x"}, "Give either a target"),
        ({"target": 5}, "A int is neither a function nor the path"),
        ({"target": plain.version, "code_dir": "/nowhere"}, "is not a folder"),
        ({"target": plain.version, "args": ["a"]}, "given by name"),
        ({"target": "nowhere.py"}, "there is no such file"),
        ({"target": __file__, "args": {"x": object()}}, "a command line takes text and numbers"),
        ({"target": plain.version, "hyperparameters": ["größe"]}, "letters of the English alphabet"),
    ],
)
def test_calls_that_make_no_sense(how: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        bundle(**how)  # type: ignore[arg-type]


def test_cloudpickle_is_an_option_and_needs_the_same_python(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    space: dict[str, object] = {"base": 40}
    exec("def train(n): return base + n", space)
    train = space["train"]
    assert callable(train)
    assert "source is not kept" in refused(train, args={"n": 2})
    made = bundle(train, args={"n": 2}, serializer="cloudpickle")
    assert "cloudpickle" in made.requirements
    ended = run_bundle(made, tmp_path / "same")
    assert ended.outcomes[0].result == 42, ended.stderr
    other = next((Path.home() / ".pyenv/versions").glob("3.1[023].*/bin/python"), None)
    if other is not None:
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"

        ended = launch(made.command(python=str(other), install=False), tmp_path / "other")
        assert ended.code == 1
        assert ended.outcomes[0].error is not None
        assert f"packed with cloudpickle under Python {here} and this is Python 3.1" in ended.outcomes[0].error.message


def test_a_call_becomes_arguments_by_name() -> None:
    def positional(a: int, /, b: int, *rest: int, c: int = 0) -> None: ...

    assert call_arguments(takes, 0.1, mode="b") == (takes, {"lr": 0.1, "mode": "b"})
    func, named = call_arguments(positional, 1, 2, 3, c=4)
    assert isinstance(func, functools.partial)
    assert (func.args, named) == ((1, 2, 3), {"c": 4})
    func, named = call_arguments(positional, 1, b=2)
    assert isinstance(func, functools.partial)
    assert (func.args, named) == ((1,), {"b": 2})
    with pytest.raises(PackagingError, match="Did you mean 'batch_size'"):
        call_arguments(takes, 0.1, batchsize=2)  # type: ignore[call-arg]
    with pytest.raises(PackagingError, match="argument lr: takes needs it"):
        call_arguments(takes)  # type: ignore[call-arg]

"""Functions of the standard library that a program has replaced, and objects whose own code fails: neither makes an
error of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kubeflow.core.stdlib import replaced
from kubeflow.packaging import PackagingError, bundle

ROOT = Path(__file__).parents[2]


def output_of(tmp_path: Path, text: str) -> str:
    """Run a script and return what it printed."""
    path = tmp_path / "session.py"
    path.write_text(textwrap.dedent(text))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, path], env=environment, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_functions_that_were_replaced_before_the_import_do_not_reach_ours(tmp_path: Path) -> None:
    text = """
    import base64, inspect, json, os, pickle, re

    def fails(*_):
        raise ZeroDivisionError

    for module, names in {
        json: ["dumps", "dump", "loads"],
        inspect: ["getsource", "getmodule"],
        os: ["getcwd"],
        pickle: ["dumps"],
        re: ["findall", "split", "search"],
        base64: ["b64encode", "b64decode"],
    }.items():
        for name in names:
            setattr(module, name, fails)

    from kubeflow.packaging import bundle

    ITEMS = {"a": (1, 2), "b": b"raw"}

    def train(lr):
        return ITEMS, lr

    made = bundle(train, args={"lr": [0.1, {1: 2}]}, requirements=["numpy>=1"])
    print(made.name, len(made.files()) > 3, made.command(("python",))[0])
    """
    assert output_of(tmp_path, text) == "train True python\n"


def test_methods_that_were_replaced_do_not_reach_ours(tmp_path: Path) -> None:
    text = """
    import json, shlex, textwrap

    def fails(*_, **__):
        raise ZeroDivisionError

    def replace():
        for cls, names in {
            json.JSONEncoder: ["encode", "iterencode", "default"],
            json.JSONDecoder: ["decode", "raw_decode"],
            textwrap.TextWrapper: ["wrap", "fill"],
            shlex.shlex: ["get_token"],
        }.items():
            for name in names:
                setattr(cls, name, fails)

    replace() if BEFORE else None
    from kubeflow.packaging import bundle
    replace()

    ITEMS = {"a": (1, 2), "b": b"raw"}

    def train(lr):
        return ITEMS, lr

    made = bundle(train, args={"lr": [0.1, {1: 2}]}, requirements=["numpy>=1"])
    print(made.name, len(made.files()) > 3)
    """
    assert output_of(tmp_path, text.replace("BEFORE", "True")) == "train True\n"
    assert output_of(tmp_path, text.replace("BEFORE", "False")) == "train True\n"


def test_what_stands_in_place_of_a_function_is_named_where_packing_needs_it(tmp_path: Path) -> None:
    text = """
    from pathlib import Path
    from kubeflow.packaging import PackagingError, bundle

    def no_reader(self):
        return "nothing"

    Path.read_bytes = no_reader
    Path.read_text = no_reader
    Path.resolve = no_reader

    try:
        bundle("session.py")
    except PackagingError as error:
        print(error)
    """
    printed = output_of(tmp_path, text)
    assert "1. pathlib.Path.re" in printed
    assert "__main__.no_reader stands in its place, and packing fails with it: " in printed


class Stubborn:
    def __getstate__(self) -> object:
        raise KeyError("no state today")


def test_functions_of_python_are_its_own() -> None:
    assert replaced(json) == replaced(os) == []


@pytest.mark.parametrize("value", [Stubborn(), [Stubborn()]])
def test_an_object_whose_code_fails_is_a_finding(value: object) -> None:
    def train(given: object) -> object:
        return given

    with pytest.raises(PackagingError, match="KeyError: 'no state today'"):
        bundle(train, args={"given": value})


def test_so_is_one_that_a_function_has_around_it() -> None:
    kept = Stubborn()

    def train() -> object:
        return kept

    with pytest.raises(PackagingError, match="KeyError: 'no state today'"):
        bundle(train)

"""What a session has set in libraries by the time that a job is sent, and what of it is told instead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SEND = """
import json
import warnings
from kubeflow.packaging import PackagingError, bundle

def send(function):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            made = bundle(function)
        except PackagingError as error:
            print(json.dumps({"refused": str(error), "warned": []}))
            return
    steps = next(content for path, content in made.files().items() if path.endswith("steps.json"))
    texts = [step.get("text", "") for step in json.loads(steps)["steps"]]
    print(json.dumps({"text": "\\n".join(texts), "warned": [[str(w.message), w.filename, w.lineno] for w in warned]}))
"""


def sent(tmp_path: Path, text: str) -> dict[str, object]:
    """Run a script that calls `send(function)`. Return the texts that its job executes, or why it was refused."""
    (tmp_path / "sending.py").write_text(SEND)
    path = tmp_path / "session.py"
    path.write_text(textwrap.dedent(text))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [sys.executable, str(path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, object] = json.loads(ended.stdout.splitlines()[0])
    return found


def test_of_a_function_that_is_running_counts_what_it_did_before(tmp_path: Path) -> None:
    text = """
    import decimal, gc, socket, sys
    from sending import send

    def train():
        return gc.isenabled(), decimal.getcontext().prec

    def inner(seconds):
        socket.setdefaulttimeout(seconds)
        send(train)
        gc.set_threshold(1, 2, 3)

    def main(words):
        seconds = float(words[0])
        gc.set_debug(int(words[1]))
        inner(seconds)
        gc.enable()

    main(["2.5", "0"])
    gc.disable()
    """
    found = str(sent(tmp_path, text)["text"])
    assert "gc.set_debug" in found
    assert "socket.setdefaulttimeout(seconds)" in found
    for later in ("set_threshold", "gc.enable", "gc.disable"):
        assert later not in found


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("input()", "input()"),
        ("open(__file__).read()", "open().read()"),
        ("json.load(sys.stdin)", "json.load()"),
        ("sys.argv[1]", "sys.argv"),
        ("read()", "read()"),
    ],
)
def test_what_only_one_call_knew_is_a_finding_that_names_it(given: str, why: str, tmp_path: Path) -> None:
    text = f"""
    import json, locale, sys
    from sending import send

    def read():
        with open(__file__) as stream:
            return stream.read()

    def train():
        return locale.getlocale()

    def main(run):
        if run:
            name = "C" or {given}
            locale.setlocale(locale.LC_ALL, name)

    main(True)
    send(train)
    """
    words = str(sent(tmp_path, text).get("refused"))
    assert "locale.setlocale (session.py:15): main() set it here, and the job cannot repeat that" in words
    assert why.partition("(")[0].partition("[")[0] in words.partition("it depends on ")[2]
    assert "Set it in the function that is sent" in words


def test_what_nothing_sent_names_is_a_warning_at_the_line_that_sends(tmp_path: Path) -> None:
    text = """
    import atexit, locale
    from sending import send

    def train():
        return 1

    def main(run):
        if run:
            locale.setlocale(locale.LC_ALL, "C" or input())

    def close():
        print("closed")

    main(True)
    atexit.register(close)
    send(train)
    """
    found = sent(tmp_path, text)
    warned = found["warned"]
    assert isinstance(warned, list)
    words = [each[0] for each in warned]
    assert [Path(each[1]).name for each in warned] == ["sending.py", "sending.py"]
    assert any("locale.setlocale (session.py:10): main() set it here" in each for each in words)
    assert any("atexit.register(close) (session.py:16)" in each for each in words)


def test_the_functions_of_a_condition_are_sent_with_it(tmp_path: Path) -> None:
    text = """
    import gc, os
    from sending import send

    def is_small():
        return (os.cpu_count() or 1) < 1000

    def wide(n):
        return [n for _ in range(2)]

    def train():
        return gc.isenabled()

    def setup():
        for one, two in [wide(7), wide(8)]:
            if is_small():
                gc.set_threshold(one, two)

    setup()
    send(train)
    """
    found = str(sent(tmp_path, text)["text"])
    assert "if is_small():" in found
    assert "gc.set_threshold(one, two)" in found


def test_settings_of_libraries_that_the_job_does_not_use_stay_here(tmp_path: Path) -> None:
    text = """
    import numpy as np
    from sending import send

    def train():
        return 1

    def setup(file):
        np.set_printoptions(precision=len(open(file).read()))
        if file:
            np.seterr(all="raise")

    setup(__file__)
    send(train)
    """
    found = sent(tmp_path, text)
    assert found == {"text": found["text"], "warned": []}
    assert "np" not in str(found["text"])

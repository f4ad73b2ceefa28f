"""Compares what a call did here with what its jobs did: result, output, exit code, and the user's lines of an error."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.packaging.differential.cases import Case

HERE = Path(__file__).parent

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case: `right`, `refused` before the start, `failed` in the job, or `different` without an error.

    `words` say what differs, or why it was refused.
    """

    kind: Literal["right", "refused", "failed", "different"]
    words: str = ""


class Player:
    """A process that plays cases for one side, one after the other."""

    def __init__(self, side: str, *, path: str = "") -> None:
        self._side = side
        environment = {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "play.py"), side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**_without_harness(), **environment},
        )

    def play(self, case: Case, folder: Path) -> Verdict:
        """Play `case` in the empty `folder`, and compare."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        project = folder / "project"
        if case.folder is not None:
            shutil.copytree(case.folder, project)
        else:
            project.mkdir()
            shutil.copy(case.path, project)
        request = {
            "path": str(project / case.path.name),
            "form": case.form,
            "call": case.call,
            "runtime": case.runtime,
            "side": self._side,
            "folder": str(folder),
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the player of {self._side} has ended: exit code {self._process.wait()}")
        return judge(json.loads(answer), project, strict=self._side == "ours")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _without_harness() -> dict[str, str]:
    import os

    left_out = ("PYTHON", "KUBEFLOW_", "COV_", "PYTEST")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def judge(report: Report, project: Path, *, strict: bool = True) -> Verdict:
    """Compare the ways of a report with the call here.

    Args:
        report: What `play.py` answered.
        project: The folder of the user's files.
        strict: True when warnings must name the user's file and line.
    """
    here, sent = report["here"], report["sent"]
    if "result" not in here and "error" not in here and here["code"] != 0:
        raise AssertionError(f"the case does not run here: {here}\n{sent}")
    if "broken" in sent:
        return Verdict("failed", f"sending it broke: {sent['broken']}")
    if "refused" in sent:
        return Verdict("refused", sent["refused"])
    ends = {way: end for way, end in sent["ways"].items() if "refused" not in end}
    for way, end in ends.items():
        verdict = _compared(here, end, project, strict)
        if verdict.kind != "right":
            return Verdict(verdict.kind, f"{way}: {verdict.words}")
    # What only pickle can carry runs on this machine, in the same Python, and is refused for others.
    refused = [f"{way}: {end['refused']}" for way, end in sent["ways"].items() if way not in ends]
    if refused:
        return Verdict("refused", refused[0])
    return Verdict("right")


def _compared(here: Report, end: Report, project: Path, strict: bool) -> Verdict:
    differences: list[str] = []
    if end["code"] != here["code"]:
        last = (end["output"][-1].strip().splitlines() or ["no output"])[-1]
        differences.append(f"exit code {end['code']} instead of {here['code']}: {last}")
    told = {key: end[key] for key in ("result", "error") if key in end}
    for key, value in told.items():
        if here.get(key, value if key == "result" and "error" in here else None) != value:
            differences.append(f"{key} {value!r} instead of {here.get(key)!r}")
    if end.get("unsaid"):
        differences.append(f"no result: {end['unsaid']}")
    if "frames" in end and (places := _frames(end, project)) != (expected := _frames(here, project)):
        differences.append(f"traceback {places} instead of {expected}")
    if not _same_output(here, end["output"], project, strict):
        differences.append(f"output {end['output']!r} instead of {here['output']!r}")
    if not differences:
        return Verdict("right")
    failed = end["code"] not in (0, here["code"])
    return Verdict("failed" if failed else "different", "; ".join(differences))


def _frames(end: Mapping[str, Any], project: Path) -> list[list[object]]:
    """Return the lines of the user's own files: `[name, line, function]`."""
    names = {path.name for path in project.rglob("*.py")}
    places = [[_named(file, project), line, function] for file, line, function in end.get("frames", ())]
    return [
        [Path(str(file)).name, *rest] for file, *rest in places if str(file)[:4] == "In [" or Path(file).name in names
    ]


def _named(text: str, project: Path) -> str:
    """Put the names that users know in place of IPython's and of full paths."""
    text = re.sub(r"<ipython-input-(\d+)-[0-9a-f]+>", r"In [\1]", text)
    return re.sub(r" at 0x[0-9a-f]+", "", text.replace(f"{project}/", ""))


def _same_output(here: Report, output: list[str], project: Path, strict: bool) -> bool:
    """Compare both streams, or both in one. What modules print while they are imported belongs to the session here."""
    stdout, stderr = (_lines(text, project) for text in here["output"])
    before = [_lines(text, project) for text in here["session"]]
    there = [_lines(text, project) for text in output]
    if not strict:
        stdout, stderr, *before = map(_unplaced, (stdout, stderr, *before))
        there = [_unplaced(lines) for lines in there]
    for out, err in ((stdout, stderr), (before[0] + stdout, before[1] + stderr)):
        if there == [out, err] or (len(there) == 1 and sorted(there[0]) == sorted(out + err)):
            return True
    return False


def _unplaced(lines: list[str]) -> list[str]:
    """Return lines without the place of a warning, and without the line of source that is shown below it."""
    kept: list[str] = []
    for line in lines:
        warned = re.fullmatch(r"\S+:\d+: (\w*Warning: .*)", line)
        if warned:
            kept.append(warned[1])
        elif not (kept and line.startswith("  ") and re.match(r"\w*Warning: ", kept[-1])):
            kept.append(line)
    return kept


def _lines(text: str, project: Path) -> list[str]:
    """Split into lines, without tracebacks: their frames are compared, and each Python draws them in its own way."""
    kept: list[str] = []
    inside = False
    for line in _named(text, project).splitlines():
        if line.startswith("Traceback (most recent call last)"):
            inside = True
        elif inside and (not line.startswith(" ") and line):
            inside = False
        elif not inside:
            kept.append(line)
    return kept

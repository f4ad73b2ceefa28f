"""Every kind of function and argument runs elsewhere as it runs here, through both forms of the command."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.launch import CASES, in_parallel, launch, user_session
from tests.packaging.result_nodes import comparable

PROJECT = CASES / "project"
FORMS = ("plain", "shell")

# How the user's code came to be: run as a script, or imported from a module.
WRITERS = {
    ("functions", "script"): ["functions.py", "{out}"],
    ("functions", "module"): ["-c", "import functions as f; f.emit({out!r}, f.CASES)"],
    ("arguments", "script"): ["arguments.py", "{out}"],
    ("arguments", "module"): ["-c", "import arguments as a; a.functions.emit({out!r}, a.CASES)"],
}

# Both forms carry the same bundle: the second need not repeat every way of making it.
LAUNCHES = [(key, form) for key in WRITERS for form in FORMS if key[1] == "script" or form == "plain"]

Packed = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Packed]:
    """Package all cases in user sessions; every case says what its function returned there."""
    folder = tmp_path_factory.mktemp("packed")
    found: dict[tuple[str, str], Packed] = {}
    for key, words in WRITERS.items():
        out = folder / ("-".join(key) + ".json")
        user_session([word.format(out=str(out)) for word in words], cwd=PROJECT)
        found[key] = json.loads(out.read_text())
    return found


def difference(name: str, case: dict[str, object], form: str, directory: Path) -> str:
    """Run one case; return "" or what went wrong."""
    if "error" in case:
        return f"{name}: refused: {case['error']}"
    command, variables = case[form], case.get("env", {})
    assert isinstance(command, list)
    assert isinstance(variables, dict)
    ended = launch(command, directory / name, variables if form == "shell" else None)
    if ended.code or comparable(ended.raw.get("result")) != comparable(case["expected"]):
        return f"{name}: exit {ended.code}, {ended.raw} instead of {case['expected']}\n{ended.stderr}"
    return ""


def test_the_table_holds_forty_kinds_and_more(packed: dict[tuple[str, str], Packed]) -> None:
    names = {name for cases in packed.values() for name in cases}
    assert len(names) >= 70, sorted(names)


@pytest.mark.parametrize(("writer", "form"), LAUNCHES, ids=lambda v: v if isinstance(v, str) else "-from-".join(v))
def test_each_kind_returns_there_what_it_returns_here(
    packed: dict[tuple[str, str], Packed], writer: tuple[str, str], form: str, tmp_path: Path
) -> None:
    cases = packed[writer]
    found = in_parallel(lambda item: difference(item[0], item[1], form, tmp_path), cases.items())
    assert [text for text in found if text] == []


@pytest.mark.parametrize(("table", "form"), [("functions", "plain"), ("functions", "shell"), ("arguments", "plain")])
def test_each_kind_runs_under_torchrun_on_every_rank(
    packed: dict[tuple[str, str], Packed], table: str, form: str, tmp_path: Path
) -> None:
    """One launch runs the whole table, closed over as one function: torchrun takes seconds to start."""
    pytest.importorskip("torch")
    out = tmp_path / "command.json"
    user_session([f"{table}.py", str(out), form], cwd=PROJECT)
    command, variables = json.loads(out.read_text())
    ended = launch(command, tmp_path / "job", variables)
    assert ended.code == 0, ended.stderr
    assert [o.rank for o in ended.outcomes] == [0, 1]
    cases = packed[table, "script"]
    for rank in (0, 1):
        result = json.loads((tmp_path / f"job/outcomes/rank-{rank}.json").read_text())["result"]
        assert apart(result, cases) == expected_of(cases)


def apart(result: dict[str, Any], names: Iterable[str]) -> dict[str, object]:
    """Return the results of a table one by one: what two of them share stands in each."""
    whole: Any = comparable(result)
    found = {json.loads(name.replace("'", '"')): part for name, part in whole[1]}
    return {name: found[name] for name in names}


def expected_of(cases: Packed) -> dict[str, object]:
    return {name: comparable(case["expected"]) for name, case in cases.items()}


LOCAL_WRITERS = {
    ("functions", "script"): ["functions.py", "{out}", "local"],
    ("functions", "module"): ["-c", "import functions as f; f.run_locally({out!r}, f.run_all)"],
    ("arguments", "script"): ["arguments.py", "{out}", "local"],
    ("arguments", "module"): ["-c", "import arguments as a; a.functions.run_locally({out!r}, a.run_all)"],
}


def test_each_kind_comes_back_from_a_job_of_this_machine(packed: dict[tuple[str, str], Packed], tmp_path: Path) -> None:
    """One job runs a whole table; what its functions returned comes back as the job's result."""
    pytest.importorskip("torch")

    def came_back(key: tuple[str, str]) -> dict[str, Any]:
        out = tmp_path / "-".join(key)
        user_session([word.format(out=str(out)) for word in LOCAL_WRITERS[key]], cwd=PROJECT)
        found: dict[str, Any] = json.loads(out.read_text())
        return found

    for key, found in zip(LOCAL_WRITERS, in_parallel(came_back, LOCAL_WRITERS), strict=True):
        cases = packed[key]
        assert apart(found, cases) == expected_of(cases)

"""The benchmarks' own arithmetic, table and JSON. No test here depends on how long anything takes."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.__main__ import Exit, exit_code, main, summary
from tests.bench.cases import Case, Metric, Place, Probe, Unit
from tests.bench.catalogue import CASES
from tests.bench.environments import Environments, tree_hash
from tests.bench.probes import bare, importing, looking_out, looping, running
from tests.bench.process import Interpreter, Sample, take
from tests.bench.record import header, record
from tests.bench.requirements import (
    Always,
    AtMost,
    AtMostTimesLimit,
    AtMostTimesYardstick,
    BetterThanPeer,
    Requirement,
)
from tests.bench.rounds import Budget, run, run_all
from tests.bench.rows import Row, Verdict
from tests.bench.series import Missing, Series, Side, Sides, ratio, spread
from tests.bench.table import figure, table

ROOT = Path(__file__).parents[1]
HERE = Interpreter((sys.executable, "-I"), {})
GONE = Missing("not installable")


def row(
    ours: Side,
    peer: Side = GONE,
    limit: Side = GONE,
    yardstick: Side = GONE,
    *,
    requirement: Requirement | None = None,
    unit: Unit = Unit.SECONDS,
    metric: str = "a metric",
) -> Row:
    return Row("a case", metric, unit, Sides(ours, peer, limit, yardstick), "nothing", "something", requirement)


# --- arithmetic


def test_a_spread_has_the_median_and_interpolated_quartiles() -> None:
    figures = spread((5.0, 1.0, 2.0, 4.0, 3.0))
    assert (figures.low, figures.q1, figures.median, figures.q3, figures.high, figures.n) == (
        1,
        2,
        3,
        4,
        5,
        5,
    )


def test_a_single_figure_is_its_own_spread() -> None:
    figures = spread((7.0,))
    assert (figures.low, figures.q1, figures.median, figures.q3, figures.high, figures.n) == (
        7,
        7,
        7,
        7,
        7,
        1,
    )


def test_ratios_are_paired_by_round_so_that_a_slow_round_cancels_out() -> None:
    calm_then_loaded = Series((1.0, 10.0, 1.0))
    twice_as_slow = Series((2.0, 20.0, 2.0))
    paired = ratio(twice_as_slow, calm_then_loaded)
    assert paired is not None
    assert (paired.low, paired.median, paired.high) == (2, 2, 2)


@pytest.mark.parametrize(("left", "right"), [(GONE, Series((1.0,))), (Series((1.0,)), GONE), (GONE, GONE)])
def test_a_missing_side_has_no_ratio(left: Side, right: Side) -> None:
    assert ratio(left, right) is None


def test_a_ratio_to_zero_is_none_rather_than_an_error() -> None:
    assert ratio(Series((1.0, 1.0)), Series((1.0, 0.0))) is None


# --- requirements


@pytest.mark.parametrize(
    ("requirement", "verdict"),
    [
        (AtMost(2.0), Verdict.MET),
        (AtMost(1.9), Verdict.MISSED),
        (Always(2.0), Verdict.MISSED),
        (AtMostTimesLimit(2.0), Verdict.MET),
        (AtMostTimesLimit(1.9), Verdict.MISSED),
        (AtMostTimesYardstick(0.5), Verdict.MET),
        (AtMostTimesYardstick(0.4), Verdict.MISSED),
        (BetterThanPeer(3.0), Verdict.MET),
        (BetterThanPeer(3.1), Verdict.MISSED),
    ],
)
def test_a_requirement_is_judged_on_medians(requirement: Requirement, verdict: Verdict) -> None:
    judged = row(
        Series((2.0, 2.0, 9.0)),
        Series((6.0, 6.0, 27.0)),
        Series((1.0, 1.0, 8.0)),
        Series((4.0, 4.0, 36.0)),
        requirement=requirement,
    )
    assert judged.verdict is verdict


@pytest.mark.parametrize(
    "requirement", [AtMost(1), Always(1), AtMostTimesLimit(1), AtMostTimesYardstick(1), BetterThanPeer(1)]
)
def test_a_requirement_without_the_figures_it_needs_is_not_shown(requirement: Requirement) -> None:
    assert row(GONE, requirement=requirement).verdict is Verdict.UNKNOWN


def test_a_row_without_a_requirement_has_no_verdict() -> None:
    assert row(GONE).verdict is None


# --- rounds


def case(*, ours: Probe | Missing, peer: Probe | Missing = GONE, limit: Probe | Missing = GONE) -> Case:
    return Case("a case", (Metric("wall", "a metric"),), ours, peer, limit, "nothing", rounds=3, warmup=1)


def probe(name: str) -> Probe:
    return Probe(Place.OURS, (name,))


class Recorder:
    """Takes samples by handing out prepared ones, and remembers whose turn it was."""

    def __init__(self, samples: dict[str, Iterable[Sample | Missing]]) -> None:
        self.samples = {name: iter(each) for name, each in samples.items()}
        self.turns: list[str] = []

    def __call__(self, taken: Probe) -> Sample | Missing:
        (name,) = taken.arguments
        self.turns.append(name)
        return next(self.samples[name])


def walls(*values: float) -> list[Sample]:
    return [{"wall": value} for value in values]


def test_sides_take_turns_and_the_warm_up_is_thrown_away() -> None:
    taken = Recorder({"A": walls(99, 1, 2, 3), "B": walls(99, 4, 5, 6), "C": walls(99, 7, 8, 9)})
    whole = case(ours=probe("A"), peer=probe("B"), limit=probe("C"))
    (result,) = run(whole, taken)
    assert taken.turns == ["A", "B", "C"] * 4
    assert (result.sides.ours, result.sides.peer, result.sides.limit) == (
        Series((1, 2, 3)),
        Series((4, 5, 6)),
        Series((7, 8, 9)),
    )


class Clock:
    """Time as the samples take it: each that is taken costs its wall time."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.now = 0.0
        self.samples = iter(samples)

    def __call__(self) -> float:
        return self.now

    def take(self, _: Probe) -> Sample:
        sample = next(self.samples)
        self.now += sample["wall"]
        return sample


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        (4, (1, 1, 1)),  # a warm-up and three rounds
        (3.5, (1, 1)),
        (1.5, (1,)),  # the warm-up alone: it counts
        (0, (1,)),
    ],
)
def test_rounds_are_made_while_the_time_of_the_case_lasts(seconds: float, kept: tuple[float, ...]) -> None:
    clock = Clock(walls(1, 1, 1, 1))
    (result,) = run(case(ours=probe("A")), clock.take, seconds=seconds, clock=clock)
    assert result.sides.ours == Series(kept)


def test_a_budget_is_shared_by_weight_and_what_is_left_goes_to_the_later_cases() -> None:
    clock = Clock(())
    budget = Budget(100, weights=4, clock=clock)
    assert budget.share(2) == 50
    clock.now = 20
    assert budget.share(1) == 40
    clock.now = 110
    assert budget.spent
    assert budget.share(1) == 0


def test_cases_with_a_bound_come_first_and_what_the_time_does_not_reach_is_named() -> None:
    clock = Clock(walls(*[10] * 4))
    free = replace(case(ours=probe("A")), name="free")
    bound = replace(free, name="bound", metrics=(Metric("wall", "a metric", requirement=AtMost(1)),))
    rows, unreached = run_all([free, bound], clock.take, Budget(25, weights=2, clock=clock))
    assert [each.case for each in rows] == ["free", "bound"]
    assert unreached == []
    rows, unreached = run_all([free, bound], clock.take, Budget(5, weights=2, clock=clock))
    assert [each.case for each in rows] == ["bound"]
    assert unreached == [free]


def test_a_side_that_fails_in_any_round_is_out_with_its_reason() -> None:
    broken = Missing("exit code 1: no module")
    taken = Recorder({"A": walls(0, 1, 2, 3), "B": [*walls(0, 1), broken]})
    (result,) = run(case(ours=probe("A"), peer=probe("B")), taken)
    assert result.sides.ours == Series((1, 2, 3))
    assert result.sides.peer == broken
    assert taken.turns.count("B") == 3


def test_a_declared_gap_keeps_its_reason() -> None:
    taken = Recorder({"A": walls(0, 1, 2, 3)})
    (result,) = run(case(ours=probe("A"), peer=Missing("has none")), taken)
    assert result.sides.peer == Missing("has none")


def test_a_figure_that_a_side_does_not_report_is_missing_not_zero() -> None:
    taken = Recorder({"A": [{"cpu": 1.0}] * 4})
    (result,) = run(case(ours=probe("A")), taken)
    assert isinstance(result.sides.ours, Missing)


def test_what_stands_beside_the_sides_is_set_up_first_and_all_miss_without_it() -> None:
    taken = Recorder({"A": walls(1, 2, 3, 4)})
    order: list[str] = []

    def there() -> None:
        assert taken.turns == []
        order.append("set up")

    run(replace(case(ours=probe("A")), beside=there), taken)
    assert order == ["set up"]
    without = replace(case(ours=probe("A"), peer=probe("B")), beside=lambda: Missing("no server"))
    (result,) = run(without, Recorder({}))
    assert (result.sides.ours, result.sides.peer) == (Missing("no server"), Missing("no server"))


# --- another machine

BOUND = [(each, metric) for each in CASES for metric in each.metrics if metric.requirement is not None]


@pytest.mark.parametrize(
    ("case", "metric"),
    [(each, metric) for each, metric in BOUND if metric.unit is Unit.SECONDS],
    ids=[f"{each.name}-{metric.key}" for each, metric in BOUND if metric.unit is Unit.SECONDS],
)
def test_a_bound_on_time_is_a_ratio_that_no_slower_machine_changes(case: Case, metric: Metric) -> None:
    assert not isinstance(metric.requirement, AtMost | Always)
    if isinstance(metric.requirement, AtMostTimesYardstick):
        assert case.yardstick is not None
    verdicts = set()
    for slower in (1, 2.5, 10):
        for waver in ((1, 1, 1), (1, 4, 1), (3, 1, 2)):  # other programs come and go between rounds

            def figures(seconds: float, slower: float = slower, waver: Sequence[float] = waver) -> Series:
                return Series(tuple(seconds * slower * each for each in waver))

            sides = Sides(figures(0.04), figures(0.3), figures(0.02), figures(0.01))
            verdicts.add(metric.requirement.met(sides) if metric.requirement else None)
    assert len(verdicts) == 1
    assert verdicts != {None}


# Starts a program and lets it run for a fifth of the time.
_THROTTLE = """
import signal, subprocess, sys, time
process = subprocess.Popen(sys.argv[1:])
while process.poll() is None:
    time.sleep(0.005)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.02)
    process.send_signal(signal.SIGCONT)
sys.exit(process.returncode)
"""


def test_a_verdict_is_the_same_where_programs_run_at_a_fifth_of_the_speed() -> None:
    (measured,) = (each for each in CASES if each.name == "package one function")
    few = replace(measured, peer=GONE, limit=GONE, rounds=3, warmup=0)
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
    full = Interpreter((sys.executable,), paths)
    throttled = Interpreter((sys.executable, "-c", _THROTTLE, sys.executable), paths)
    (fast,) = run(few, lambda probe: take(probe, full))
    (slow,) = run(few, lambda probe: take(probe, throttled))
    assert isinstance(fast.sides.ours, Series)
    assert isinstance(slow.sides.ours, Series)
    assert spread(slow.sides.ours.values).median > spread(fast.sides.ours.values).median
    assert fast.verdict is slow.verdict is Verdict.MET
    for each in (fast.sides, slow.sides):  # a project that takes twenty times as long is caught at either speed
        assert isinstance(each.ours, Series)
        slower = replace(each, ours=Series(tuple(20 * seconds for seconds in each.ours.values)))
        assert replace(fast, sides=slower).verdict is Verdict.MISSED


def test_what_a_yardstick_says_can_be_taken() -> None:
    for yardstick in {each.yardstick.name: each.yardstick for each in CASES if each.yardstick is not None}.values():
        assert _figure(yardstick.probe, yardstick.key) > 0


# --- table


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.234, Unit.SECONDS, "1.23 s"),
        (0.1234, Unit.SECONDS, "123 ms"),
        (0.0000456, Unit.SECONDS, "45.6 us"),
        (0.0, Unit.SECONDS, "0 s"),
        (86e6, Unit.BYTES, "86 MB"),
        (1762, Unit.COUNT, "1762"),
        (1, Unit.TRUTH, "yes"),
        (0, Unit.TRUTH, "no"),
    ],
)
def test_figures_are_written_to_three_digits(value: float, unit: Unit, text: str) -> None:
    assert figure(value, unit) == text


def test_the_table_marks_a_missed_requirement_and_explains_a_gap_once() -> None:
    slow = row(Series((0.4, 0.4)), GONE, GONE, Series((0.1, 0.1)), requirement=AtMostTimesYardstick(3))
    text = table([slow, row(Series((1.0,)), GONE, Series((1.0,)))])
    columns = text.splitlines()[3].split()
    assert columns[-5:] == ["2", "<=", "3x", "yardstick", "MISSED"]
    assert columns.count("100") == 1
    assert "4x" in columns
    assert text.count("peer: not installable") == 1
    assert text.count("[1]") == 3  # two rows and the note


def test_what_held_in_all_rounds_but_one_is_a_no_and_has_no_ratio() -> None:
    wavering = row(Series((1.0, 1.0, 0.0)), Series((1.0, 1.0, 1.0)), unit=Unit.TRUTH)
    assert wavering.peer_to_ours is None
    assert table([wavering]).splitlines()[3].split()[:4] == ["a", "metric", "no", "yes"]


def test_the_table_is_aligned() -> None:
    lines = table([row(Series((0.4,)), Series((0.8,)), Series((0.1,))), row(Series((123.0,)))]).splitlines()
    head, first, second = lines[0], lines[3], lines[4]
    assert first[head.index("ours") :].startswith("400 ms")
    assert second[head.index("ours") :].startswith("123 s")
    assert first[head.index("peer/ours") :].startswith("2x")
    assert first[head.index("ours/limit") :].startswith("4x")


# --- JSON


def test_the_json_has_every_figure_and_every_reason() -> None:
    rows = [row(Series((2.0, 4.0)), Series((4.0, 8.0)), GONE, requirement=AtMost(1.0))]
    head = header({"ours": {"pydantic": "2.0"}}, quick=True, load=0.5)
    value = json.loads(json.dumps(record(head, rows)))
    assert set(value) == {"header", "rows", "left_out"}
    assert set(value["header"]) == {
        "schema",
        "python",
        "platform",
        "processor",
        "day",
        "cpus",
        "load_before",
        "quick",
        "versions",
    }
    (first,) = value["rows"]
    assert first["name"] == "a case: a metric"
    assert first["unit"] == "s"
    assert first["n"] == 2
    assert first["ours"]["samples"] == [2.0, 4.0]
    assert first["ours"]["figures"] == {"median": 3, "low": 2, "q1": 2.5, "q3": 3.5, "high": 4, "n": 2}
    assert first["limit"] == {"figures": None, "samples": [], "missing": "not installable"}
    assert first["peer_to_ours"]["median"] == 2
    assert first["ours_to_limit"] is None
    assert first["yardstick"]["missing"] == "not installable"
    assert first["yardstick_is"] == "something"
    assert first["requirement"] == {"text": "<= 1 s", "verdict": "missed"}


# --- probes, run for real in this interpreter


def test_an_import_reports_time_memory_and_modules() -> None:
    sample = take(importing(Place.BARE, "import json"), HERE)
    assert not isinstance(sample, Missing)
    assert set(sample) == {"wall", "cpu", "import", "memory", "modules"}
    assert sample["wall"] > sample["import"] > 0
    assert sample["memory"] > 2**20
    assert sample["modules"] > 10


def test_memory_is_the_process_own_and_not_inherited_from_the_harness() -> None:
    ballast = bytearray(200 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    sample = take(bare(Place.BARE), HERE)
    assert not isinstance(sample, Missing)
    assert sample["memory"] < 100 * 2**20 < len(ballast)


def test_looking_out_counts_what_was_only_looked_for() -> None:
    guarded = "try:\n    import no_such_package\nexcept ImportError:\n    pass"
    assert _figure(looking_out(Place.BARE, guarded, ("no_such_package",)), "found") == 1
    assert _figure(looking_out(Place.BARE, "pass", ("no_such_package",)), "found") == 0


def test_a_loop_reports_each_statement_and_each_check() -> None:
    looped = looping(
        Place.BARE,
        "total = sum(numbers)",
        {"add": "total + 1"},
        checks={"right": "total == 6", "wrong": "total == 7"},
        inputs={"numbers": [1, 2, 3]},
        seconds=0.01,
    )
    sample = take(looped, HERE)
    assert not isinstance(sample, Missing)
    assert 0 < sample["add"] < 1
    assert (sample["right"], sample["wrong"]) == (1, 0)


def test_a_module_runs_with_its_arguments_in_an_empty_folder() -> None:
    sample = take(running(Place.BARE, "tabnanny", "$BENCH_SCRATCH"), HERE)
    assert not isinstance(sample, Missing)
    assert sample["memory"] > 2**20


def test_a_failing_process_is_missing_with_the_last_thing_it_said() -> None:
    failed = take(importing(Place.BARE, "import no_such_package"), HERE)
    assert failed == Missing("exit code 1: ModuleNotFoundError: No module named 'no_such_package'")


def test_a_process_that_does_not_end_is_ended() -> None:
    endless = Probe(Place.BARE, ("-c", "import time; time.sleep(600)"), timeout=0.5)
    assert take(endless, HERE) == Missing("no end after 0.5 s: no output")


# --- what is declared, and what is installed


def test_rows_have_names_of_their_own() -> None:
    names = [f"{each.name}: {metric.name}" for each in CASES for metric in each.metrics]
    assert len(names) == len(set(names))


def test_the_tree_hash_sees_content_and_names_but_not_compiled_files(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text("1")
    before = tree_hash(tmp_path, ("pkg", "absent.md"))
    (tmp_path / "pkg" / "a.pyc").write_text("x")
    assert tree_hash(tmp_path, ("pkg", "absent.md")) == before
    (tmp_path / "pkg" / "a.py").write_text("2")
    changed = tree_hash(tmp_path, ("pkg", "absent.md"))
    (tmp_path / "pkg" / "a.py").rename(tmp_path / "pkg" / "b.py")
    assert len({before, changed, tree_hash(tmp_path, ("pkg", "absent.md"))}) == 3


def test_an_environment_is_made_once_and_again_after_an_interrupted_set_up(tmp_path: Path) -> None:
    said: list[str] = []
    made = Environments(tmp_path, said.append).interpreter(Place.BARE)
    assert not isinstance(made, Missing)
    assert Path(made.command[0]).exists()
    assert Environments(tmp_path, said.append).interpreter(Place.BARE) == made
    assert len(said) == 1
    Path(made.command[0]).parents[1].joinpath("complete").unlink()
    assert Environments(tmp_path, said.append).interpreter(Place.BARE) == made
    assert len(said) == 2


def test_an_environment_that_cannot_be_made_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("a file where a folder should be")
    made = Environments(tmp_path, lambda _: None).interpreter(Place.BARE)
    assert isinstance(made, Missing)
    assert made.reason.startswith("no environment: ")


# --- command line


def test_the_last_line_and_the_exit_code_say_which_bounds_hold() -> None:
    holds = row(Series((1.0,)), requirement=AtMost(1.0))
    missed = row(Series((2.0,)), requirement=AtMost(1.0), metric="slow")
    unknown = row(GONE, requirement=AtMost(1.0), metric="unknown")
    assert summary([holds, row(GONE)]) == "bench: 1 of 1 bounds hold"
    assert exit_code([holds, row(GONE)]) is Exit.HOLD
    assert summary([holds, missed]) == "bench: 1 of 2 bounds hold; missed: a case: slow"
    assert exit_code([holds, missed]) is Exit.MISSED
    assert summary([missed, unknown, holds]).endswith("; missed: a case: slow; not shown: a case: unknown")
    assert exit_code([missed, unknown, holds]) is Exit.MISSED
    assert exit_code([holds, unknown]) is Exit.NOT_SHOWN
    bound = replace(case(ours=GONE), metrics=(Metric("wall", "a metric", requirement=AtMost(1)),))
    assert summary([holds], [bound, case(ours=GONE)]).endswith("hold; 1 not reached in the time of the run")
    assert exit_code([holds], [bound]) is Exit.NOT_SHOWN
    assert exit_code([holds], [case(ours=GONE)]) is Exit.HOLD


def test_a_pattern_that_fits_no_case_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "no such case"]) == 2
    assert CASES[0].name in capsys.readouterr().err


def _figure(taken: Probe, key: str) -> float:
    sample = take(taken, HERE)
    assert not isinstance(sample, Missing), sample.reason
    return sample[key]


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("local:")], ids=lambda case: case.name)
def test_what_measures_our_local_jobs_goes_with_the_code_that_it_measures(case: Case) -> None:
    assert isinstance(case.ours, Probe)  # its program is a text, which no type checker reads
    assert not isinstance(take(case.ours, Interpreter((sys.executable,), {})), Missing)

"""Runs a case: rounds in which every side has its turn, as many as its time allows, and turns the samples into rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.cases import Case, Metric, Probe
from tests.bench.environments import Environments
from tests.bench.process import Sample, take
from tests.bench.rows import Row
from tests.bench.series import Missing, Series, Side, Sides

Taker = Callable[[Probe], Sample | Missing]
Clock = Callable[[], float]


def taker(environments: Environments) -> Taker:
    """Return what takes one sample of a probe in its place."""

    def take_in_place(probe: Probe) -> Sample | Missing:
        interpreter = environments.interpreter(probe.place)
        return interpreter if isinstance(interpreter, Missing) else take(probe, interpreter)

    return take_in_place


@dataclass
class Budget:
    """The time of a run, in seconds, shared out among cases by their weights. What a case leaves, the later ones get."""

    seconds: float
    weights: int
    clock: Clock = time.monotonic

    def __post_init__(self) -> None:
        self._end = self.clock() + self.seconds

    @property
    def spent(self) -> bool:
        """True when nothing is left."""
        return self.clock() >= self._end

    def share(self, weight: int) -> float:
        """Return the seconds of the next case, at least 0."""
        left = max(0.0, self._end - self.clock())
        share = left * weight / self.weights
        self.weights -= weight
        return share


def run_all(
    cases: Sequence[Case],
    take_sample: Taker,
    budget: Budget,
    *,
    say: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[list[Row], list[Case]]:
    """Run `cases`, those with a bound first. Return the rows in the order of `cases`, and the cases left for want of time."""
    rows: dict[int, list[Row]] = {}
    unreached: list[Case] = []
    for done, (place, case) in enumerate(sorted(enumerate(cases), key=lambda each: not each[1].bounded), 1):
        if budget.spent:
            unreached.append(case)
            continue
        say(f"[{done}/{len(cases)}] {case.name}")
        seconds = budget.share(case.weight)
        rows[place] = run(case, take_sample, seconds=seconds, say=step, clock=budget.clock)
    return [row for place in sorted(rows) for row in rows[place]], unreached


def run(
    case: Case,
    take_sample: Taker,
    *,
    seconds: float = float("inf"),
    say: Callable[[str], None] = lambda _: None,
    clock: Clock = time.monotonic,
) -> list[Row]:
    """Run `case` and return a row for each metric.

    Another round begins only when, at the pace of the last one, it ends within `seconds`; one round is always made.
    A side that fails once is out, with its reason: figures of the rounds in which it happened to work would flatter it.
    """
    out: dict[str, Missing] = {}
    sides: dict[str, Probe | Missing] = {"ours": case.ours, "peer": case.peer, "limit": case.limit}
    sides["yardstick"] = Missing("not needed") if case.yardstick is None else case.yardstick.probe
    if case.beside is not None:
        say("set-up")
        if (missing := case.beside()) is not None:
            out = dict.fromkeys(sides, missing)
    samples: dict[str, list[Sample]] = {side: [] for side in sides}
    made, began = 0, clock()
    for made in range(1, case.warmup + case.rounds + 1):
        say(f"round {made - case.warmup} of at most {case.rounds}" if made > case.warmup else "warm-up")
        round_began = clock()
        for side, probe in sides.items():
            if side in out:
                continue
            sample = probe if isinstance(probe, Missing) else take_sample(probe)
            if isinstance(sample, Missing):
                out[side] = sample
            else:
                samples[side].append(sample)
        now = clock()
        if now - began + (now - round_began) > seconds:
            break
    warmup = min(case.warmup, made - 1)
    kept = {side: each[warmup:] for side, each in samples.items()}
    return [_row(case, metric, kept, out) for metric in case.metrics]


def _row(case: Case, metric: Metric, samples: dict[str, list[Sample]], out: dict[str, Missing]) -> Row:
    def side(name: str, key: str) -> Side:
        return out.get(name) or _series(samples[name], key)

    yardstick = case.yardstick
    return Row(
        case=case.name,
        metric=metric.name,
        unit=metric.unit,
        sides=Sides(
            ours=side("ours", metric.key),
            peer=side("peer", metric.key),
            limit=side("limit", metric.key),
            yardstick=side("yardstick", yardstick.key if yardstick else metric.key),
        ),
        limit_is=case.limit_is,
        yardstick_is=yardstick.name if yardstick else "",
        requirement=metric.requirement,
    )


def _series(samples: Sequence[Sample], key: str) -> Side:
    values = tuple(sample[key] for sample in samples if key in sample)
    return Series(values) if values and len(values) == len(samples) else Missing("nothing to measure on this side")

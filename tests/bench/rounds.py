"""Runs a case: warm-up, then rounds in which every side has its turn, and turns the samples into rows."""

from collections.abc import Callable, Sequence

from tests.bench.cases import Case, Metric, Probe
from tests.bench.environments import Environments
from tests.bench.process import Sample, take
from tests.bench.rows import Row
from tests.bench.series import Missing, Series, Side

Taker = Callable[[Probe], Sample | Missing]


def taker(environments: Environments) -> Taker:
    """Return what takes one sample of a probe in its place."""

    def take_in_place(probe: Probe) -> Sample | Missing:
        interpreter = environments.interpreter(probe.place)
        return interpreter if isinstance(interpreter, Missing) else take(probe, interpreter)

    return take_in_place


def run(case: Case, take_sample: Taker, *, quick: bool, say: Callable[[str], None]) -> list[Row]:
    """Run `case` and return a row per metric.

    A side that fails once is out, with its reason: figures of the rounds in which it happened to work would
    flatter it.
    """
    out: dict[str, Missing] = {}
    samples: dict[str, list[Sample]] = {"ours": [], "peer": [], "limit": []}
    sides = {"ours": case.ours, "peer": case.peer, "limit": case.limit}
    if case.beside is not None:
        say("set-up")
        if (missing := case.beside()) is not None:
            out = dict.fromkeys(sides, missing)
    rounds = case.quick_rounds if quick else case.rounds
    for number in range(-case.warmup, rounds):
        say(f"round {number + 1} of {rounds}" if number >= 0 else "warm-up")
        for side, probe in sides.items():
            if side in out:
                continue
            sample = probe if isinstance(probe, Missing) else take_sample(probe)
            if isinstance(sample, Missing):
                out[side] = sample
            elif number >= 0:
                samples[side].append(sample)
    return [_row(case, metric, samples, out) for metric in case.metrics]


def _row(case: Case, metric: Metric, samples: dict[str, list[Sample]], out: dict[str, Missing]) -> Row:
    def side(name: str) -> Side:
        return out.get(name) or _series(samples[name], metric.key)

    return Row(
        case=case.name,
        metric=metric.name,
        unit=metric.unit,
        ours=side("ours"),
        peer=side("peer"),
        limit=side("limit"),
        limit_is=case.limit_is,
        requirement=metric.requirement,
    )


def _series(samples: Sequence[Sample], key: str) -> Side:
    values = tuple(sample[key] for sample in samples if key in sample)
    return Series(values) if values and len(values) == len(samples) else Missing("nothing to measure on this side")

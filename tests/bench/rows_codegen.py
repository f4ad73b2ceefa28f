"""Rows: generating the models from the pins, and verifying them."""

from tests.bench.cases import Case, Metric, Place, Probe, Unit
from tests.bench.probes import bare, running
from tests.bench.series import Missing
from tests.bench.yardsticks import START


def _program(name: str, probe: Probe, *extra: Metric, seconds: float | None = None) -> Case:
    return Case(
        name=name,
        metrics=(
            Metric("wall", "whole process, wall", requirement=None if seconds is None else START.bound(seconds)),
            Metric("cpu", "whole process, CPU"),
            Metric("memory", "peak memory", Unit.BYTES),
            *extra,
        ),
        ours=probe,
        peer=Missing("the published package has no generator: its models come from another project"),
        limit=bare(Place.CHECKOUT),
        limit_is="bare interpreter",
        yardstick=None if seconds is None else START,
        rounds=5,
        weight=2,
    )


CASES = (
    _program(
        "generate all models",
        running(Place.CHECKOUT, "codegen", "generate", "--out", "$BENCH_SCRATCH/generated"),
        Metric("files", "files written", Unit.COUNT),
        seconds=5.0,
    ),
    _program("verify the generated tree", running(Place.CHECKOUT, "codegen", "verify")),
)

"""Rows: what packaging a train function costs here, and what the loader costs where it runs."""

from pathlib import Path

from tests.bench.cases import Case, Metric, Place, Probe
from tests.bench.probes import looping
from tests.bench.requirements import AtMostTimesLimit
from tests.bench.series import Missing
from tests.bench.yardsticks import FILES, PARSE, START

_JOBS = Path(__file__).parent / "jobs"
_FUNCTION = f"import sys; sys.path.insert(0, {str(_JOBS)!r})\nfrom allreduce import train"

# The nearest that it has: the source of the function alone, pasted into a shell command.
_PEER = f"""
{_FUNCTION}
from kubeflow.trainer.backends.kubernetes.utils import get_command_using_train_func as command
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types import types
trainer = types.RuntimeTrainer(trainer_type=types.TrainerType.CUSTOM_TRAINER, framework="torch", image="torch")
trainer.set_command(constants.TORCH_COMMAND)
kind = types.RuntimeKind.CLUSTER_TRAINING_RUNTIME
runtime = types.Runtime(name="torch-distributed", trainer=trainer, kind=kind)
"""

_TEXT = """
import zlib
numbers = [(n, i) for n in range(100) for i in range(50)]
lines = (f"def function_{i}(value):\\n    return value * {i * n} + len('text {i}')" for n, i in numbers)
text = "\\n".join(lines).encode()
"""


def _prepared(name: str) -> Probe:
    """Time what the function `name` of `rows_packaging` returns."""
    setup = f"from tests.bench.rows_packaging import {name}\nrun = {name}()"
    return looping(Place.CHECKOUT, setup, {"run": "run()"}, seconds=0.3)


def _project(name: str, function: str) -> Case:
    return Case(
        name=name,
        metrics=(Metric("run", "script to command line", requirement=FILES.bound(0.2)),),
        ours=_prepared(function),
        peer=Missing("ships the text of one function: no scripts, no modules"),
        limit=looping(Place.BARE, _TEXT, {"run": "zlib.compress(text)"}),
        limit_is="zlib of as much text of that kind, in memory",
        yardstick=FILES,
        rounds=7,
    )


CASES = (
    Case(
        name="package one function",
        metrics=(Metric("run", "function to command line", requirement=PARSE.bound(0.02)),),
        ours=looping(
            Place.OURS, f"{_FUNCTION}\nfrom kubeflow.packaging import bundle", {"run": "bundle(train).command()"}
        ),
        peer=looping(Place.PEER, _PEER, {"run": "command(runtime, train, None, [], None)"}),
        limit=looping(Place.BARE, f"{_FUNCTION}\nimport inspect", {"run": "inspect.getsource(train)"}),
        limit_is="inspect.getsource of the function",
        yardstick=PARSE,
        rounds=7,
    ),
    _project("package a script that imports 100 modules", "bundle_hundred_files"),
    _project("package a workspace of 100 files", "bundle_hundred_files_workspace"),
    Case(
        name="start a script through the loader",
        metrics=(Metric("run", "whole process, wall", requirement=AtMostTimesLimit(1 + 0.1 / START.seconds)),),
        ours=_prepared("loader_startup"),
        peer=Missing("has no loader: its code travels as text in a shell command"),
        limit=_prepared("plain_startup"),
        limit_is="the same script, run directly",
        rounds=7,
    ),
)

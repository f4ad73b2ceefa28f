"""A program that puts its own functions in the place of Python's: jobs, searches and services work as before.

The functions take one way of being called, as those do that people write for their own calls. What other libraries call
is left as it is while they are loaded: they would break in any program.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.commands import environment

LOADED = """
import runpy, sys, pydantic

class Model(pydantic.BaseModel):
    value: int = 1

runpy.run_path(sys.argv[1], run_name="__main__")
"""
REPLACED = """
import base64, inspect, json, pickle, re, shlex, zlib

_dumps, _loads, _b64, _dump, _compress = json.dumps, json.loads, base64.b64encode, pickle.dumps, zlib.compress
_match, _full, _quote, _source = re.match, re.fullmatch, shlex.quote, inspect.getsource
json.dumps = lambda value: "mine" + _dumps(value)
json.loads = lambda text: _loads(text[4:])
base64.b64encode = lambda raw: _b64(raw).lower()
pickle.dumps = lambda value: _dump(value, 0)
zlib.compress = lambda raw: _compress(raw, 0)
re.match = lambda pattern, text: (found := _match(pattern, text)) and found.group(0)
re.fullmatch = lambda pattern, text: (found := _full(pattern, text)) and found.group(0)
shlex.quote = lambda text: [_quote(text)]
inspect.getsource = lambda function: [_source(function)]
"""
SIGNATURE = """
_signature = inspect.signature
inspect.signature = lambda function: str(_signature(function))
"""
SESSION = """
from kubeflow.optimizer import OptimizerClient, Search, TrialConfig
from kubeflow.spark import SparkClient
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient

def fit(rate: float) -> dict[str, float]:
    return {"loss": rate}

def prepare(rows: int) -> int:
    print("rows", rows)
    return rows

here, there = LocalProcessBackendConfig(state_dir="state"), KubernetesBackendConfig(offline=True)
trainer, optimizer = TrainerClient(here), OptimizerClient(here)
job = trainer.train(trainer=CustomTrainer.call(prepare, rows=3))
print(trainer.wait_for_job_status(job).status, trainer.get_job_result(job), *trainer.get_job_logs(job))
trainer.report(job, "job.html")
space = CustomTrainer.call(fit, rate=Search.uniform(0.1, 1.0))
search = optimizer.optimize(space, trial_config=TrialConfig(num_trials=2))
print(optimizer.wait_for_job_status(search).status)
optimizer.report(search, "search.html")
print(SparkClient(there).process_data(prepare, args={"rows": 4}, dry_run=True).kind)
print(TrainerClient(there).train("torch-distributed", trainer=CustomTrainer.call(prepare, rows=4), dry_run=True).kind)
print(OptimizerClient(there).optimize(space, dry_run=True).kind)
"""
SERVICE = """
from kubeflow.kserve import KServeClient
from kubeflow.trainer import LocalProcessBackendConfig

def double(inputs):
    return [2 * value for value in inputs]

services = KServeClient(LocalProcessBackendConfig(state_dir="state"))
services.serve("double", double)
try:
    print(services.wait_for_service_status("double", timeout=120).status)
    print(*services.predict("double", [1.0, 2.0]).outputs["output-0"])
finally:
    services.delete_service("double", wait=True)
"""


def output_of(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "session.py").write_text(text)
    command = [sys.executable, "-c", LOADED, str(tmp_path / "session.py")]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_jobs_and_searches_do_not_see_them(tmp_path: Path) -> None:
    printed = output_of(tmp_path, REPLACED + SIGNATURE + SESSION)
    assert printed == ["Complete 3 rows 3", "Complete", "SparkApplication", "TrainJob", "Experiment"]


@pytest.mark.timeout(300)
def test_a_server_does_not_see_those_of_the_function_that_it_serves(tmp_path: Path) -> None:
    text = REPLACED.replace("[_source(function)]", "_source(function)")  # libraries of the server read sources
    assert output_of(tmp_path, text + SERVICE) == ["Ready", "2.0 4.0"]


def test_an_import_that_they_break_says_why(tmp_path: Path) -> None:
    text = """
    import re
    find = re.match
    re.match = lambda pattern, text: find(pattern, text).group(0)  # a module of Python is not loaded with it
    try:
        from kubeflow.packaging import bundle
    except ImportError as error:
        print(error)
    """
    assert output_of(tmp_path, textwrap.dedent(text)) == [
        "kubeflow.packaging.bundle_builder cannot be imported: 'NoneType' object has no attribute 'group'"
    ]

"""Tracebacks of our errors, as text: the user's line, one frame of ours, and the message."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.core.tracebacks import FULL_TRACEBACK, thin, thin_call
from kubeflow.packaging import bundle
from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient

HEADER = """\
from kubeflow.trainer import *
from kubeflow.trainer import options
from kubeflow.packaging import bundle
from kubeflow_api.trainer.v1alpha1 import Trainer, TrainJob, TrainJobBuilder
client = TrainerClient(LocalProcessBackendConfig(state_dir="state"))
def fail(lr=0.1):
    raise ValueError("boom")
def unsendable():
    return undefined_name
"""
# What a user writes, and the first line of the error that it ends in.
SLIPS = [
    ("client.get_job('none')", "kubeflow.trainer.errors.JobNotFound: There is no TrainJob 'none'."),
    ("next(iter(client.get_job_logs('none')))", "kubeflow.trainer.errors.JobNotFound: There is no TrainJob 'none'."),
    ("client.train('torch-distribute', train_func=fail)", "kubeflow.trainer.errors.RuntimeNotFound: There is no"),
    ("client.train(train_func=unsendable)", "kubeflow.packaging.errors.PackagingError: unsendable cannot be sent"),
    ("client.train(train_func=fail, func_args={'l': 1})", "kubeflow.packaging.errors.PackagingError: fail cannot be"),
    ("client.scale_job('none', 2)", "kubeflow.trainer.errors.JobNotFound: There is no TrainJob 'none'."),
    ("client.create_job('a: b: c')", "kubeflow.core.errors.InvalidInput: TrainJob: not one YAML document"),
    ("bundle(unsendable)", "kubeflow.packaging.errors.PackagingError: unsendable cannot be sent"),
    ("CustomTrainer(func=3)", "kubeflow.core.errors.InvalidInput: func must be a function, not 3"),
    ("CustomTrainer.call(fail, 1, 2, 3)", "kubeflow.packaging.errors."),
    ("CustomTrainer(fail).replace(num_nodes=0)", "kubeflow.core.errors.InvalidInput: num_nodes"),
    ("options.VolumeClaim('a', 'data')", "kubeflow.core.errors.InvalidInput: path must be an absolute path"),
    ("LocalProcessBackendConfig(python='/none') and TrainerClient(LocalProcessBackendConfig(python='/none'))",
     "kubeflow.core.errors.InvalidInput: python='/none' names no program"),
    ("TrainerClient(KubernetesBackendConfig(config_file='/none'))", "kubeflow.cluster.errors.NotConfigured: There is"),
    ("TrainerClient(3)", "kubeflow.core.errors.InvalidInput: backend_config"),
    ("Trainer(num_node=3)", "kubeflow.core.errors.InvalidObject: Trainer has no field 'num_node'."),
    ("TrainJob(spec=3)", "kubeflow.core.errors.InvalidObject: TrainJob.spec must be a TrainJobSpec"),
    ("Trainer().num_nodes = 'x'", "kubeflow.core.errors.InvalidObject: Trainer.num_nodes must be a valid integer"),
    ("TrainJob.from_yaml('spec: 3')", "kubeflow.core.errors.InvalidObject: TrainJob.spec must be"),
    ("TrainJobBuilder('a').trainer(num_node=1).build()", "kubeflow.core.errors.InvalidObject: TrainJob"),
]  # fmt: skip


def run(folder: Path, text: str, **environ: str) -> str:
    (folder / "script.py").write_text(HEADER + text + "\n")
    environment = {key: value for key, value in os.environ.items() if key != FULL_TRACEBACK} | environ
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stderr
    return ended.stderr


def frames(shown: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith('  File "')]


def test_a_script_that_stumbles_shows_its_line_one_frame_of_ours_and_the_message(tmp_path: Path) -> None:
    guarded = "import traceback\n" + "\n".join(
        f"try:\n    {slip}\nexcept Exception:\n    traceback.print_exc()\n    print('----', file=sys.stderr)"
        for slip, _ in SLIPS
    )
    shown = run(tmp_path, "import sys\n" + guarded + "\nsys.exit(1)")

    blocks = shown.split("----\n")[:-1]
    assert len(blocks) == len(SLIPS)
    for (slip, message), block in zip(SLIPS, blocks, strict=True):
        assert block.count("Traceback (most recent call last)") == 1, block
        assert len(frames(block)) == 2, block
        assert slip in block, block
        assert f"\n{message}" in block, block


def test_a_failed_job_shows_what_failed_and_not_how_it_was_waited_for(tmp_path: Path) -> None:
    shown = run(tmp_path, "client.wait_for_job_status(client.train(train_func=fail, name='a'), timeout=120)")

    assert len([frame for frame in frames(shown) if "kubeflow" in frame]) == 1, shown
    assert "kubeflow.trainer.errors.JobFailed: TrainJob 'a' failed: " in shown


def test_a_variable_brings_all_frames_back(tmp_path: Path) -> None:
    assert len(frames(run(tmp_path, "client.get_job('none')", KUBEFLOW_FULL_TRACEBACK="1"))) > 3


def test_a_cell_of_a_notebook_shows_two_frames(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    cells = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import sys\n"
        "shell = InteractiveShell.instance(colors='NoColor')\n"
        f"shell.run_cell({HEADER!r}, store_history=True)\n"
        "shell.run_cell('client.get_job(\"none\")', store_history=True)\n"
        "sys.exit(1)"
    )
    (tmp_path / "cells.py").write_text(cells)
    ended = subprocess.run(
        [sys.executable, "cells.py"], cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ}
    )
    shown = ended.stdout
    assert shown.count("kubeflow/core/tracebacks.py") == 1, shown
    assert "trainer_client.py" not in shown
    assert len(shown.splitlines()) < 25, shown
    assert "JobNotFound: There is no TrainJob 'none'." in shown


# -- the mechanism --------------------------------------------------------------------------------------------------


@thin
class Things:
    def __init__(self, number: int) -> None:
        if number < 0:
            raise InvalidInput("negative")

    def call(self, change: object) -> None:
        """Call what the user gave."""
        try:
            change()  # type: ignore[operator]
        except ZeroDivisionError as error:
            raise InvalidInput("the function failed") from error
        except LookupError as error:
            raise KeyError("a bug of ours") from error

    @classmethod
    def made(cls, number: int) -> Things:
        return cls(number)

    def each(self) -> Iterator[int]:
        yield 1
        raise InvalidInput("in the middle")


def test_constructors_methods_class_methods_and_generators_raise_from_one_frame() -> None:
    things = Things(1)
    for make in (lambda: Things(-1), lambda: Things.made(-1), lambda: list(things.each())):
        with pytest.raises(KubeflowError) as caught:
            make()
        files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert [file.endswith("core/tracebacks.py") for file in files].count(True) == 1
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_an_exception_of_the_users_own_code_stays_as_the_cause() -> None:
    with pytest.raises(InvalidInput) as caught:
        Things(1).call(lambda: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_bug_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(KeyError, match="a bug") as caught:
        Things(1).call(lambda: {0: 0}[1])
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "call"
    assert isinstance(caught.value.__cause__, KeyError)


def test_signatures_docstrings_and_names_stay() -> None:
    assert list(inspect.signature(TrainerClient.get_job).parameters)[:2] == ["self", "name"]
    assert next(iter(inspect.signature(CustomTrainer).parameters)) == "func"
    assert list(inspect.signature(LocalProcessBackendConfig).parameters)
    assert inspect.signature(Things).parameters["number"].annotation == "int"
    assert Things.call.__doc__ == "Call what the user gave."
    assert inspect.isgeneratorfunction(Things.each)
    assert bundle.__name__ == "bundle"
    assert thin_call(len)([1]) == 1

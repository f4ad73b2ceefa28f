"""Scripts and modules as trainers: they run the same on every backend, and what cannot run is told before the start."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient

WAIT = 180  # seconds


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, which is the working directory: a script, a package with an entry module, and a data file."""
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "helper.py").write_text("def shout(text): return text.upper()\n")
    (folder / "train.py").write_text(
        "import sys\nfrom helper import shout\nif __name__ == '__main__':\n    print(shout('words'), sys.argv[1:])\n"
    )
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "part.py").write_text("GREETING = 'from a part'\n")
    (folder / "pkg" / "train.py").write_text(
        "import sys\nfrom .part import GREETING\nif __name__ == '__main__':\n    print(GREETING, sys.argv[1:])\n"
    )
    (folder / "data.txt").write_text("a line of data")
    (folder / "reader.py").write_text("print(open('data.txt').read(), __name__)\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def offline(tmp_path: Path) -> TrainerClient:
    """A client that renders jobs and reaches nothing."""
    return TrainerClient(KubernetesBackendConfig(offline=True))


def output(client: TrainerClient, job: str) -> list[str]:
    client.wait_for_job_status(job, timeout=WAIT)
    return list(client.get_job_logs(job))


def test_a_script_runs_with_its_arguments_and_its_modules(client: TrainerClient, project: Path) -> None:
    job = client.train(trainer=CustomTrainer("train.py", args=["--lr", "0.1"]))

    assert output(client, job) == ["WORDS ['--lr', '0.1']"]
    assert client.get_job_result(job) is None
    assert job.startswith("train-")


def test_a_module_runs_with_its_arguments(client: TrainerClient, project: Path) -> None:
    job = client.train(module="pkg.train", args={"lr": 0.1, "fast": True, "slow": False, "layers": [1, 2]})

    assert output(client, job) == ["from a part ['--lr=0.1', '--fast', '--layers', '1', '2']"]


def test_a_folder_goes_with_a_script_and_is_its_working_directory(client: TrainerClient, project: Path) -> None:
    job = client.train(train_func=project / "reader.py", code_dir=".")

    assert output(client, job) == ["a line of data __main__"]


def test_a_function_goes_by_value(client: TrainerClient, offline: TrainerClient) -> None:
    made: dict[str, Callable[..., int]] = {}
    exec("def answer(number): return number + 1", made)  # it has no source

    with pytest.raises(PackagingError, match="source"):  # which Python a cluster's image has is not known
        offline.train(train_func=made["answer"], func_args={"number": 41}, dry_run=True)
    job = client.train(train_func=made["answer"], func_args={"number": 41}, serializer="cloudpickle")

    client.wait_for_job_status(job, timeout=WAIT)
    assert client.get_job_result(job) == 42


def test_short_and_long_make_the_same_job(offline: TrainerClient, project: Path) -> None:
    for long, short in (
        (
            offline.train(
                trainer=CustomTrainer("train.py", args=[1], code_dir=".", num_nodes=2), name="a", dry_run=True
            ),
            offline.train(train_func="train.py", args=[1], code_dir=".", num_nodes=2, name="a", dry_run=True),
        ),
        (
            offline.train(trainer=CustomTrainer(module="pkg.train", args={"a": 1}), name="a", dry_run=True),
            offline.train(module="pkg.train", args={"a": 1}, name="a", dry_run=True),
        ),
    ):
        assert long.to_yaml() == short.to_yaml()


@pytest.mark.parametrize("local", [True, False])
def test_a_dry_run_renders_a_script_and_a_module(local: bool, project: Path, tmp_path: Path) -> None:
    config = LocalProcessBackendConfig(state_dir=tmp_path) if local else KubernetesBackendConfig(offline=True)
    client = TrainerClient(config)

    for job in (
        client.train(train_func="train.py", args=["a"], dry_run=True),
        client.train(module="pkg.train", dry_run=True),
    ):
        assert job.spec.trainer is not None
        assert job.spec.trainer.args
        assert job.metadata is not None
        assert {"train.py", "pkg.train"} & set((job.metadata.annotations or {}).values())


def test_a_trainer_keeps_its_script_when_its_nodes_change() -> None:
    trainer = CustomTrainer("train.py", args=["a"]).replace(num_nodes=2, code_dir="code")

    assert trainer == CustomTrainer("train.py", args=["a"], num_nodes=2, code_dir="code")
    assert repr(trainer) == "CustomTrainer(func='train.py', num_nodes=2, args=['a'], code_dir='code')"


def test_the_fields_of_the_published_package_keep_their_names_and_positions() -> None:
    published = ["func", "func_args", "image", "packages_to_install", "pip_index_urls", "num_nodes"]
    published += ["resources_per_node", "env"]

    assert list(inspect.signature(CustomTrainer).parameters)[: len(published)] == published


def bad(value: object) -> object:
    """What a type checker would refuse too; typed away so that the run-time check is what is tested."""
    return value


def fit(lr: float = 0.1) -> None:
    """A train function."""


WRONG_FIELDS: list[tuple[dict[str, object], str]] = [
    ({}, r"needs code to run: a function without calling it"),
    ({"func": fit, "module": "pkg.train"}, "func= and module= both say what to run"),
    ({"func": "train.py", "module": "pkg.train"}, "func= and module= both say what to run"),
    ({"func": fit, "args": ["--lr", "1"]}, r"command line of a script or module. A function has func_args="),
    ({"func": "train.py", "func_args": {"lr": 1}}, "func_args= is for functions: give a script the same with args="),
    ({"module": "pkg", "func_args": {"lr": 1}}, "func_args= is for functions: give a module the same with args="),
    ({"func": "train.py", "serializer": "cloudpickle"}, "packs functions, and a script is sent as text"),
    ({"func": fit, "serializer": "pickle"}, "serializer is 'source' or 'cloudpickle', not 'pickle'"),
    ({"func": " "}, "func is an empty text"),
    ({"func": 3}, "func must be a function, not 3"),
    ({"module": "train.py"}, r"is the path of a script: write func='train.py'"),
    ({"module": "pkg/train"}, r"is the path of a script"),
    ({"module": "pkg.train --lr 1"}, r"is no name of a module"),
    ({"module": os}, r"write module='os'"),
    ({"module": fit}, "takes the name of a module"),
    ({"func": fit, "code_dir": ""}, r"code_dir takes the path of a folder"),
    ({"func": fit, "code_dir": 3}, r"code_dir takes the path of a folder"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG_FIELDS, ids=[words for _, words in WRONG_FIELDS])
def test_fields_that_do_not_go_together(fields: dict[str, object], words: str) -> None:
    make: Callable[..., object] = CustomTrainer
    with pytest.raises(InvalidInput, match=words):
        make(**fields)


WRONG_CODE: list[tuple[dict[str, object], str]] = [
    ({"train_func": "trian.py"}, r"there is no such file in .*project. Did you mean 'train.py'\?"),
    ({"train_func": "train"}, r"Write 'train.py'"),
    ({"train_func": "train.py --lr 0.1"}, r"give 'train.py', and args=\['--lr', '0.1'\]"),
    ({"train_func": "python train.py --lr 0.1"}, r"give 'train.py', and args=\['--lr', '0.1'\]"),
    ({"train_func": "pkg.train"}, r"If it is a module, write module='pkg.train'"),
    ({"train_func": "/nowhere/train.py"}, r"there is no such file. Correct the path"),
    ({"train_func": "pkg"}, r"it is a folder. Name the script in it"),
    ({"train_func": "runnable"}, r"__main__.py, or run the package with module='runnable'"),
    ({"train_func": "work.ipynb"}, r"it is a notebook.*nbconvert --to script work.ipynb.*or give a function of the"),
    ({"train_func": "run.sh"}, r"it is no Python text"),
    ({"train_func": "broken.py"}, r"it is not valid Python"),
    ({"train_func": "train.py", "code_dir": "pkg"}, r"lies outside of code_dir"),
    ({"train_func": "train.py", "code_dir": "train.py"}, r"is not a folder: give its folder"),
    ({"train_func": "train.py", "code_dir": "nowhere"}, r"is not a folder: correct the path"),
    ({"train_func": "train.py", "args": "--lr 0.1"}, r"write args=\['--lr', '0.1'\]"),
    ({"train_func": "train.py", "args": {"--lr": 0.1}}, r"leave the dashes out, as in \{'lr'"),
    ({"train_func": "train.py", "args": [["a"]]}, r"argument args of a script is a list"),
    ({"train_func": "train.py", "args": {"lr": {}}}, r"argument lr of a script is a dict"),
    ({"train_func": "train.py", "args": 3}, r"args takes a list of words or a mapping of options, not a int"),
    ({"module": "pkg.trian"}, r"there is no such module in its package"),
    ({"module": "pkg"}, r"package without __main__.py"),
    ({"module": "pkg.train", "train_func": fit}, r"train_func= and module= both say what to run"),
    ({"module": "pkg.train", "trainer": CustomTrainer(fit)}, r"module= and trainer= both say what to run"),
    ({"runtime": "train.py"}, r"runtime= does not take the script 'train.py': write train\(train_func='train.py'"),
    ({"trainer": "train.py"}, r"trainer= does not take the script 'train.py': write train\(train_func='train.py'"),
    ({"args": ["a"]}, r"args= needs train_func= or module="),
    ({"code_dir": "."}, r"code_dir= needs train_func= or module="),
    ({"trainer": CustomTrainer(fit), "serializer": "cloudpickle"}, r"serializer= goes into the trainer"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG_CODE, ids=[words for _, words in WRONG_CODE])
def test_code_that_cannot_run(
    offline: TrainerClient, project: Path, arguments: dict[str, object], words: str, tmp_path: Path
) -> None:
    (project / "runnable").mkdir()
    (project / "runnable" / "__main__.py").write_text("print('runs')\n")
    (project / "work.ipynb").write_text("{}")
    (project / "run.sh").write_text("python train.py\n")
    (project / "broken.py").write_text("def train(:\n")
    local = TrainerClient(LocalProcessBackendConfig(state_dir=tmp_path / "state"))
    for client in (local, offline):
        train: Callable[..., object] = client.train
        with pytest.raises(InvalidInput, match=words):
            train(**arguments)
    assert local.list_jobs() == []


def test_a_script_is_looked_for_where_the_caller_is(
    offline: TrainerClient, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PackagingError, match="no such file in"):
        offline.train(train_func="train.py", dry_run=True)
    inside = offline.train(train_func="project/train.py", name="a", dry_run=True)
    of_folder = offline.train(train_func="train.py", code_dir="project", name="a", dry_run=True)
    monkeypatch.chdir(project)
    assert offline.train(train_func="train.py", name="a", dry_run=True).to_yaml() == inside.to_yaml()
    assert of_folder.to_yaml() != inside.to_yaml()

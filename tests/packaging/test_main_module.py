"""In a job, `__main__` is the module of the user's notebook or script: for pickles, for spawned processes, for `inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.packaging.launch import environment, launch, user_session

DEFINITIONS = """\
import dataclasses
import sys


@dataclasses.dataclass
class Score:
    value: float


class Net:
    width = 3

    def doubled(self):
        return 2 * self.width


class Sorted(dict):
    pass


def square(number):
    return number * number


def scored(number):
    return Score(square(number))
"""

TRAINS = {
    "names": """\
def train():
    import __main__
    import inspect, pickle

    assert sys.modules["__main__"] is __main__ and __main__.Net is Net
    assert not hasattr(__main__, "__spec__") or __main__.__spec__ is None
    try:
        pickle.dumps(lambda: 0)
    except (pickle.PicklingError, AttributeError) as error:
        refused = "lambda" in str(error)
    lines = inspect.getsource(Net.doubled) + inspect.getsource(square)
    return [__name__, type(Net()).__module__, square.__module__, refused, lines]
""",
    "pickles": """\
def train():
    import pickle

    with open("net.pkl", "rb") as stream:
        net = pickle.load(stream)
    assert type(net) is Net and net.width == 5
    net.width = net.doubled()
    with open("back.pkl", "wb") as stream:
        pickle.dump((net, square), stream)
    return Score(0.5)
""",
    "spawned": """\
def train():
    import concurrent.futures, multiprocessing

    found = []
    for how in ("spawn", "forkserver", "fork"):
        context = multiprocessing.get_context(how)
        with context.Pool(2) as pool:
            found.append(pool.map(square, [1, 2]))
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            (score,) = pool.map(scored, [3])
            assert type(score) is Score
            found.append(score.value)
        queue = context.Queue()
        child = context.Process(target=queue.put, args=(Score(4.0),))
        child.start()
        found.append(queue.get() == Score(4.0))
        child.join()
        found.append(child.exitcode)
    return found
""",
    "torch": """\
class Data:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return square(index)


def collated(batch):
    return Sorted(enumerate(batch))


def ranked(rank, folder):
    open(f"{folder}/{rank}", "w").write(f"{square(rank + 2)} {Net().doubled()}")


def plus(x: int, y: int):
    return x + y


def train():
    import os, torch
    from torch.utils.data import DataLoader

    net = torch.load("net.pt", weights_only=False)
    assert type(net.inner) is Net
    torch.save(net, "back.pt")
    for how in ("spawn", "forkserver"):
        loader = DataLoader(Data(), 2, num_workers=2, collate_fn=collated, multiprocessing_context=how)
        batches = list(loader)
        assert all(type(batch) is Sorted for batch in batches)
    folder = os.getcwd()
    torch.multiprocessing.spawn(ranked, args=(folder,), nprocs=2)
    ranks = [open(f"{folder}/{rank}").read() for rank in (0, 1)]
    return [[list(batch.values()) for batch in batches], ranks, torch.jit.script(plus)(1, 2)]
""",
}

MAKES = """\
import json, pathlib, subprocess
from kubeflow.packaging import bundle, read_outcomes

job = pathlib.Path("job")
job.mkdir()
{before}
options = {options}
command = bundle(train, **options).command(python=sys.executable)
env = json.loads(pathlib.Path("environment.json").read_text())
done = subprocess.run(command, cwd=job, env=env, capture_output=True, text=True)
assert done.returncode == 0, done.stderr
assert done.stderr == "", done.stderr
(outcome,) = read_outcomes("outcomes")
result = outcome.result
{after}
"""

PICKLES_BEFORE = """\
import pickle
net = Net()
net.width = 5
(job / "net.pkl").write_bytes(pickle.dumps(net))
"""
PICKLES_AFTER = """\
net, function = pickle.loads((job / "back.pkl").read_bytes())
assert type(net) is Net and net.width == 10 and function is square
assert type(result) is Score and result.value == 0.5
"""
TORCH_BEFORE = """\
import torch
module = torch.nn.Linear(1, 1)
module.inner = Net()
torch.save(module, job / "net.pt")
"""
TORCH_AFTER = """\
assert type(torch.load(job / "back.pt", weights_only=False).inner) is Net
assert result[0] == [[0, 1], [4, 9]], result
assert result[1:] == [["4 6", "9 6"], 3], result
"""
SPAWNED_AFTER = "assert result == 3 * [[1, 4], 9, True, 0], result\n"
NAMES_AFTER = """\
import inspect
assert result[:4] == ["__main__", "__main__", "__main__", True], result
assert "return 2 * self.width" in result[4] and "def square(number)" in result[4], result
"""

NOTEBOOK = """\
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import sys
sys.modules["__main__"] = shell.user_module
for cell in {cells!r}:
    shell.run_cell(cell, store_history=True).raise_error()
"""

CASES = {
    "names": ("", NAMES_AFTER),
    "pickles": (PICKLES_BEFORE, PICKLES_AFTER),
    "spawned": ("", SPAWNED_AFTER),
}


def session(folder: Path, name: str, *, notebook: bool, options: str = "{}") -> None:
    """Package, run and read back in one process of a user's."""
    before, after = {**CASES, "torch": (TORCH_BEFORE, TORCH_AFTER)}[name]
    cells = [DEFINITIONS, TRAINS[name], MAKES.format(before=before, after=after, options=options)]
    (folder / "environment.json").write_text(json.dumps(environment(folder / "outcomes", {"TMPDIR": str(folder)})))
    if notebook:
        pytest.importorskip("IPython")
        text = NOTEBOOK.format(cells=cells)
    else:
        cells[-1] = "if __name__ == '__main__':\n    " + cells[-1].replace("\n", "\n    ")
        text = "\n\n".join(cells)
    (folder / "session.py").write_text(text)
    user_session(["session.py"], cwd=folder)


@pytest.mark.parametrize("notebook", [False, True], ids=["script", "notebook"])
@pytest.mark.parametrize("name", CASES)
def test_what_is_of_main_here_is_of_main_in_the_job(name: str, notebook: bool, tmp_path: Path) -> None:
    session(tmp_path, name, notebook=notebook)


@pytest.mark.parametrize("name", ["pickles", "spawned"])
def test_it_is_the_same_for_what_was_packed_with_cloudpickle(name: str, tmp_path: Path) -> None:
    session(tmp_path, name, notebook=False, options="{'serializer': 'cloudpickle'}")


@pytest.mark.parametrize("notebook", [False, True], ids=["script", "notebook"])
def test_models_cross_and_workers_of_pytorch_find_what_they_need(notebook: bool, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    session(tmp_path, "torch", notebook=notebook)


IMPORTABLE = """\
import multiprocessing


class Net:
    pass


def made(number):
    return Net()


def train():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (net,) = pool.map(made, [1])
    return [__name__, type(net).__module__, type(net) is Net]
"""


def test_what_is_of_a_module_stays_of_that_module(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text(IMPORTABLE)
    (tmp_path / "session.py").write_text(
        "import json, sys\nfrom kubeflow.packaging import bundle\nfrom library import train\n"
        "json.dump(bundle(train).command(python=sys.executable), open('command.json', 'w'))\n"
    )
    user_session(["session.py"], cwd=tmp_path)
    ended = launch(json.loads((tmp_path / "command.json").read_text()), tmp_path / "job")
    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == ["library", "library", True]


CLASS_OF_A_SCRIPT = """\
import inspect


class Net:
    @staticmethod
    def nothing():
        pass


def train():
    return inspect.getsource(Net)


if __name__ == "__main__":
    import json, sys
    from kubeflow.packaging import bundle

    json.dump(bundle(train).command(python=sys.executable), open("command.json", "w"))
"""


def test_the_source_of_a_class_of_a_script_is_found(tmp_path: Path) -> None:
    (tmp_path / "session.py").write_text(CLASS_OF_A_SCRIPT)
    user_session(["session.py"], cwd=tmp_path)
    ended = launch(json.loads((tmp_path / "command.json").read_text()), tmp_path / "job")
    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == "class Net:\n    @staticmethod\n    def nothing():\n        pass\n"


def test_data_beside_a_script_is_found_by_its_file_in_a_copy_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("the data")
    (tmp_path / "session.py").write_text(
        "import json, pathlib, sys\nfrom kubeflow.packaging import bundle\n"
        "def train():\n    return (pathlib.Path(__file__).parent / 'data.txt').read_text()\n"
        "if __name__ == '__main__':\n"
        "    json.dump(bundle(train, code_dir='.').command(python=sys.executable), open('command.json', 'w'))\n"
    )
    user_session(["session.py"], cwd=tmp_path)
    ended = launch(json.loads((tmp_path / "command.json").read_text()), tmp_path / "job")
    assert ended.code == 0, ended.stderr
    assert ended.outcomes[0].result == "the data"

"""Tracebacks, warnings and stack dumps of a job name the user's cell or file, whoever prints them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kubeflow.packaging import bundle
from tests.packaging.launch import Ended, launch, run_bundle, user_session

USERS_TEMPORARY = re.compile(r"kubeflow-[0-9a-f]{16}/(?!\.kubeflow/|kubeflow_main\.py)")
"""The path of a user's file in the directory that a bundle is unpacked into."""

TEXT = """\
def breaks(how):
    raise ValueError(how)


def spawned():
    breaks("in a child")


def show_all(spawn=True):
    import faulthandler
    import inspect
    import io
    import logging
    import multiprocessing
    import sys
    import threading
    import traceback
    import warnings

    try:
        breaks("printed")
    except ValueError:
        traceback.print_exc()
        logging.exception("logged")
    warnings.warn("warned")
    faulthandler.dump_traceback()
    thread = threading.Thread(target=breaks, args=("in a thread",), name="T")
    thread.start()
    thread.join()
    if spawn:
        child = multiprocessing.get_context("spawn").Process(target=spawned)
        child.start()
        child.join()
    print(inspect.getsource(breaks))

    before = sys.excepthook

    def prefixed(*args):  # as torch.distributed.init_process_group puts one in place
        stderr, sys.stderr = sys.stderr, io.StringIO()
        before(*args)
        text, sys.stderr = sys.stderr.getvalue(), stderr
        print("".join("[rank0]: " + line for line in text.splitlines(True)), end="", file=sys.stderr)

    sys.excepthook = prefixed
    breaks("uncaught")
"""

CELLS = """\
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("first = 1", store_history=True)
shell.run_cell(open("text.py").read(), store_history=True).raise_error()
shell.run_cell("from kubeflow.packaging import bundle; made = bundle(show_all)", store_history=True).raise_error()
json.dump(shell.user_ns["made"].command(python=sys.executable), open("command.json", "w"))
"""
OF_MAIN = (
    TEXT
    + """

if __name__ == "__main__":
    import json, sys
    from kubeflow.packaging import bundle
    json.dump(bundle(show_all).command(python=sys.executable), open("command.json", "w"))
"""
)
OF_MODULE = """\
import json, sys
from kubeflow.packaging import bundle
from lib.shows import show_all
json.dump(bundle(show_all).command(python=sys.executable), open("command.json", "w"))
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run_session(folder: Path, files: dict[str, str]) -> Ended:
    """Package in a process of its own what `main.py` says, and run it."""
    write(folder, files)
    user_session(["main.py"], cwd=folder)
    command: list[str] = json.loads((folder / "command.json").read_text())
    return launch(command, folder / "job")


def _line(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


def check(ended: Ended, name: str, *, spawned: bool = True) -> None:
    assert ended.code == 1, ended.stderr
    assert not USERS_TEMPORARY.search(ended.stderr), ended.stderr
    shown = re.compile(rf'^(.*)File "{re.escape(name)}", line 2, in breaks\n(.*)$', re.MULTILINE).findall(ended.stderr)
    lines = [f"{prefix.strip()} {line.strip()}".strip() for prefix, line in shown]
    raised = "raise ValueError(how)"
    assert lines == [raised] * (4 if spawned else 3) + [f"[rank0]: [rank0]:     {raised}"], ended.stderr
    assert f'{name}:{_line("warnings.warn")}: UserWarning: warned\n  warnings.warn("warned")\n' in ended.stderr
    assert f'File "{name}", line {_line("faulthandler.dump")} in show_all' in ended.stderr  # faulthandler
    assert "Exception in thread T:\nTraceback (most recent call last):" in ended.stderr
    assert "def breaks(how):\n    raise ValueError(how)" in ended.stdout
    (outcome,) = ended.outcomes
    assert outcome.error is not None
    assert outcome.error.frames[-1].file == name
    assert outcome.error.frames[-1].text == raised


def test_a_cell_of_a_notebook(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    check(run_session(tmp_path, {"main.py": CELLS, "text.py": TEXT}), "In [2]")


def test_the_script_that_a_function_is_of(tmp_path: Path) -> None:
    check(run_session(tmp_path, {"main.py": OF_MAIN}), "main.py")


def test_a_module_that_a_function_is_of(tmp_path: Path) -> None:
    files = {"main.py": OF_MODULE, "lib/__init__.py": "", "lib/shows.py": TEXT}
    check(run_session(tmp_path, files), "lib/shows.py")


def test_a_module_that_was_changed_since_is_shown_as_it_was_sent(tmp_path: Path) -> None:
    files = {"main.py": OF_MODULE, "lib/__init__.py": "", "lib/shows.py": TEXT}
    write(tmp_path / "job", {"lib/shows.py": "# another text\n" * 60})  # where the job works
    check(run_session(tmp_path, files), "lib/shows.py")


@pytest.mark.parametrize("workspace", [True, False])
def test_a_script(tmp_path: Path, workspace: bool) -> None:
    write(tmp_path, {"jobs/run.py": "import sys\n", "jobs/run2.py": TEXT + "\n\nshow_all(spawn=False)\n"})
    made = bundle(tmp_path / "jobs/run2.py", code_dir=tmp_path if workspace else None)
    check(run_bundle(made, tmp_path / "job"), "jobs/run2.py" if workspace else "run2.py", spawned=False)


def test_a_module_that_is_run(tmp_path: Path) -> None:
    write(tmp_path, {"jobs/__init__.py": "", "jobs/run3.py": TEXT + "\n\nshow_all(spawn=False)\n"})
    made = bundle(module="jobs.run3", code_dir=tmp_path)
    check(run_bundle(made, tmp_path / "job"), "jobs/run3.py", spawned=False)


def test_an_error_of_syntax_in_a_module(tmp_path: Path) -> None:
    write(tmp_path, {"start.py": "__import__(''.join(['la', 'ter']))\n", "later.py": "def f(:\n"})
    ended = run_bundle(bundle(tmp_path / "start.py", code_dir=tmp_path), tmp_path / "job")
    assert 'File "start.py", line 1, in <module>' in ended.stderr
    assert 'File "later.py", line 1\n    def f(:' in ended.stderr


def test_files_of_modules_are_where_they_can_be_read(tmp_path: Path) -> None:
    reads = "from pathlib import Path\nprint(Path(__file__).with_name('data.txt').read_text())\n"
    write(tmp_path, {"start.py": "import lib.reads\n", "lib/reads.py": reads, "lib/data.txt": "the data"})
    ended = run_bundle(bundle(tmp_path / "start.py", code_dir=tmp_path), tmp_path / "job")
    assert (ended.code, ended.stdout) == (0, "the data\n"), ended.stderr


def test_ranks_that_find_bytecode_of_others_show_the_same_names(tmp_path: Path) -> None:
    text = "def breaks():\n    raise ValueError('boom')\n"
    again = (
        "import os, subprocess, sys\nimport lib.broken\n"
        "if 'AGAIN' in os.environ:\n    lib.broken.breaks()\n"
        "run = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'kubeflow_main.py')\n"
        "sys.exit(subprocess.call([sys.executable, run], env={**os.environ, 'AGAIN': '1'}))\n"
    )
    write(tmp_path, {"start.py": again, "lib/broken.py": text})
    ended = run_bundle(bundle(tmp_path / "start.py", code_dir=tmp_path), tmp_path / "job")
    assert "File \"lib/broken.py\", line 2, in breaks\n    raise ValueError('boom')" in ended.stderr
    assert not USERS_TEMPORARY.search(ended.stderr)


def test_what_is_for_numba_keeps_a_path_that_exists_and_is_shown_by_its_name_all_the_same(tmp_path: Path) -> None:
    text = "import os  # as numba asks\nprint(os.path.exists((lambda: 0).__code__.co_filename))\nraise ValueError('boom')\n"
    write(tmp_path, {"start.py": text})
    ended = run_bundle(bundle(tmp_path / "start.py"), tmp_path / "job")
    assert ended.stdout == "True\n"
    assert 'File "start.py", line 3, in <module>\n    raise ValueError' in ended.stderr


DISTRIBUTED = """\
import torch


class Net(torch.nn.Module):
    def forward(self, x):
        return x.relu() + 1


def train():
    import torch.distributed as dist

    dist.init_process_group("gloo")
    print(torch.jit.script(Net())(torch.ones(1)).item())
    dist.barrier()
    raise RuntimeError("boom")
"""


def test_a_distributed_job_of_several_ranks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("IPython")
    cells = CELLS.replace("show_all", "train").replace(
        ".command(python", ".command(('torchrun', '--standalone', '--nproc-per-node', '2'), python"
    )
    ended = run_session(tmp_path, {"main.py": cells, "text.py": DISTRIBUTED})
    shown = set(re.findall(r'\[rank(\d)\]:   File "(.*)", line (\d+), in train\n\[rank\d\]:     (.*)', ended.stderr))
    assert shown == {(rank, "In [2]", "15", 'raise RuntimeError("boom")') for rank in ("0", "1")}, ended.stderr
    assert sorted(ended.stdout) == sorted("2.0\n2.0\n")  # a rank may write between a line and its end of another
    assert not USERS_TEMPORARY.search(ended.stderr)

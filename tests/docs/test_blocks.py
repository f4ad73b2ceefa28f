"""Every code block of every page does what a reader expects who copies it: `python` runs, top to bottom, in one
process for each page, and `sh` after it; what they print is the `text` block below; objects for a cluster are taken by a
real API server. Commands that are not run name targets, extras, modules and files that exist.
"""

from __future__ import annotations

import doctest
import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainingRuntime, TrainJob, check
from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

from tests.cluster.stage import MISSING, REASON, Stage, stage
from tests.cluster.trainjobs import API
from tests.docs.pages import PAGES, ROOT, RUN, Block, blocks, outputs
from tests.docs.reader import Outcome
from tests.locked_environment import locked_python

BLOCKS = [block for page in PAGES for block in blocks(page)]
PRINTED = {str(output): code for page in PAGES for code, output in outputs(blocks(page))}
LANGUAGES = {"python", "sh", "yaml", "toml", "json", "text", "mermaid", ""}
KINDS: dict[str, type[TrainJob | TrainingRuntime | ClusterTrainingRuntime]] = {
    "TrainJob": TrainJob,
    "TrainingRuntime": TrainingRuntime,
    "ClusterTrainingRuntime": ClusterTrainingRuntime,
}
PATIENCE = 560  # seconds for one page

Read = Callable[[Block], Outcome]


def of(*languages: str) -> pytest.MarkDecorator:
    """Parametrize a test with the blocks of some languages that are to be run."""
    chosen = [block for block in BLOCKS if block.language in languages and block.not_run is None]
    return pytest.mark.parametrize("block", chosen, ids=str)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stage]]:
    """A cluster with Trainer, started when it is first asked for. It runs the nodes of its jobs as processes."""
    if MISSING:
        yield lambda: pytest.skip(REASON)
        return
    started: list[Stage] = []
    manager = stage(tmp_path_factory.mktemp("cluster"))

    def start() -> Stage:
        if not started:
            started.append(manager.__enter__())
        return started[0]

    yield start
    if started:
        manager.__exit__(None, None, None)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, cluster: Callable[[], Stage]) -> Read:
    """Return what came of a block. Its page is run once, whichever test process asks first."""
    place = tmp_path_factory.getbasetemp()
    shared = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place

    def outcome(block: Block) -> Outcome:
        to_run = [b for b in blocks(block.page) if b.language in RUN and b.not_run is None]
        folder = shared / f"page-{block.page.relative_to(ROOT).as_posix().replace('/', '-')}"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "outcomes.json").exists():
                connected = any(b.cluster for b in to_run) and not MISSING
                run_page(folder, to_run, cluster().kubeconfig if connected else None)
        outcomes: list[Outcome | None] = json.loads((folder / "outcomes.json").read_text("utf-8"))
        found = outcomes[to_run.index(block)]
        if found is None:
            pytest.skip(REASON)
        return found

    return outcome


def run_page(folder: Path, to_run: list[Block], kubeconfig: Path | None) -> None:
    """Run the blocks of a page in a new process, and keep the outcomes in `folder`; without a cluster not all."""
    run = [block for block in to_run if kubeconfig is not None or not block.cluster]
    tasks = [{"language": block.language, "code": block.code, "cluster": block.cluster} for block in run]
    (folder / "tasks.json").write_text(json.dumps(tasks), "utf-8")
    desk = folder / "desk"
    desk.mkdir()
    if any(block.language == "sh" and "examples/" in block.code for block in run):  # as in a checkout
        (desk / "examples").symlink_to(ROOT / "examples")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KUBEFLOW_")},
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
        "IPYTHONDIR": str(folder / "ipython"),
        "KUBEFLOW_STATE_DIR": str(folder / "state"),
        "KUBECONFIG": str(kubeconfig or folder / "none"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # where the command `kubeflow` is
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    (lock,) = {block.lock for block in run} or {""}
    python = str(locked_python(lock, above_ours=True)) if lock else sys.executable
    command = [python, "-m", "tests.docs.reader", str(folder / "tasks.json"), str(folder / "new.json")]
    result = subprocess.run(
        command, cwd=desk, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stdout + result.stderr
    done = iter(json.loads((folder / "new.json").read_text("utf-8")))
    outcomes = [next(done) if block in run else None for block in to_run]
    (folder / "outcomes.json").write_text(json.dumps(outcomes), "utf-8")


# -- python -----------------------------------------------------------------------------------------------------------


@of("python")
def test_python_runs_after_the_blocks_above_it(block: Block, read: Read) -> None:
    outcome = read(block)
    raised = outcome["error"] and outcome["error"][0]
    assert raised == block.raises, f"{block}\n{outcome['traceback']}"


@of("sh")
def test_commands_run_after_the_blocks_above_them(block: Block, read: Read) -> None:
    outcome = read(block)
    code = int(outcome["error"][1]) if outcome["error"] else 0
    assert code == block.exits, f"{block}\n{outcome['output']}"


@of("python")
def test_objects_of_a_block_are_taken_by_the_server(block: Block, read: Read, cluster: Callable[[], Stage]) -> None:
    for manifest in read(block)["objects"]:
        if manifest["kind"] not in KINDS:
            continue
        if check(
            KINDS[manifest["kind"]].from_server(manifest), AVAILABILITY.minors[-1]
        ):  # this server has the newest minor
            assert "minor=" in block.code
        else:
            server_takes(cluster(), manifest)


@of("text")
def test_text_is_what_the_block_above_prints(block: Block, read: Read) -> None:
    if str(block) not in PRINTED:
        return  # a drawing, or a text of another program
    outcome = read(PRINTED[str(block)])
    failed = outcome["error"] if PRINTED[str(block)].language == "python" else None
    error = f"{failed[0]}: {failed[1]}\n" if failed else ""
    printed = normal(outcome["output"] + error)
    expected = re.sub(r"(?m)^\.\.\.\n", "...", normal(block.code))  # a line of dots: lines, or none
    checker = doctest.OutputChecker()
    if not checker.check_output(expected, printed, doctest.ELLIPSIS):
        shown = checker.output_difference(doctest.Example("", expected), printed, doctest.REPORT_NDIFF)
        pytest.fail(f"{block}\n{shown}\nas it was printed:\n{outcome['output'] + error}")


# What is another one each time, and the word that stands for it.
VARYING = [
    (r"\x1b\[[0-9;]*m", ""),
    (r"\d{4}-\d\d-\d\d[ T]", ""),
    (r"\d\d:\d\d:\d\d(\.\d+)?( UTC|Z|[+-]\d\d:?\d\d)?", "TIME"),
    (r"\b[a-z][a-z0-9-]*-[0-9a-f]{4}(-[a-z0-9_]{8})?\b", "NAME"),  # a job, its folder
    (r"\bnode-[1-9]\d*:", "node-N:"),
    (r"\b\d+(\.\d+)? ?s\b", "SECONDS"),
    (r"\b(pid|port|process) \d+", r"\1 NUMBER"),
    (r"0x[0-9a-f]+", "ADDRESS"),
    (r"(/[\w.~-]+)+/", "/PATH/"),
]


def normal(text: str) -> str:
    """Return text without what varies; lines of several ranks in the order of their ranks."""
    lines: list[str] = []
    for is_rank, group in groupby(text.strip("\n").splitlines(), lambda line: line.startswith("[node-")):
        together = list(group)
        lines += sorted(together) if is_rank else together
    text = "\n".join(line.rstrip() for line in lines)
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text + "\n"


# -- yaml, toml, json -------------------------------------------------------------------------------------------------


@of("yaml", "toml", "json")
def test_data_reads_and_trainer_objects_are_taken_by_the_server(block: Block, cluster: Callable[[], Stage]) -> None:
    if block.language != "yaml":
        assert {"toml": tomllib.loads, "json": json.loads}[block.language](block.code)
        return
    for document in yaml.safe_load_all(block.code):
        if document.get("kind") in KINDS:
            server_takes(cluster(), KINDS[document["kind"]].from_yaml(yaml.safe_dump(document)).to_dict())


def server_takes(stage: Stage, manifest: Mapping[str, Any]) -> None:
    """Have the API server say whether it takes an object, unknown fields being errors. It stores nothing."""
    plural = f"{manifest['kind'].lower()}s"
    home = "" if manifest["kind"].startswith("Cluster") else "/namespaces/default"
    named = {**manifest, "metadata": {**manifest["metadata"], "namespace": "default"} if home else manifest["metadata"]}
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    stage.wire.send("POST", f"{API}{home}/{plural}", named, query=query)


# -- sh ---------------------------------------------------------------------------------------------------------------


SHELL = [block for block in BLOCKS if block.language == "sh"]
HANDS_OFF = {"pip", "make", "git", "kubectl", "cd", "docker", "podman", "apt-get"}
"""Commands that tests do not run from a page: they change an environment, or the machine."""


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_that_are_not_run_name_what_exists(block: Block) -> None:
    for words in command_lines(block):
        if block.not_run is None:
            assert words[0] not in HANDS_OFF, f"{block}: tests do not run {words[0]}: say why before the block"
        elif words[0] in {"pip", "make", "python", "python3"}:
            problem = unknown(words)
            assert problem is None, f"{block}: {shlex.join(words)}: {problem}"


def command_lines(block: Block) -> Iterator[list[str]]:
    """Yield the words of each command of a block, without the variables before it."""
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if words:
            yield words


def unknown(words: list[str]) -> str | None:
    """Return what a command line names that does not exist here; `None` when all of it does."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    command, *rest = words
    if command == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
        return next((f"no target {word}" for word in rest if "=" not in word and word not in targets), None)
    if command == "pip" and rest[0] == "install":
        for requirement in rest[1:]:
            match = re.fullmatch(r"(kubeflow|\.)(?:\[([\w,]+)\])?", requirement)
            if match:
                missing = set((match[2] or "").split(",")) - {"", *pyproject["optional-dependencies"]}
                if missing:
                    return f"no extra {missing}"
            elif not re.fullmatch(r"-e|--\w[\w-]*|[\w-]+(\[[\w,]+\])?([<>=]=[\d.]+)?", requirement):
                return f"not a requirement: {requirement}"
        return None
    if command in ("python", "python3"):
        if rest[0] == "-m":
            return None if find_spec(rest[1]) else f"no module {rest[1]}"
        of_the_project = rest[0].partition("/")[0] in {"examples", "tests", "docs"}  # else it is the reader's own
        return f"no file {rest[0]}" if of_the_project and not (ROOT / rest[0]).exists() else None
    return None


# -- the pages --------------------------------------------------------------------------------------------------------


def test_every_block_has_a_language_that_is_tested_or_says_why_it_is_not_run() -> None:
    assert {page.name for page in PAGES} >= {"README.md", "architecture.md", "packaging.md"}
    for block in BLOCKS:
        if block.not_run is None:
            assert block.language in LANGUAGES, f"{block}: no test for {block.language}: say why it is not run"
        else:
            assert len(block.not_run.split()) >= 3, f"{block}: say why it is not run"
        if not block.language:
            assert not re.search(
                r"^\s*(import|from|pip|python|make|kubectl|apiVersion:)\s", block.code, re.MULTILINE
            ), f"{block}: code without a language"


def test_every_fence_of_a_page_is_found() -> None:
    for page in PAGES:
        fences = sum(line.startswith("```") for line in page.read_text("utf-8").splitlines())
        assert fences == 2 * len(blocks(page)), page


def test_what_is_said_before_a_block_is_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n<!-- not run: needs a cluster with Kueue -->\n```python\nx\n```\n\n<!-- raises: JobFailed -->\n"
        "<!-- cluster -->\n\n```python\ny\n```\nIt says\n\n```text\nno\n```\n```\ndrawing\n```\n",
        "utf-8",
    )
    first, second, third, fourth = blocks(page)
    assert (first.line, first.code, first.not_run) == (4, "x\n", "needs a cluster with Kueue")
    assert (second.raises, second.cluster, second.not_run) == ("JobFailed", True, None)
    assert (third.language, fourth.language, fourth.raises) == ("text", "", None)
    assert outputs(blocks(page)) == [(second, third)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("make demo test", None),
        ("make demos", "no target demos"),
        ("pip install '.[examples,s3]'", None),
        ("pip install 'kubeflow[example]'", "no extra {'example'}"),
        ("python examples/digits.py 4", None),
        ("python examples/digit.py", "no file examples/digit.py"),
        ("python -m kubeflow.packaging unpack a b", None),
    ],
)
def test_commands_that_do_not_exist_are_seen(line: str, problem: str | None) -> None:
    assert unknown(shlex.split(line)) == problem


def test_what_varies_is_not_compared_and_all_else_is() -> None:
    one = "[node-1:rank1] b\n[node-0:rank0] a\ntrain-3f2a: ended at 10:11:12 after 3.4 s in /tmp/a/b.py\n"
    other = "[node-0:rank0] a\n[node-1:rank1] b\ntrain-77aa: ended at 01:02:03 after 5 s in /home/x/b.py\n"
    assert normal(one) == normal(other) != normal(other.replace("ended", "failed"))

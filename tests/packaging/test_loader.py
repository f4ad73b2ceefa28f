"""The loader: on every Python of the machine, as anyone, with what it installs, and what it refuses in
words.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from kubeflow.packaging import Bundle, bundle, hyperparameter_env, read_outcomes
from tests.packaging.cases import plain
from tests.packaging.launch import ROOT, environment, in_parallel, launch, run_bundle
from tests.packaging.result_nodes import comparable

PYENV = Path.home() / ".pyenv/versions"
PYTHONS = sorted({*PYENV.glob("*/bin/python"), *map(Path, filter(None, [shutil.which("python3", path="/usr/bin")]))})


def version(python: Path) -> tuple[int, int]:
    text = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.(\d+)", text.stdout + text.stderr)
    assert found, text
    return int(found.group(1)), int(found.group(2))


@pytest.mark.parametrize("python", PYTHONS, ids=lambda p: f"{p.parts[-3]}")
@pytest.mark.parametrize("shell", [False, True], ids=["plain", "shell"])
def test_runs_on_every_python_from_3_8_and_says_so_on_older_ones(python: Path, shell: bool, tmp_path: Path) -> None:
    made = bundle(plain.version)
    command = (made.shell_command if shell else made.command)(python=str(python))
    ended = launch(command, tmp_path)
    if version(python) < (3, 8):
        assert ended.code == 1
        assert "needs Python 3.8 or newer" in ended.stderr
    else:
        assert ended.code == 0, ended.stderr
        assert [(o.rank, o.result) for o in ended.outcomes] == [(0, list(version(python)))]


PORTABLE = """
import dataclasses, datetime, decimal, enum, functools, json, sys, uuid
from pathlib import Path

RATES = {1: (2, {3})}
LOSSES = {"half": lambda v: v / 2}

class Color(enum.Enum):
    RED = "r"

@dataclasses.dataclass
class Config:
    color: Color
    where: Path
    when: datetime.datetime

def logged(f):
    @functools.wraps(f)
    def inner(*a, **k):
        return ["logged", f(*a, **k)]
    return inner

@logged
def helper(x):
    return LOSSES["half"](x)

def make(k):
    def train(config, *values, **named):
        return [k, helper(3), RATES, config, values, named]
    return train

if __name__ == "__main__":
    from kubeflow.packaging import bundle
    config = Config(Color.RED, Path("a"), datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc))
    given = {"d": decimal.Decimal("1.5"), "u": uuid.UUID(int=3), "b": b"x", "f": float("inf"), "r": range(3)}
    made = bundle(functools.partial(make((1, 2)), config, 5), args=given)
    print(json.dumps(made.command(python="PYTHON")))
"""


def test_a_closure_and_every_kind_of_value_run_on_every_python(tmp_path: Path) -> None:
    """Packaged once, under this Python; the code and the codec's values then run on all of them."""

    (tmp_path / "session.py").write_text(PORTABLE)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, tmp_path / "session.py"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    _, *rest = json.loads(done.stdout)
    pythons = [python for python in PYTHONS if version(python) >= (3, 8)]
    ended = in_parallel(lambda p: launch([str(p), *rest], tmp_path / f"on-{p.parts[-3]}"), pythons)
    assert [(e.code, e.stderr) for e in ended] == [(0, "")] * len(pythons)
    # Python 3.11.0 to 3.11.2 name members of enums by their name.
    by_name = json.dumps(["name", [["c", "'__main__:Color.RED'"]]])
    by_value = json.dumps(["reduced", [["a", ["'r'"]], ["c", "'__main__:Color'"]]])
    results = [json.loads(json.dumps(comparable(e.raw["result"])).replace(by_name, by_value)) for e in ended]
    assert results == [results[0]] * len(results)
    assert isinstance(results[0], list)
    assert results[0][:2] == [["tuple", ["0x1", "0x2"]], ["'logged'", "1.5"]]


@pytest.mark.parametrize(("how", "code"), [("raise", 1), ("exit", 3), ("signal", -15), ("thread", 0), ("leave", 0)])
def test_a_rank_ends_in_the_same_way_on_every_python(how: str, code: int, tmp_path: Path) -> None:
    _, *rest = bundle(plain.end, args={"how": how}).command(python="PYTHON")
    pythons = [python for python in PYTHONS if version(python) >= (3, 8)]
    ended = in_parallel(lambda p: launch([str(p), *rest], tmp_path / f"on-{p.parts[-3]}"), pythons)
    assert [each.code for each in ended] == [code] * len(pythons), ended[0].stderr
    for each in ended:
        assert "_kubeflow_remote" not in each.stderr
        assert each.stderr.count("ValueError: outer") == (how in ("raise", "thread"))
        assert each.stderr.count('File "tests/packaging/cases/plain.py"') == {"raise": 3, "thread": 2}.get(how, 0)
        assert {outcome.error is None for outcome in each.outcomes} == ({code == 0} if how != "signal" else set())
    if how == "leave":
        assert {path.read_text() for path in tmp_path.glob("on-*/left.txt")} == {"left open"}


@pytest.mark.parametrize("shell", [False, True], ids=["plain", "shell"])
def test_becomes_the_parent_of_the_users_process_so_that_signals_reach_it(shell: bool, tmp_path: Path) -> None:
    made = bundle(plain.sleep_until_told)
    command = (made.shell_command if shell else made.command)(python=sys.executable)
    env = environment(tmp_path, {"TMPDIR": str(tmp_path)})
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        rank = int(process.stdout.readline())
        assert psutil.Process(rank).ppid() == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    assert read_outcomes(tmp_path) == []


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_is_the_users(code: int, tmp_path: Path) -> None:
    assert run_bundle(bundle(plain.leave, args={"code": code}), tmp_path, shell=True).code == code


def refused(command: list[str], directory: Path) -> str:
    """Run a command that must not start; return its words, which the outcome file repeats."""
    ended = launch(command, directory)
    assert ended.code == 78, ended
    assert ended.stdout == ""
    outcome = ended.outcomes[0]
    assert outcome.error is not None
    assert outcome.error.type == "StartError"
    assert outcome.error.message in ended.stderr
    assert "Traceback" not in ended.stderr
    return outcome.error.message


def test_refuses_a_bundle_that_was_changed(tmp_path: Path) -> None:
    *head, wanted = bundle(plain.version).command(python=sys.executable)
    other = bundle(plain.who).command()[-1]
    assert re.search("(is not the one that was submitted|was cut or lost)", refused([*head, other], tmp_path / "a"))
    flipped = bundle(plain.version).command(python=sys.executable)
    middle = len(wanted) // 2
    piece = flipped[-1]
    flipped[-1] = piece[:middle] + ("A" if piece[middle] != "A" else "B") + piece[middle + 1 :]
    assert "is not the one that was submitted: sha256" in refused(flipped, tmp_path / "b")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda c: c[:-1], "was cut or lost"),
        (lambda c: [*c[:-1], c[-1][:-9]], "was cut or lost"),
        (lambda c: [*c[:-1], "$" * len(c[-1])], "is not the one that was submitted"),
        (lambda c: [*c[:-1], "\N{SNOWMAN}" * len(c[-1])], "is not the one that was submitted"),
        (lambda c: [*c[:4], c[4][:44], *c[5:]], "missing or damaged"),
        (lambda c: c[:4], "missing or damaged"),
        (lambda c: [*c[:4], "!!!", *c[5:]], "missing or damaged"),
    ],
)
def test_says_what_happened_to_the_command(damage: object, words: str, tmp_path: Path) -> None:
    assert callable(damage)
    command: list[str] = damage(bundle(plain.version).command(python=sys.executable))
    assert words in refused(command, tmp_path)


def test_a_launcher_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = refused(bundle(plain.version).command(("deepspeed", "-x"), python=sys.executable), tmp_path)
    assert "'deepspeed'" in words
    assert "No such file" in words


def nobody(command: list[str]) -> list[str]:
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command]


needs_root = pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="changes the user")
SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin") or ""


@pytest.fixture
def elsewhere() -> Path:
    """A directory that another user may enter: pytest's own are private."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="open-", dir="/var/tmp"))


@needs_root
@pytest.mark.skipif(not SYSTEM_PYTHON, reason="the interpreters of pyenv are root's alone")
def test_runs_as_a_user_without_a_writable_home(elsewhere: Path) -> None:
    home, work = elsewhere / "home", elsewhere / "work"
    home.mkdir(mode=0o555)
    work.mkdir()
    elsewhere.chmod(0o755)
    work.chmod(0o777)
    made = bundle(plain.who)
    ended = launch(nobody(made.command(python=SYSTEM_PYTHON)), work, {"HOME": str(home)})
    assert ended.code == 0, ended.stderr
    result = ended.outcomes[0].result
    assert isinstance(result, dict)
    assert (result["uid"], result["home"]) == (65534, str(home))
    shutil.rmtree(elsewhere)


def test_without_any_writable_directory_it_says_what_to_mount(tmp_path: Path) -> None:
    # Root may write everywhere, so the only way to have no directory at all is to name those that are none.
    code = (
        "import sys; sys.argv[0] = 'x'; from kubeflow.packaging.remote import loader;"
        "loader.temporary_roots = lambda: ['/proc/none', '/dev/null'];"
        "loader.main(sys.argv)"
    )
    command = bundle(plain.version).command()
    env = {**environment(tmp_path / "outcomes"), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, *command[3:]], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "Mount a volume of type emptyDir at /tmp" in done.stderr


def test_the_loader_loads_neither_openssl_nor_regular_expressions() -> None:
    command = bundle(plain.version).command(launcher=("true",), python=sys.executable)
    timed = subprocess.run(
        [command[0], "-S", "-X", "importtime", *command[1:]], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in timed.stderr.splitlines()}
    assert "zlib" in loaded
    assert not loaded & {"re", "hashlib", "json", "base64", "typing", "enum", "tempfile", "subprocess"}


def test_hyperparameters_come_as_text_and_leave_as_numbers(tmp_path: Path) -> None:
    made = bundle(plain.tuned, hyperparameters=["lr", "size"], args={"mode": "b"})
    ended = run_bundle(made, tmp_path, extra=hyperparameter_env({"lr": "1e-3", "size": "16.000000"}))
    assert ended.outcomes[0].result == [0.001, 16, "b"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"size": "2"}, "KUBEFLOW_PARAMETER_lr is not set"),
        ({"lr": "0.1", "size": "2.5"}, "size='2.5' is not int"),
    ],
)
def test_a_hyperparameter_that_is_missing_or_no_number_is_named(
    given: dict[str, str], words: str, tmp_path: Path
) -> None:
    made = bundle(plain.tuned, hyperparameters=["lr", "size"])
    ended = run_bundle(made, tmp_path, extra=hyperparameter_env(given))
    assert ended.code == 1
    assert ended.outcomes[0].error is not None
    assert words in ended.outcomes[0].error.message


def katib(command: list[str], metrics: Path, assignments: dict[str, str]) -> list[str]:
    """Rewrite a container's command as Katib 0.19 does: replace placeholders, join, redirect, mark the
    end.
    """

    text = json.dumps(command)
    for name, value in assignments.items():
        text = text.replace(f"${{trialParameters.{name}}}", value)
    shell, option, *rest = json.loads(text)
    mark = f"echo completed > {metrics.parent}/$$$$.pid"
    line = " ".join([*rest, f"1>{metrics} 2>&1", "&&", mark])
    return [shell, option, kubernetes(line)]


def kubernetes(text: str) -> str:
    """Expand as the kubelet does: `$$` is a dollar sign, `$(NAME)` a variable when there is one."""
    return re.sub(r"\$\$|\$\((\w+)\)", lambda m: "$" if m[0] == "$$" else os.environ.get(m[1], m[0]), text)


@pytest.mark.parametrize("large", [False, True], ids=["small", "600 KiB"])
def test_katibs_rewriting_leaves_the_shell_form_intact(large: bool, tmp_path: Path) -> None:
    made = bundle(plain.tuned, hyperparameters=["lr"], code_dir=six_hundred_kib(tmp_path) if large else None)
    assert bool(made.shell_environment()) == large
    metrics = tmp_path / "katib" / "metrics.log"
    metrics.parent.mkdir()
    command = katib(made.shell_command(python=sys.executable), metrics, {"lr": "0.5"})
    variables = {
        n: v.replace("${trialParameters.lr}", "0.5")
        for n, v in hyperparameter_env({"lr": "${trialParameters.lr}"}).items()
    }
    ended = launch(command, tmp_path / "job", {**variables, **made.shell_environment()})
    assert ended.code == 0, ended.stderr
    assert metrics.read_text() == "loss=1.0\n"
    assert [p.read_text() for p in metrics.parent.glob("*.pid")] == ["completed\n"]


@pytest.mark.parametrize("form", ["plain", "shell"])
def test_the_command_survives_kubernetes_expansion_byte_for_byte(form: str) -> None:
    made = bundle(plain.version)
    words = made.command() if form == "plain" else made.shell_command()
    assert [kubernetes(w) for w in words] == words
    assert not any(c in word for word in words for c in "$`\\\n")


def six_hundred_kib(directory: Path) -> Path:
    """A workspace of modules that hold 600 KiB of text which does not compress to nothing."""
    import random

    folder = directory / "workspace" / "big"
    folder.mkdir(parents=True)
    dice = random.Random(5)
    for number in range(100):
        lines = [f"NAME_{i} = {dice.getrandbits(90)}, 'word {dice.randrange(99)} and some text'" for i in range(105)]
        (folder / f"m{number}.py").write_text("\n".join(lines) + "\n")
    assert sum(p.stat().st_size for p in folder.iterdir()) > 600 * 1024
    return folder.parent


def written_by_six_hundred_kib(directory: Path) -> Bundle:
    folder = six_hundred_kib(directory)
    lines = [f"import big.m{i}" for i in range(100)]
    (folder / "train.py").write_text("\n".join(lines) + "\nprint(big.m99.NAME_104[1])\n")
    return bundle(folder / "train.py")


@pytest.mark.parametrize("shell", [False, True], ids=["plain", "shell"])
def test_600_kib_of_imported_modules_arrive(shell: bool, tmp_path: Path) -> None:
    made = written_by_six_hundred_kib(tmp_path)
    assert len(made.files()) > 100
    assert max(map(len, made.command())) < 64 * 1024  # Trainer 2.2 takes no larger item
    ended = run_bundle(made, tmp_path / "job", shell=shell)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.startswith("word ")


@pytest.mark.skipif(not shutil.which("mpirun"), reason="needs Open MPI")
def test_mpirun_starts_the_loader_on_every_rank(tmp_path: Path) -> None:
    launcher = ("mpirun", "--allow-run-as-root", "--oversubscribe", "-np", "2", "python")
    ended = launch(bundle(plain.who).command(launcher, python=sys.executable), tmp_path)
    assert ended.code == 0, ended.stderr
    assert [o.rank for o in ended.outcomes] == [0, 1]
    pids = {o.result["pid"] for o in ended.outcomes if isinstance(o.result, dict)}
    assert len(pids) == 2


def test_many_jobs_at_once_do_not_meet(tmp_path: Path) -> None:
    command = bundle(plain.who).command(python=sys.executable)
    env = environment(tmp_path / "o", {"TMPDIR": str(tmp_path)})
    codes = in_parallel(lambda _: subprocess.run(command, env=env, check=False).returncode, range(6))
    assert codes == [0] * 6
    assert all(p.stat().st_mode & 0o077 == 0 for p in tmp_path.glob("kubeflow-*"))

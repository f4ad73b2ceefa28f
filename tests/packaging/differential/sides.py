"""Who sends a call: this SDK (as a local job and as a TrainJob), cloudpickle, or the published package.

Each side is a function of the train function, its arguments, the name of a runtime, and an empty folder. It returns
`{"refused": words}`, or `{"ways": {name: end}}` where an end has `code`, `output` (stdout and stderr, or one text where
both are in one), and `result` or `error` as far as the side tells them.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from play import written  # type: ignore[import-not-found]  # a program's folder is on the path

Function = Callable[..., object]
Report = dict[str, object]

_SECONDS = 80

CONTAINER = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "KUBEFLOW_"))},
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONUNBUFFERED": "1",
}
"""Environment of a container: the one of this program as it began, before a case changed it."""


def warm(side: str) -> None:
    """Import what a side and a notebook import, once for all cases."""
    import IPython.core.interactiveshell  # noqa: F401

    if side == "ours":
        from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient

        TrainerClient(KubernetesBackendConfig(offline=True)).train(
            "jax-distributed", trainer=CustomTrainer(func=warm, func_args={"side": side}), dry_run=True
        )
    elif side == "cloudpickle":
        __import__("cloudpickle")
    else:
        __import__("kubeflow.trainer.backends.kubernetes.utils")


def ours(function: Function, arguments: Mapping[str, object], runtime: str, folder: Path) -> Report:
    """Send it by `TrainerClient`: one job of this machine, and the command of the TrainJob, run as a pod runs it."""
    from kubeflow.core.errors import InvalidInput
    from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient

    trainer = CustomTrainer(func=function, func_args=dict(arguments), num_nodes=1)
    offline = TrainerClient(KubernetesBackendConfig(offline=True))
    local = TrainerClient(LocalProcessBackendConfig(state_dir=str(folder / "state")))
    refused: dict[str, str] = {}
    container = name = None
    try:
        container = offline.train(runtime, trainer=trainer, dry_run=True).spec.trainer
    except InvalidInput as error:
        refused["trainjob"] = str(error)
    try:
        name = local.train(runtime, trainer=trainer)
    except InvalidInput as error:
        refused["local"] = str(error)
    if len(refused) == 2:
        return {"refused": refused["local"]}
    ways: dict[str, Report] = {way: {"refused": words} for way, words in refused.items()}
    if container is not None:
        variables = {each.name: str(each.value) for each in container.env or ()}
        command = [*(container.command or ()), *(container.args or ())]
        ways["trainjob"] = _pod(command, folder / "pod", variables, runtime)
    if name is not None:
        ways["local"] = _local_job(local, name, folder / "state")
    return {"ways": ways}


def _local_job(client, name, state: Path) -> Report:  # type: ignore[no-untyped-def]  # the SDK is one of several here
    from kubeflow.packaging import read_outcomes
    from kubeflow.trainer.errors import JobFailed

    end: Report = {}
    with contextlib.suppress(JobFailed):
        client.wait_for_job_status(name, timeout=_SECONDS, polling_interval=0.05)
    (directory,) = state.glob(f"jobs/{name}-*")
    outcomes = read_outcomes(directory / "outcomes")
    if outcomes and outcomes[0].error is not None:
        end |= _told(outcomes[0].error)
    else:
        try:
            end["result"] = written(client.get_job_result(name))
        except Exception as error:  # noqa: BLE001  (it is told as it is)
            end["unsaid"] = str(error)
    exits = directory / "node-0" / "rank-0.exit"
    end["code"] = int(exits.read_text().split()[0]) if exits.exists() else 0
    end["output"] = ["".join(f"{line}\n" for line in client.get_job_logs(name))]
    return end


def _told(error) -> Report:  # type: ignore[no-untyped-def]  # the SDK is one of several here
    return {
        "error": [error.type, error.message],
        "frames": [[frame.file, frame.line, frame.function] for frame in error.frames],
    }


def _pod(command: Sequence[str], folder: Path, variables: Mapping[str, str], runtime: str) -> Report:
    """Run a container's command in an empty folder, with what the control plane sets for a torch job of one node."""
    from kubeflow.local.executors.ports import ReservedPort
    from kubeflow.packaging import OUTPUT_DIR, read_outcomes

    node = {"PET_NNODES": "1", "PET_NPROC_PER_NODE": "1", "PET_NODE_RANK": "0"}
    outcomes = folder / "outcomes"
    with ReservedPort() as port:  # nobody else is given it meanwhile
        node |= {"PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port.number)}
        end = _run(command, folder, {**variables, **(node if "torch" in runtime else {}), OUTPUT_DIR: str(outcomes)})
    for outcome in read_outcomes(outcomes):
        if outcome.error is not None:
            end |= _told(outcome.error)
        else:
            end["result"] = written(outcome.result)
        end["unsaid"] = outcome.no_result
    return end


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Report:
    folder.mkdir()
    # Short, as in a container: workers of a loader make sockets there, whose path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pod-") as temporary:
        ended = subprocess.run(
            ["bash", "-c", f"exec {shlex.join(command)}"],
            env={**CONTAINER, "TMPDIR": temporary, **variables},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    return {"code": ended.returncode, "output": [ended.stdout, ended.stderr]}


_LOAD = """\
import asyncio, inspect, pickle, sys
with open(sys.argv[1], "rb") as stream:
    function, arguments = pickle.load(stream)
result = function(**arguments)
sys.path.insert(0, sys.argv[2])
from play import awaited, written
if inspect.isawaitable(result):
    result = asyncio.run(awaited(result))
with open(sys.argv[3], "w") as stream:
    stream.write(written(result))
"""


def cloudpickle(function: Function, arguments: Mapping[str, object], runtime: str, folder: Path) -> Report:
    """Send it by `cloudpickle.dumps`: loaded and called by a fresh process of the same Python."""
    import cloudpickle as pickler  # type: ignore[import-untyped]

    del runtime
    packed, result = folder / "packed", folder / "result"
    try:
        packed.write_bytes(pickler.dumps((function, dict(arguments))))
    except Exception as error:  # noqa: BLE001  (whatever it raises, it did not start)
        return {"refused": f"{type(error).__name__}: {error}"}
    program = [sys.executable, "-c", _LOAD, str(packed), str(Path(__file__).parent), str(result)]
    end = _run(program, folder / "pod", {})
    if result.exists():
        end["result"] = result.read_text()
    return {"ways": {"loaded": end}}


def published(function: Function, arguments: Mapping[str, object], runtime: str, folder: Path) -> Report:
    """Send it by the published package: the container command that it makes of a `CustomTrainer`.

    It returns no results: the call at the end of the text that it makes is made to write the result, so that more
    than the output can be compared.
    """
    command_of = importlib.import_module("kubeflow.trainer.backends.kubernetes.utils").get_command_using_train_func
    constants = importlib.import_module("kubeflow.trainer.constants.constants")
    types = importlib.import_module("kubeflow.trainer.types.types")
    del runtime
    trainer = types.RuntimeTrainer(trainer_type=types.TrainerType.CUSTOM_TRAINER, framework="plain", image="image")
    trainer.set_command(constants.DEFAULT_COMMAND)
    made = types.Runtime(name="plain", trainer=trainer, kind=types.RuntimeKind.CLUSTER_TRAINING_RUNTIME)
    try:
        command = command_of(made, function, dict(arguments), [], None)
    except Exception as error:  # noqa: BLE001  (whatever it raises, it did not start)
        return {"refused": f"{type(error).__name__}: {error}"}
    result = folder / "result"
    text = command[-1]
    called = re.compile(rf"^({re.escape(function.__name__)}\(.*\))$", re.MULTILINE)
    writes = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from play import written\n"
    calls = list(called.finditer(text))
    if calls:
        last = calls[-1]
        kept = f"KEPT = {last[1]}\n{writes}open({str(result)!r}, 'w').write(written(KEPT))"
        text = text[: last.start()] + kept + text[last.end() :]
    end = _run([*command[:-1], text], folder / "pod", {})
    if result.exists():
        end["result"] = result.read_text()
    return {"ways": {"pod": end}}


SIDES: dict[str, Callable[[Function, Mapping[str, object], str, Path], Report]] = {
    "ours": ours,
    "cloudpickle": cloudpickle,
    "published": published,
}

"""Writes the objects of this folder. Ran once, with the kubeflow 0.6 of commit 911bba2: what that version made stays.

python make.py FOLDER
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import tempfile
from pathlib import Path

import yaml
from IPython.core.interactiveshell import InteractiveShell

from kubeflow.packaging import Bundle, bundle, bundle_annotations, hyperparameter_env
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient

PROJECT = {
    "steps.py": "def twice(value):\n    return 2 * value\n",
    "training.py": """\
import dataclasses
import os

from steps import twice


@dataclasses.dataclass
class Config:
    lr: float
    tags: tuple


def train(config, epochs):
    print("trained for", epochs, "epochs on rank", os.environ.get("RANK", "0"))
    return [twice(config.lr * epochs), config.tags]


def fail(key):
    return {}[key]


def tuned(lr: float, size: int = 1):
    print(f"loss={twice(lr)}")
    return [lr, size]


def with_package():
    import yaml

    return yaml.safe_load("[1, 2]")
""",
    "train.py": """\
import argparse

from steps import twice

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
print("script has", twice(parser.parse_args().lr))
""",
    "tools/run.py": """\
from pathlib import Path

import steps

print("workspace has", steps.twice(2), Path("data.txt").read_text().strip())
""",
    "data.txt": "some data\n",
}
CELLS = (
    "import functools\nRATES = {1: (2, {3})}",
    "def logged(f):\n    @functools.wraps(f)\n    def inner(*args, **kwargs):\n        return ['logged', f(*args, **kwargs)]\n    return inner",
    "class Model:\n    size = 3\n\n@logged\ndef train(lr):\n    print('in a cell')\n    return [RATES, Model.size, lr]",
)


def trial(made: Bundle, variables: dict[str, str]) -> dict[str, object]:
    """A job as Katib starts one: the shell form, its pieces and its hyperparameters in the environment."""
    environ = {**made.shell_environment(), **variables}
    container = {
        "name": "training",
        "image": "python:3.11",
        "command": made.shell_command(),
        "env": [{"name": name, "value": value} for name, value in environ.items()],
    }
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    metadata = {"name": "trial", "annotations": bundle_annotations(made)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


def trainjob(made: Bundle, launcher: tuple[str, ...]) -> dict[str, object]:
    command = made.command(launcher)
    reference = {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": "torch-distributed"}
    spec = {"runtimeRef": reference, "trainer": {"command": command[:1], "args": command[1:]}}
    metadata = {"name": "by-hand", "annotations": bundle_annotations(made)}
    return {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": metadata, "spec": spec}


def main(folder: Path) -> None:
    project = Path(tempfile.mkdtemp())
    for name, text in PROJECT.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (project / "tools/run.py").chmod(0o755)
    sys.path.insert(0, str(project))
    training = importlib.import_module("training")

    client = TrainerClient(KubernetesBackendConfig(offline=True))
    config = training.Config(0.5, ("a", "b"))
    documents: dict[str, object] = {}

    def sent(name: str, trainer: CustomTrainer) -> None:
        documents[name] = client.train(trainer=trainer, name=name, dry_run=True).to_dict()

    sent("module-function", CustomTrainer(training.train, func_args={"config": config, "epochs": 3}))
    sent("failing-function", CustomTrainer(training.fail, func_args={"key": "best"}))
    sent("requirements", CustomTrainer(training.with_package, packages_to_install=["PyYAML"]))
    shell = InteractiveShell.instance()
    for cell in CELLS:
        shell.run_cell(cell, store_history=True)  # type: ignore[no-untyped-call]  # (IPython has no types)
    sent("notebook-function", CustomTrainer(shell.user_ns["train"], func_args={"lr": 0.25}))
    documents["hyperparameters"] = trial(
        bundle(training.tuned, hyperparameters=["lr", "size"]), hyperparameter_env({"lr": "0.5", "size": "16.0"})
    )
    documents["script"] = trainjob(bundle(project / "train.py", args={"lr": 0.25}), ("python",))
    documents["workspace"] = trainjob(bundle(project / "tools/run.py", code_dir=project), ("python",))
    documents["mpirun"] = trainjob(bundle(training.train, args={"config": config, "epochs": 3}), ("mpirun", "python"))
    dice = random.Random(5)
    (project / "large.bin").write_bytes(dice.randbytes(30_000))
    documents["pieces-in-environment"] = trial(bundle(project / "tools/run.py", code_dir=project), {})
    for name, document in documents.items():
        text = yaml.safe_dump(document, sort_keys=False, width=1000)
        assert str(project) not in json.dumps(document)
        (folder / f"{name}.yaml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

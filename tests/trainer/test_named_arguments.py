"""Every argument that a message names exists on a public call that the reader of that message uses."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kubeflow.cluster
import kubeflow.hub
import kubeflow.spark.options
import kubeflow.trainer
import kubeflow.training
from kubeflow.core import builder, resource
from kubeflow.core.artifact import Artifact
from kubeflow.core.model import KubeObject
from kubeflow.packaging import Bundle, PackagingError, bundle
from kubeflow.spark import SparkClient
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient, options

SOURCES = Path(kubeflow.trainer.__file__).parents[1]
ARGUMENT = re.compile(r"(?<![\w$.\-%])([a-z][a-z0-9_]*)=(?!=)")
CALL = re.compile(r"\b(\w+)\(((?:[^()]|\([^()]*\))*)\)?")

# What a text has before `=` that is no argument of a call: a variable of a shell or a selector, a part of a message.
OTHERWISE = {
    "kubeflow/core/table.py": {"as", "v", "g"},
    "kubeflow/core/selector.py": {"key"},
    "kubeflow/core/html.py": {"charset", "content", "lang", "class", "name", "width"},  # attributes of HTML
    "kubeflow/core/html_style.py": {"theme"},
    "kubeflow/cluster/cluster.py": {"server"},
    "kubeflow/packaging/capture/library_settings.py": {"dtype"},
    "kubeflow/trainer/jobs/log_selection.py": {"minutes"},
    "kubeflow/local/logs/ranks.py": {"code", "told"},
    "kubeflow/local/executors/containers/container_config.py": {"gpu", "label"},
    "kubeflow/local/executors/containers/start_script.py": {"code", "directory", "kills", "piped"},
    "kubeflow/packaging/requirements/requirement_lines.py": {"egg", "s"},
    "kubeflow/trainer/backends/runtime_packages.py": {"key", "stderr"},
    "kubeflow/trainer/backends/machine/frameworks.py": {"slots"},
    "kubeflow/trainer/runtimes/shipped_manifests.py": {"output_dir", "data_dir"},
    "kubeflow/trainer/backends/machine/tune.py": {"run", "tune", "device"},
    "kubeflow/trainer/types/code.py": {"lr"},
}


def texts(file: Path) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings; of an f-string the whole, with `{}` for each value."""
    tree = ast.parse(file.read_text("utf-8"))
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    skipped = {id(node) for node in statements}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            skipped |= {id(part) for part in node.values}
            yield "".join(parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def parameters(call: object) -> set[str]:
    return set(inspect.signature(call).parameters) if callable(call) else set()


def methods(kind: type) -> set[str]:
    found = (parameters(member) for name, member in inspect.getmembers(kind, callable) if not name.startswith("_"))
    return set().union(*found)


def exported(module: object) -> dict[str, set[str]]:
    names: list[str] = vars(module)["__all__"]
    kinds = {name: getattr(module, name) for name in names}
    errors = {name for name, kind in kinds.items() if inspect.isclass(kind) and issubclass(kind, Exception)}
    return {
        name: parameters(kind)
        for name, kind in kinds.items()
        if name not in errors and (inspect.isclass(kind) or inspect.isfunction(kind))
    }


CALLS: dict[str, set[str]] = {
    **exported(kubeflow.trainer),
    **exported(options),
    **{name: parameters(getattr(TrainerClient, name)) for name in dir(TrainerClient) if not name.startswith("_")},
    "bundle": parameters(bundle),
}
OF_ROOM = {
    "spark": CALLS
    | exported(kubeflow.spark)
    | exported(kubeflow.spark.options)
    | {name: parameters(getattr(SparkClient, name)) for name in dir(SparkClient) if not name.startswith("_")}
}
"""The calls that texts of another client's room mean."""
CLIENT = set().union(*CALLS.values())
SURFACES = {
    # Who packages code does so by `bundle`, by a trainer, or by `train`: what is named there must be on all of them.
    "packaging": (parameters(bundle) & parameters(CustomTrainer) & parameters(TrainerClient.train))
    | parameters(Bundle.command),
    "local": CLIENT,
    "trainer": CLIENT,
    "training": methods(kubeflow.training.TrainingClient),
    "cluster": set().union(*exported(kubeflow.cluster).values()) | parameters(KubernetesBackendConfig) | {"force"},
    "hub": methods(kubeflow.hub.ModelRegistryClient).union(*exported(kubeflow.hub).values()),
    "core": methods(resource.Resource)
    | methods(builder.Builder)
    | parameters(KubeObject.from_yaml)
    | parameters(Artifact)
    | {"namespace", "all_namespaces"},
}


@pytest.mark.parametrize("room", sorted(SURFACES))
def test_every_argument_that_a_text_of_the_source_names_exists(room: str) -> None:
    unknown: list[str] = []
    count = 0
    for file in sorted((SOURCES / room).rglob("*.py")):
        place = file.relative_to(SOURCES.parent).as_posix()
        for text in texts(file):
            named = set(ARGUMENT.findall(text)) - OTHERWISE.get(place, set())
            count += len(named)
            unknown += [f"{place}: {name}= in {text!r}" for name in named - SURFACES[room]]

    assert unknown == []
    assert count > 0


def test_a_call_that_a_text_writes_out_takes_what_it_gives_it() -> None:
    wrong: list[str] = []
    checked = 0
    for file in sorted(SOURCES.rglob("*.py")):
        calls = OF_ROOM.get(file.relative_to(SOURCES).parts[0], CALLS)
        for text in texts(file):
            for name, inside in CALL.findall(text):
                if name in calls and (given := set(ARGUMENT.findall(inside))):
                    checked += 1
                    nested = set().union(*(calls.get(inner, set()) for inner, _ in CALL.findall(inside)))
                    wrong += [f"{name}({argument}=) in {text!r}" for argument in given - calls[name] - nested]

    assert wrong == []
    assert checked > 20


def framed() -> Callable[[], None]:
    frame = inspect.currentframe()

    def work() -> None:
        print(frame)

    return work


def generator() -> Iterator[int]:
    yield 1


def unsourced() -> Callable[..., object]:
    names: dict[str, Callable[..., object]] = {}
    exec("def made(): return 1", names)
    return names["made"]


FINDINGS: list[dict[str, object]] = [
    {"train_func": unsourced()},
    {"train_func": framed()},
    {"train_func": generator},
    {"train_func": print, "func_args": {"nothing": 1}},
    {"train_func": print, "packages_to_install": ["not a requirement"]},
    {"train_func": print, "packages_to_install": ["a @ file:///nowhere/a.whl"]},
    {"train_func": print, "packages_to_install": ["./nowhere", "-r nowhere.txt", "torch numpy", "--no-deps"]},
    {"train_func": print, "packages_to_install": [f"-e {SOURCES.parent}"]},
    {"train_func": print, "packages_to_install": ["a @ https://user:word@example.org/a.whl"]},
    {"train_func": print, "pip_index_urls": ["example.org"]},
    {"train_func": print, "pip_index_urls": ["https://user:word@example.org/simple"]},
    {"train_func": "missing.py"},
    {"train_func": "work.ipynb"},
    {"train_func": "."},
    {"train_func": "missing.py", "args": "a b"},
]


@pytest.mark.parametrize("number", range(len(FINDINGS)))
def test_every_argument_that_a_real_finding_names_exists_on_the_call(number: int) -> None:
    train: Callable[..., object] = TrainerClient(KubernetesBackendConfig(offline=True)).train
    surface = parameters(TrainerClient.train)
    with pytest.raises(PackagingError) as caught:
        train(**FINDINGS[number], dry_run=True)

    words = str(caught.value)
    assert set(ARGUMENT.findall(words)) - surface == set()
    for name, inside in CALL.findall(words):
        assert set(ARGUMENT.findall(inside)) <= CALLS.get(name, surface)

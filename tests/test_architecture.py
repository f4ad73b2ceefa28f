"""The rules of the house: who may import whom, no circles, and what an import must not load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each part may import of the others. Parts are listed as they come; see docs/architecture.md.
ALLOWED = {
    "kubeflow": set[str](),
    "kubeflow.core": set[str](),
    "kubeflow_api": {"kubeflow.core"},
    "kubeflow.cluster": {"kubeflow", "kubeflow.core"},
    "kubeflow.packaging": {"kubeflow.core"},
    "kubeflow.local": {"kubeflow.core", "kubeflow.packaging"},
    "kubeflow.reporting": {"kubeflow.core"},
    "kubeflow.trainer": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.packaging", "kubeflow.local", "kubeflow.reporting"},
    "kubeflow.common": {"kubeflow.trainer"},
    "kubeflow.training": {"kubeflow.core", "kubeflow.trainer"},
    "kubeflow.optimizer": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.packaging", "kubeflow.local", "kubeflow.reporting", "kubeflow.trainer"},
    "kubeflow.hub": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.local"},
    "kubeflow.kserve": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.packaging", "kubeflow.local", "kubeflow.trainer"},
    "kubeflow.spark": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.packaging", "kubeflow.local", "kubeflow.trainer"},
    "kubeflow.pipelines": {"kubeflow", "kubeflow.core", "kubeflow.local", "kubeflow.trainer", "kubeflow.optimizer", "kubeflow.kserve", "kubeflow.spark"},
    "kubeflow.cli": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.packaging", "kubeflow.local", "kubeflow.trainer", "kubeflow.optimizer", "kubeflow.hub", "kubeflow.kserve", "kubeflow.spark", "kubeflow.pipelines", "kubeflow.doctor"},
    "kubeflow.__main__": {"kubeflow.cli"},
    "kubeflow.doctor": {"kubeflow", "kubeflow.core", "kubeflow_api", "kubeflow.cluster", "kubeflow.local", "kubeflow.trainer", "kubeflow.optimizer", "kubeflow.hub", "kubeflow.kserve", "kubeflow.spark", "kubeflow.pipelines"},
    # The generator's shelves, from the ground up. `codegen` alone is the ground: errors, configuration, templates.
    "codegen": set[str](),
    "codegen.schema": {"codegen"},
    "codegen.upstream": {"codegen", "codegen.schema"},
    "codegen.cel": {"codegen.schema"},
    "codegen.pins": {"codegen", "codegen.schema", "codegen.upstream"},
    "codegen.descriptions": {"codegen", "codegen.schema", "codegen.pins"},
    "codegen.comparison": {"codegen", "codegen.schema", "codegen.pins"},
    "codegen.minors": {"codegen", "codegen.schema", "codegen.pins", "codegen.comparison"},
    "codegen.emitters": {"codegen", "codegen.schema", "codegen.cel", "codegen.pins", "codegen.descriptions", "codegen.minors"},
    "codegen.commands": {"codegen", "codegen.schema", "codegen.upstream", "codegen.pins", "codegen.descriptions", "codegen.comparison", "codegen.minors", "codegen.emitters"},
    "codegen.__main__": {"codegen", "codegen.upstream", "codegen.pins", "codegen.minors", "codegen.commands"},
}  # fmt: skip
# The inner order of a part: rooms (its modules and folders), floor by floor from the ground. A room imports only what lies
# on floors below its own.
FLOORS = {
    "kubeflow.cli": (
        ("code_reference", "command_table", "command_times", "shared_options", "shell_scripts", "text_styles"),
        ("search_syntax", "typed_arguments", "usage_errors", "wording", "wrapping"),
        ("failures", "log_messages", "overview", "text_tables", "train_options"),
        ("job_waits", "result_output", "typer_commands"),
        ("for_each",),
        ("candidates", "commands"),
        ("program",),
    ),
    "kubeflow.doctor": (
        ("health",),
        ("cluster_checks", "control_planes", "machine_checks", "python_checks", "side_by_side"),
        ("right_checks", "tool_checks"),
        ("examination",),
    ),
    "kubeflow.kserve": (
        ("errors", "types"),
        ("service_spec",),
        ("inference", "options"),
        ("server",),
        ("backends",),
        ("api",),
    ),
    "kubeflow.local": (
        ("devices", "job", "state"),
        ("environments", "logs", "store"),
        ("executors",),
        ("supervision",),
        ("fetch", "jobs"),
        ("kept_jobs",),
    ),
    "kubeflow.hub": (
        ("addresses", "errors"),
        ("types",),
        ("entity_checks", "filters"),
        ("registry_interface",),
        ("registration", "stores"),
        ("storage",),
        ("api",),
    ),
    "kubeflow.optimizer": (
        ("constants", "errors", "types"),
        ("borrowed_names", "given_trials", "template_spaces"),
        ("optimization_spec",),
        ("algorithms", "trial_jobs"),
        ("engines",),
        ("results",),
        ("api",),
    ),
    "kubeflow.packaging": (
        ("errors", "remote", "requirements"),
        ("source", "tagged_json"),
        ("results",),
        ("bundles", "capture", "credentials"),
        ("__main__", "bundle_builder"),
    ),
    "kubeflow.spark": (
        ("backend_configs", "errors", "types"),
        ("jobs",),
        ("options",),
        ("backends",),
        ("api",),
    ),
    "kubeflow.spark.backends.kubernetes": (
        ("account_rights", "application_names", "application_states", "application_waits"),
        ("configuration_checks", "operator_settings", "spark_images"),
        ("pod_templates", "spark_connection"),
        ("application_lookup", "application_pods", "application_rendering", "pod_findings", "session_rendering"),
        ("application_changes", "application_evidence", "application_logs", "application_with_code"),
        ("application_creation", "application_explanation"),
        ("connect_sessions",),
        ("backend",),
    ),
    "kubeflow.trainer.backends.kubernetes": (
        ("config",),
        ("runtimes",),
        ("connection",),
        ("jobs",),
        ("submission", "watches"),
        ("logs",),
        ("diagnosis",),
        ("cluster_backend",),
        ("backend",),
    ),
}
# What all backends share, and what runs on this machine, knows nothing of the cluster's backend.
NEUTRAL = (
    "kubeflow.trainer.backends.localprocess",
    "kubeflow.trainer.backends.container",
    "kubeflow.trainer.backends.machine",
    "kubeflow.trainer.diagnosis",
    "kubeflow.trainer.rendering",
    "kubeflow.trainer.runtimes",
    "kubeflow.trainer.jobs.steps",
)
KUBERNETES = "kubeflow.trainer.backends.kubernetes"
REGISTRY = "kubeflow.trainer.backends.registry"
# Names that several modules of `kubeflow` have, and why that tells a reader enough. Every other has a name of its own.
SAME_MODULE_NAME = {
    "__main__": "a command, and the program of a job",
    "errors": "the errors of a part",
    "backend": "the backend in the folder of each backend, and what those of this machine share",
    "constants": "import paths of the published package",
    "types": "import paths of the published package, and configurations of backends as it has them",
    "registry": "what a part has by name, a line for each",
}
# A longer file holds two ideas, mostly. These do not, for the reason given.
LONGEST = 400  # lines
LONG = {
    "kubeflow.kserve.api.kserve_client": "the methods of the public client with their documentation; no logic",
    "kubeflow.core.cel": "a table: one small function for each operation of CEL",
    "kubeflow.optimizer.api.optimizer_client": "the methods of the public client with their documentation; no logic",
    "kubeflow.spark.api.spark_client": "the methods of the public client with their documentation; no logic",
    "kubeflow.trainer.api.trainer_client": "the methods of the public client with their documentation; no logic",
}
# `kubeflow.trainer.types` has the user's types of what other modules of the same name do.
USER_TYPES = "kubeflow.trainer.types."
# Heavy, or not needed to submit a job: nothing may load them before they are used.
HEAVY = {
    "kubernetes",
    "docker",
    "podman",
    "optuna",
    "pyspark",
    "torch",
    "rich",
    "typer",
    "click",
    "pydantic",
    "yaml",
    "numpy",
    "jinja2",
    "IPython",
    "urllib3",
    "kfp",
}


def modules() -> dict[str, Path]:
    """Return every module of the project by its dotted name."""
    found: dict[str, Path] = {}
    for base, package in ((ROOT, "kubeflow"), (ROOT / "generated", "kubeflow_api"), (ROOT, "codegen")):
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def part(module: str) -> str:
    return max((name for name in ALLOWED if module == name or module.startswith(name + ".")), key=len)


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield what `module` imports of the project, wherever the statement stands, with its line.

    Lazily exported names count as well: they are imports under `if TYPE_CHECKING` of the package that exports them.
    """
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parents, node.module] if node.module else parents) if node.level else str(node.module)
            names = [f"{base}.{alias.name}" for alias in node.names]
            targets = [name if name in MODULES else base for name in names]
        else:
            continue
        for target in targets:
            if target in MODULES:
                yield target, node.lineno


def test_every_module_belongs_to_a_part() -> None:
    assert len(MODULES) > 30
    for module in MODULES:
        assert part(module)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_parts_import_only_what_they_may(module: str) -> None:
    own = part(module)
    for target, line in imports(module):
        other = part(target)
        assert other == own or other in ALLOWED[own], f"{MODULES[module]}:{line}: {own} may not import {other}"


def floor(package: str, module: str) -> int | None:
    """Return the floor that `module` is on, from 0; `None` for the package itself and what is outside of it."""
    room = module.removeprefix(f"{package}.").partition(".")[0] if module.startswith(f"{package}.") else None
    return next((number for number, rooms in enumerate(FLOORS[package]) if room in rooms), None)


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_rooms_import_only_what_lies_below(package: str) -> None:
    inside = [module for module in MODULES if module.startswith(f"{package}.")]
    assert inside
    for module in inside:
        own = floor(package, module)
        assert own is not None, f"{module} is on no floor of {package}"
        for target, line in imports(module):
            below = floor(package, target)
            same = target.split(".")[: package.count(".") + 2] == module.split(".")[: package.count(".") + 2]
            assert below is None or same or below < own, f"{MODULES[module]}:{line}: {target} is not below {module}"


def test_the_readme_of_the_tests_names_every_folder_and_only_helpers_that_exist() -> None:
    tests = ROOT / "tests"
    text = (tests / "README.md").read_text("utf-8")
    folders = {path.name for path in tests.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert {name for name in folders if f"`{name}/`" not in text and f"`tests/{name}/`" not in text} == set()
    helpers = set(re.findall(r"`(\w+\.py)`", text))
    assert helpers
    assert {name for name in helpers if not any(tests.rglob(name))} == set()


@pytest.mark.parametrize("neutral", NEUTRAL)
def test_what_backends_share_knows_nothing_of_the_cluster(neutral: str) -> None:
    inside = [module for module in MODULES if f"{module}.".startswith(f"{neutral}.")]
    assert inside
    for module in inside:
        for target, line in imports(module):
            assert not f"{target}.".startswith(f"{KUBERNETES}."), f"{MODULES[module]}:{line}: imports {target}"


def test_the_client_knows_of_backends_the_protocol_and_the_registry() -> None:
    backends = "kubeflow.trainer.backends"
    targets = {target for target, _ in imports("kubeflow.trainer.api.trainer_client")}
    assert {target for target in targets if target.startswith(f"{backends}.")} == {
        f"{backends}.base",
        f"{backends}.registry",
    }


def test_the_registry_knows_of_each_backend_its_configuration_and_its_backend() -> None:
    rooms = {target for target, _ in imports(REGISTRY) if target.startswith(f"{KUBERNETES}.")}
    assert rooms == {f"{KUBERNETES}.config", f"{KUBERNETES}.backend"}


def test_there_are_no_circles_not_even_inside_functions() -> None:
    # A package's own `__init__` names its modules for type checkers only; the edge back to it is no import of them.
    graph = {
        module: {target for target, _ in imports(module)} for module in MODULES if MODULES[module].name != "__init__.py"
    }
    state: dict[str, int] = {}

    def visit(module: str, way: tuple[str, ...]) -> None:
        if state.get(module) == 1:
            circle = [*way[way.index(module) :], module]
            pytest.fail("circle: " + " -> ".join(circle))
        if module in graph and module not in state:
            state[module] = 1
            for target in sorted(graph[module]):
                visit(target, (*way, module))
            state[module] = 2

    for module in sorted(graph):
        visit(module, ())


def test_no_hand_written_class_is_called_as_another() -> None:
    homes: dict[str, list[str]] = {}
    for module in (name for name in MODULES if not name.startswith("kubeflow_api")):
        for node in ast.parse(MODULES[module].read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: at for name, at in homes.items() if len(at) > 1} == {}


@pytest.mark.parametrize(("tree", "same"), [("kubeflow", SAME_MODULE_NAME), ("codegen", {})])
def test_modules_have_names_of_their_own(tree: str, same: dict[str, str]) -> None:
    homes: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        if module.startswith(f"{tree}.") and not module.startswith(USER_TYPES) and path.name != "__init__.py":
            homes.setdefault(path.stem, []).append(module)
    assert {name: at for name, at in homes.items() if len(at) > 1 and name not in same} == {}
    assert {name for name in same if len(homes.get(name, ())) < 2} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import kubeflow",
        "import kubeflow.trainer",
        "import kubeflow.optimizer",
        "from kubeflow.optimizer import Search, TPE, Objective, TrialConfig",
        "import kubeflow.kserve",
        "import kubeflow.hub",
        "from kubeflow.hub import ModelRegistryClient, StorageConfig, S3UploadParams",
        "from kubeflow.kserve import KServeClient, Service, ModelFormat",
        "import kubeflow.spark",
        "from kubeflow.spark import SparkClient, LocalProcessBackendConfig, FuncJob, Driver, Executor, SparkJobStatus",
        "import kubeflow.pipelines",
        "from kubeflow.pipelines import component, local, rights",
        "import kubeflow.cli",
        "from kubeflow.cli import main; main(['--help'])",
        "from kubeflow.doctor import SECTIONS, examine",
        "import kubeflow.packaging",
        "import kubeflow.local",
        "import kubeflow.cluster",
        "from kubeflow.trainer import TrainerClient, CustomTrainer, LocalProcessBackendConfig",
    ],
)
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(result.stdout.split())
    assert "kubeflow" in loaded
    assert not loaded & (HEAVY | {"kubeflow_api", "codegen"})


def test_every_module_imports_and_every_exported_name_loads() -> None:
    packages = [name for name in MODULES if not name.startswith("codegen")]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    module = importlib.import_module(name)\n"
        "    for export in getattr(module, '__all__', ()):\n"
        "        try:\n"
        "            getattr(module, export)\n"
        "        except ImportError as error:\n"  # names of kfp, which is not installed beside our tools
        "            assert name.startswith('kubeflow.pipelines') and 'kubeflow[pipelines]' in str(error), (name, export, error)\n"
        "print(len(sys.argv[1:]))\n"
    )
    names = [name for name in packages if not name.endswith("__main__")]
    command = [sys.executable, "-W", "error", "-c", code, *names]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(len(names))


OWN_COPIES = {"ast", "base64", "inspect", "json", "pickle", "re", "shlex", "textwrap", "zlib"}
IN_OWN_PROCESSES = ("kubeflow.packaging.remote", "kubeflow.cli", "kubeflow.core.stdlib")  # the first is shipped alone
BASES = {"Parameter", "Signature"}  # classes are what they are, whatever a program replaces


@pytest.mark.parametrize(
    "module", sorted(n for n in MODULES if n.startswith("kubeflow.") and not n.startswith(IN_OWN_PROCESSES))
)
def test_code_in_the_users_process_calls_what_python_has(module: str) -> None:
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not OWN_COPIES & {alias.name for alias in node.names}, "import it from kubeflow.core.stdlib"
        elif isinstance(node, ast.ImportFrom) and node.module in OWN_COPIES:
            assert {alias.name for alias in node.names} <= BASES, "import the module from kubeflow.core.stdlib"


LAZY = sorted(
    name for name, path in MODULES.items() if path.name == "__init__.py" and "exporter" in path.read_text("utf-8")
)


@pytest.mark.parametrize("package", LAZY)
def test_the_three_lists_of_a_lazy_package_name_the_same(package: str) -> None:
    checked: set[tuple[str, str]] = set()
    loaded: set[tuple[str, str]] = set()
    tree = ast.parse(MODULES[package].read_text("utf-8"))
    exported = next(node.value for node in tree.body if isinstance(node, ast.Assign) and _names(node) == ["__all__"])
    for branches in (node for node in tree.body if isinstance(node, ast.If)):
        for node in branches.body:  # what type checkers see
            assert isinstance(node, ast.ImportFrom)
            home = f"{package}.{node.module}" if node.level else str(node.module)
            checked |= {(home, alias.asname or alias.name) for alias in node.names}
        for call in (node for node in ast.walk(branches) if isinstance(node, ast.Call) and len(node.args) == 2):
            for module, names in ast.literal_eval(call.args[1]).items():  # what the interpreter loads
                loaded |= {(f"{package}.{module}".rstrip("."), name) for name in names}
    assert checked
    assert checked == loaded
    at_once = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    names = ast.literal_eval(exported)
    assert len(names) == len(set(names))
    assert set(names) - at_once == {name for _, name in checked}


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def test_no_public_signature_of_the_generated_code_says_any() -> None:
    files = [path for path in (ROOT / "generated").rglob("*.py*") if path.suffix in (".py", ".pyi")]
    assert len(files) > 40
    for path in files:
        names = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
        assert "Any" not in names, path


def test_a_file_holds_one_idea_unless_there_is_a_reason_for_its_length() -> None:
    long = {name for name, path in MODULES.items() if len(path.read_text("utf-8").splitlines()) > LONGEST}
    written = {name for name in long if not name.startswith("kubeflow_api.")}
    assert not written - set(LONG), f"over {LONGEST} lines: split what holds two ideas, or give the reason in LONG"
    assert not set(LONG) - set(MODULES)

"""Messages of the SDK in the words of the command line: where they name a call, people at a terminal need a command."""

from __future__ import annotations

import re
from collections.abc import Callable

_NAME = r"\(['\"]([^'\"()]+)['\"]"
_CALLS: tuple[tuple[str, str], ...] = (
    (rf"client\.get_job_logs{_NAME}, step=['\"]([^'\"]+)['\"]\)", r"`kubeflow logs \1 --step \2`"),
    (rf"client\.get_job_logs{_NAME}, follow=True\)", r"`kubeflow logs -f \1`"),
    (rf"client\.get_job_logs{_NAME}\)", r"`kubeflow logs \1`"),
    (rf"client\.wait_for_job_status{_NAME}[^()]*\)", r"`kubeflow wait \1`"),
    (rf"client\.(delete|suspend|resume|stop)_job{_NAME}\)", r"`kubeflow \1 \2`"),
    (rf"client\.get_job{_NAME}\)", r"`kubeflow get \1`"),
    (rf"client\.explain{_NAME}\)", r"`kubeflow explain \1`"),
    (r"(?:client\.)?list_jobs\(\)", "`kubeflow jobs`"),
    (r"TrainerClient\(KubernetesBackendConfig\(\)\)", "--backend kubernetes"),
    (r"TrainerClient\(LocalProcessBackendConfig\(\)\)", "--backend localprocess"),
    (r"TrainerClient\(ContainerBackendConfig\(\)\)", "--backend container"),
    (r"packages_to_install=\[['\"]([^'\"\]]+)['\"]\]", r"--packages '\1'"),
    (r"\bmodule=['\"]([\w.]+)['\"]", r"-m \1"),
    (r"(?:client\.)?list_runtimes\(\)", "`kubeflow runtimes`"),
    (r"register_model\(\.\.\.\)", "`kubeflow models register`"),
    (r"OptimizerClient\(engine=['\"](\w+)['\"]\)", r"--engine \1"),
    (r"\w+Client\(LocalProcessBackendConfig\(\)\)", "--backend localprocess"),
    (r"\w+Client\(KubernetesBackendConfig\(\)\)", "--backend kubernetes"),
)
# Arguments of `TrainerClient.train`, and of configurations of backends, by the option that sets them.
_ARGUMENTS = {
    "name": "--name",
    "num_nodes": "--nodes",
    "num_proc_per_node": "--procs-per-node",
    "resources_per_node": "--resources",
    "packages_to_install": "--packages",
    "pip_index_urls": "--index-url",
    "runtime": "--runtime",
    "env": "--env",
    "timeout": "--timeout",
    "code_dir": "--code-dir",
    "func_args": "--arg",
    "context": "--context",
    "config_file": "--kubeconfig",
}
# A name with `_` is no word of a sentence; the others count where `=` follows.
_ARGUMENT = re.compile(
    rf"(?<![\w.(`-])(?:({'|'.join(name for name in _ARGUMENTS if '_' in name)})\b=?|"
    rf"({'|'.join(name for name in _ARGUMENTS if '_' not in name)})=)(?=[\s,.;:)]|$)"
)


def in_command_words(message: str) -> str:
    """Return a message with commands and options in place of the calls and arguments that it names."""
    for pattern, command in _CALLS:
        message = re.sub(pattern, command, message)
    option: Callable[[re.Match[str]], str] = lambda found: _ARGUMENTS[found[1] or found[2]]  # noqa: E731
    return _ARGUMENT.sub(option, message)

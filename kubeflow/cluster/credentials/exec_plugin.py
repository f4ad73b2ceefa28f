"""Credentials plugins: programs that a kubeconfig names under `exec`, run as client-go runs them.

The protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kubeflow.cluster.credentials.kubeconfig import LOCALLY, Entry
from kubeflow.cluster.errors import NotConfigured
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.core.time import Timestamp

_log = logging.getLogger(__name__)
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_MODES = ("Never", "IfAvailable", "Always")
_LOG_IN = "Log in to the cluster again, so that kubectl works with this context."
_QUIETLY = 10.0  # seconds without a line in the log: a plugin may be waiting for a login in the browser
_QUOTED = 1000  # characters of a plugin's last words


@dataclass(frozen=True, slots=True)
class PluginCredentials:
    """What a plugin returned: a token, a certificate with its key, or both.

    Attributes:
        token: A bearer token; empty for none.
        certificate: PEM of a client certificate; empty for none.
        key: PEM of its key.
        expires: `time.time()` of their end; `None` when they have none.
    """

    token: str = field(repr=False)
    certificate: str = field(repr=False)
    key: str = field(repr=False)
    expires: float | None = None

    __repr__ = repr_of_fields


def run(plugin: Entry, cluster: Callable[[], Mapping[str, object]]) -> PluginCredentials:
    """Run a plugin.

    What it writes to standard error is shown as it comes: some ask there to open a page and to enter a code.

    Args:
        plugin: The `exec` of a user.
        cluster: Returns the cluster as plugins are told of it; called for `provideClusterInfo` only.

    Raises:
        NotConfigured: The plugin is not there, fails, or returns nothing that can be used.
    """
    version, mode = plugin.text("apiVersion"), plugin.text("interactiveMode") or "IfAvailable"
    if version not in _VERSIONS:
        raise plugin.unusable(
            f"has the apiVersion {version!r}, where kubectl knows {' and '.join(_VERSIONS)}: let the tool that wrote "
            "it write it again (`aws eks update-kubeconfig`, `gcloud container clusters get-credentials` and so on)"
        )
    if mode not in _MODES:
        raise plugin.unusable(f"has an interactiveMode that is none of {', '.join(_MODES)}")
    interactive = mode != "Never" and _at_terminal()
    if mode == "Always" and not interactive:
        raise _failed(plugin, "it asks questions (interactiveMode: Always), and this is no terminal", _LOG_IN)
    spec: dict[str, object] = {"interactive": interactive}
    if plugin.flag("provideClusterInfo"):
        spec["cluster"] = cluster()
    told = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **_variables(plugin), "KUBERNETES_EXEC_INFO": json.dumps(told)}
    return _credentials(plugin, version, _output(plugin, environment, interactive))


def _at_terminal() -> bool:
    try:
        return os.isatty(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or a notebook's
        return False


def _variables(plugin: Entry) -> dict[str, str]:
    variables: dict[str, str] = {}
    for item in plugin.parts("env"):
        if not item.text("name"):
            raise item.unusable("has no name")
        variables[item.text("name")] = item.text("value")
    return variables


def _program(plugin: Entry) -> str:
    command = plugin.text("command")
    if not command:
        raise plugin.unusable("has no command")
    path = str(plugin.file.parent / command) if os.sep in command else command
    found = shutil.which(path)
    if found is None:
        if os.sep in command and Path(path).exists():
            raise _failed(plugin, f"{path} cannot be executed", "Make it executable (chmod +x).")
        hint = plugin.text("installHint").strip().rstrip(".") or f"Install it, or correct its path in {plugin.file}"
        raise _failed(plugin, f"there is no program {path}", f"{hint}.")
    return found


def _output(plugin: Entry, environment: Mapping[str, str], interactive: bool) -> bytes:
    """Run the program, and return what it printed."""
    arguments = [_program(plugin), *plugin.texts("args")]
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            arguments,
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=writing,
        )
    except OSError as error:
        os.close(reading)
        raise _failed(plugin, str(error), f"Correct it in {plugin.file}.") from error
    finally:
        os.close(writing)
    words = bytearray()
    shown = threading.Thread(target=_show, args=(reading, words), daemon=True)
    shown.start()
    try:
        output = _waited(plugin, process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    shown.join(1)  # a browser that it started may keep its standard error open
    if process.returncode:
        said = bytes(words).decode("utf-8", "replace").strip()[-_QUOTED:]
        ended = f"exit code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        raise _failed(plugin, f"{ended}{f': {said}' if said else ', without a word'}", _LOG_IN)
    return output


def _waited(plugin: Entry, process: subprocess.Popen[bytes]) -> bytes:
    try:
        return process.communicate(timeout=_QUIETLY)[0]
    except subprocess.TimeoutExpired:
        _log.warning("waiting for the credentials plugin %r of %s", plugin.text("command"), plugin)
    return process.communicate()[0]


def _show(reading: int, words: bytearray) -> None:
    """Copy a plugin's standard error to that of this process, until it ends."""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while piece := pipe.read(4096):
            words += piece
            del words[: -_QUOTED * 4]
            with suppress(OSError, ValueError, AttributeError):  # there may be none, or a closed one
                sys.stderr.write(piece.decode("utf-8", "replace"))
                sys.stderr.flush()


def _credentials(plugin: Entry, version: str, output: bytes) -> PluginCredentials:
    # What the plugin printed is not quoted: it may be a token.
    if not output.strip():
        raise _failed(plugin, "it printed nothing", _LOG_IN)
    try:
        answer = Entry(f"what {plugin.name} printed", plugin.file, json.loads(output))
        got = answer.text("apiVersion")
        status = answer.part("status")
    except (ValueError, AttributeError):
        raise _failed(plugin, "it printed something that is no ExecCredential in JSON", _LOG_IN) from None
    if got != version:
        raise _failed(
            plugin, f"it answered in {got or 'no apiVersion'}, and was asked for {version}",
            f"Write the apiVersion that it speaks in {plugin.file}, or install another version of it.",
        )  # fmt: skip
    token, certificate, key = (
        status.text(name) if status else "" for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if bool(certificate) != bool(key):
        raise _failed(plugin, "it returned only one of certificate and key", _LOG_IN)
    if not token and not certificate:
        raise _failed(plugin, "it returned neither a token nor a certificate with its key", _LOG_IN)
    ends = status.text("expirationTimestamp") if status else ""
    try:
        return PluginCredentials(token, certificate, key, Timestamp.parse(ends).timestamp() if ends else None)
    except InvalidInput as error:
        raise _failed(plugin, f"its expirationTimestamp cannot be read: {error}", _LOG_IN) from error


def _failed(plugin: Entry, why: str, remedy: str) -> NotConfigured:
    return NotConfigured(
        f"The credentials plugin {plugin.text('command')!r} ({plugin}) failed: {why.rstrip('.')}. {remedy} {LOCALLY}"
    )

"""Credentials plugins are run as client-go runs them, and one that gives nothing is an error with a remedy."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubeflow.cluster import Cluster, NotConfigured
from kubeflow.core.transport import Request
from tests.cluster.certificates import Authority, needs_openssl
from tests.cluster.transport_faults import fault_server, kubeconfig

VERSION = Request("GET", "/version")
GROUP = "client.authentication.k8s.io"


def plugin(folder: Path, body: str, **fields: Any) -> dict[str, Any]:
    """Return a user whose plugin is a Python program with `body`; `told` is what it is told, `say(status)` its answer."""
    script = folder / "plugin"
    script.write_text(
        f"#!{sys.executable}\nimport json, os, sys\ntold = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "def say(version=told['apiVersion'], **status):\n"
        "    print(json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status}))\n" + body,
        "utf-8",
    )
    script.chmod(0o755)
    return {"exec": {"apiVersion": f"{GROUP}/v1", "command": str(script), "interactiveMode": "Never", **fields}}


def authorization(tmp_path: Path, user: dict[str, Any], **cluster: Any) -> str:
    """Return the Authorization that the server gets of a user."""
    with fault_server() as server:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user, **cluster)).send(VERSION)
        return server.seen[0].headers["Authorization"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("mode", [None, "Never", "IfAvailable"])
def test_each_version_and_mode_works(tmp_path: Path, version: str, mode: str | None) -> None:
    user = plugin(tmp_path, "say(token=told['apiVersion'])", apiVersion=f"{GROUP}/{version}", interactiveMode=mode)
    assert authorization(tmp_path, user) == f"Bearer {GROUP}/{version}"


def test_arguments_and_environment_are_those_of_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "i")
    monkeypatch.setenv("REPLACED", "old")
    user = plugin(
        tmp_path,
        "say(token='-'.join([*sys.argv[1:], os.environ['INHERITED'], os.environ['REPLACED'], os.environ['EMPTY'], 'x']))",
        args=["get", "--token"],
        env=[{"name": "REPLACED", "value": "new"}, {"name": "EMPTY", "value": ""}],
    )
    assert authorization(tmp_path, user) == "Bearer get---token-i-new--x"


def test_a_command_with_a_slash_starts_at_the_kubeconfig_and_one_without_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin(tmp_path, "say(token='found')")
    (tmp_path / "bin").mkdir()
    (tmp_path / "plugin").rename(tmp_path / "bin/corp-login")
    fields = {"apiVersion": f"{GROUP}/v1", "interactiveMode": "Never"}
    assert authorization(tmp_path, {"exec": {**fields, "command": "bin/corp-login"}}) == "Bearer found"
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert authorization(tmp_path, {"exec": {**fields, "command": "corp-login"}}) == "Bearer found"


def test_it_is_told_of_the_cluster_when_it_wants_to_be(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n", "ascii")
    extensions = [{"name": "other", "extension": 1}, {"name": f"{GROUP}/exec", "extension": {"audience": "a"}}]
    fields: dict[str, Any] = {"certificate_authority": "ca.pem", "tls_server_name": "api", "extensions": extensions}
    told = "say(token=json.dumps(told['spec']).encode().hex())"
    with fault_server() as server:
        for wanted in (False, True):
            user = plugin(tmp_path, told, provideClusterInfo=wanted)
            Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user, **fields)).send(VERSION)
        without, spec = (
            json.loads(bytes.fromhex(seen.headers["Authorization"].removeprefix("Bearer "))) for seen in server.seen
        )
        assert without == {"interactive": False}
        assert spec["cluster"] == {
            "server": server.url,
            "tls-server-name": "api",
            "certificate-authority-data": base64.b64encode((tmp_path / "ca.pem").read_bytes()).decode(),
            "config": {"audience": "a"},
        }


@needs_openssl
@pytest.mark.parametrize("token", ["", "and-a-token"])
def test_the_certificate_that_it_returns_is_shown(tmp_path: Path, token: str) -> None:
    authority = Authority(tmp_path)
    ann = authority.issue("ann")
    data = f"clientCertificateData=open({str(ann.certificate)!r}).read(), clientKeyData=open({str(ann.key)!r}).read()"
    user = plugin(tmp_path, f"say(token={token!r}, {data})")
    with fault_server(tls=authority.here.serving(authority.certificate)) as server:
        file = kubeconfig(tmp_path, server.url, user, certificate_authority=str(authority.certificate))
        Cluster.connect(config_file=file).send(VERSION)
        assert server.seen[0].common_name == "ann"
        assert server.seen[0].headers.get("Authorization", "") == (f"Bearer {token}" if token else "")
    with fault_server() as server:
        if token:
            assert authorization(tmp_path, user) == f"Bearer {token}"
        else:
            with pytest.raises(NotConfigured, match="has a client certificate only"):
                Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user))


def test_it_runs_again_before_its_token_ends_and_not_before(tmp_path: Path) -> None:
    count = "import pathlib\nruns = pathlib.Path(__file__).with_name('runs')\n" \
        "runs.write_text((runs.read_text() if runs.exists() else '') + 'x')\n"  # fmt: skip

    def tokens(ends_in: timedelta, digits: str = "") -> list[str]:
        (tmp_path / "runs").unlink(missing_ok=True)
        ends = (datetime.now(UTC) + ends_in).strftime("%Y-%m-%dT%H:%M:%S") + f"{digits}Z"
        user = plugin(tmp_path, f"{count}say(token=runs.read_text(), expirationTimestamp={ends!r})")
        with fault_server() as server:
            cluster = Cluster.connect(config_file=kubeconfig(tmp_path, server.url, user))
            cluster.send(VERSION)
            cluster.send(VERSION)
            return [seen.headers["Authorization"].removeprefix("Bearer ") for seen in server.seen]

    assert tokens(timedelta(hours=1)) == ["x", "x"]
    assert tokens(timedelta(hours=1), digits=".123456789") == ["x", "x"]
    assert tokens(timedelta(hours=-1)) == ["xx", "xxx"]


@pytest.mark.parametrize(
    ("body", "fields", "words"),
    [
        ("sys.exit('session expired: run `corp login`')", {}, "exit code 1: session expired: run `corp login`. Log in"),
        ("sys.exit(3)", {}, "exit code 3, without a word. Log in to the cluster again"),
        ("os.kill(os.getpid(), 9)", {}, "signal 9, without a word"),
        ("", {}, "it printed nothing"),
        ("print('open-sesame')", {}, "no ExecCredential in JSON"),
        ("print('[\"open-sesame\"]')", {}, "no ExecCredential in JSON"),
        ("say('v2', token='open-sesame')", {}, "it answered in v2, and was asked for client.authentication.k8s.io/v1"),
        ("print('{\"kind\": \"ExecCredential\"}')", {}, "it answered in no apiVersion"),
        ("say()", {}, "neither a token nor a certificate with its key"),
        ("say(token='')", {}, "neither a token nor a certificate with its key"),
        ("say(token='open sesame')", {}, "blanks or other characters that no token has"),
        ("say(clientCertificateData='a')", {}, "only one of certificate and key"),
        ("say(clientKeyData='a')", {}, "only one of certificate and key"),
        ("say(token='a', expirationTimestamp='soon')", {}, "expirationTimestamp cannot be read"),
        ("say(token='a')", {"apiVersion": f"{GROUP}/v1alpha1"}, "'client.authentication.k8s.io/v1alpha1', where kubectl knows"),
        ("say(token='a')", {"apiVersion": None}, "has the apiVersion ''"),
        ("say(token='a')", {"interactiveMode": "Sometimes"}, "an interactiveMode that is none of Never, IfAvailable, Always"),
        ("say(token='a')", {"interactiveMode": "Always"}, r"asks questions \(interactiveMode: Always\), and this is no terminal"),
        ("say(token='a')", {"command": None}, "exec of user 'u' has no command"),
        ("say(token='a')", {"command": "no-plugin"}, "there is no program no-plugin. Install it, or correct its path in"),
        ("say(token='a')", {"command": "./no-plugin", "installHint": "Get it at example.com/login.\n"}, r"no-plugin. Get it at example.com/login\. To run"),
        ("say(token='a')", {"command": "./kubeconfig"}, r"cannot be executed. Make it executable \(chmod \+x\)"),
        ("say(token='a')", {"args": "get"}, "args that is no list"),
        ("say(token='a')", {"args": [1]}, "put each in quotes"),
        ("say(token='a')", {"env": [{"name": "A", "value": 1}]}, r"env\[0\] of exec of user 'u' has a value that is no text"),
        ("say(token='a')", {"env": [{"value": "1"}]}, "has no name"),
    ],
)  # fmt: skip
def test_one_that_gives_nothing_is_an_error_before_the_first_request(
    tmp_path: Path, body: str, fields: dict[str, Any], words: str
) -> None:
    with fault_server() as server, pytest.raises(NotConfigured, match=words) as caught:
        Cluster.connect(config_file=kubeconfig(tmp_path, server.url, plugin(tmp_path, body, **fields)))
    assert server.seen == []
    assert "sesame" not in str(caught.value)


def test_what_it_writes_to_standard_error_is_seen_while_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    user = plugin(tmp_path, "print('open https://login', file=sys.stderr)\nsay(token='a')")
    assert authorization(tmp_path, user) == "Bearer a"
    assert capsys.readouterr().err == "open https://login\n"


def test_a_browser_that_it_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    left = "import subprocess\nleft = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\nsay(token=str(left.pid))"
    before = datetime.now(UTC)
    pid = authorization(tmp_path, plugin(tmp_path, left)).removeprefix("Bearer ")
    os.kill(int(pid), 9)
    assert datetime.now(UTC) - before < timedelta(seconds=30)


def test_at_a_terminal_it_may_ask(tmp_path: Path) -> None:
    user = plugin(tmp_path, "say(token=input() + str(told['spec']['interactive']))", interactiveMode="Always")
    program = "import sys; from kubeflow.cluster import Cluster; from kubeflow.core.transport import Request\n" \
        "Cluster.connect(config_file=sys.argv[1]).send(Request('GET', '/version'))"  # fmt: skip
    with fault_server() as server:
        file = kubeconfig(tmp_path, server.url, user)
        ours, theirs = pty.openpty()
        os.write(ours, b"typed\n")
        subprocess.run([sys.executable, "-c", program, file], stdin=theirs, check=True, timeout=60)
        os.close(ours)
        os.close(theirs)
        assert server.seen[0].headers["Authorization"] == "Bearer typedTrue"

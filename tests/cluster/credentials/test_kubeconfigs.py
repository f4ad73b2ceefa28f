"""Kubeconfig files are merged, and broken ones described, as kubectl does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.cluster import Cluster, NotConfigured
from kubeflow.core.transport import Request
from tests.cluster.transport_faults import fault_server

VERSION = Request("GET", "/version")
SECRET = "hunter2-open-sesame"


def write(path: Path, text: str | bytes | dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, dict):
        text = yaml.safe_dump(text)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def entries(server: str, name: str = "here", token: str = "t") -> dict[str, Any]:
    return {
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}],
    }


# -- several files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "empty", ["", "\n\n", "---\n", "# nothing\n", "null\n", "{}\n", "apiVersion: v1\nkind: Config\n"]
)
def test_empty_and_missing_files_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    nothing = write(tmp_path / "empty", empty)
    real = write(tmp_path / "real", {**entries("https://here"), "current-context": "here"})
    files = [tmp_path / "missing", nothing, real, nothing]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", *map(str, files), ""]))
    found = Cluster.connect()
    assert (found.context, found.server, found.namespace) == ("here", "https://here", "ns-here")


def test_what_one_file_lacks_another_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cluster, user, context and current context may each stand in a file of its own; the first of a name wins."""
    with fault_server() as server, fault_server() as other:
        one, two = entries(server.url, token="first"), entries(other.url, token="second")
        parts: list[dict[str, Any]] = [
            {"contexts": one["contexts"]},
            {"clusters": one["clusters"]},
            {"users": one["users"], "current-context": "here"},
            {**two, "current-context": "else"},
        ]
        files = [write(tmp_path / str(number), part) for number, part in enumerate(parts)]
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
        Cluster.connect().send(VERSION)
        assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer first"]
        assert other.seen == []


def test_relative_paths_start_at_the_file_that_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fault_server() as server:
        content = entries(server.url)
        users = write(tmp_path / "users/config", {"users": [{"name": "here", "user": {"tokenFile": "secrets/token"}}]})
        write(tmp_path / "users/secrets/token", "of-the-users-file")
        clusters = write(tmp_path / "clusters/config", {**content, "users": [], "current-context": "here"})
        write(tmp_path / "clusters/secrets/token", "of-the-clusters-file")
        monkeypatch.setenv("KUBECONFIG", f"clusters/config{os.pathsep}{users}")
        monkeypatch.chdir(tmp_path)
        cluster = Cluster.connect()
        monkeypatch.chdir(clusters.parent)
        cluster.send(VERSION)
        assert server.seen[0].headers["Authorization"] == "Bearer of-the-users-file"


def test_a_path_with_a_colon_is_one_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a:b", {**entries("https://here"), "current-context": "here"})
    assert Cluster.connect(config_file=file).server == "https://here"


def test_another_current_context_does_not_move_a_running_program(tmp_path: Path) -> None:
    with fault_server() as server, fault_server() as other:
        both = {kind: entries(server.url)[kind] + entries(other.url, "other")[kind] for kind in entries("")}
        for user in both["users"]:
            user["user"] = {"tokenFile": str(write(tmp_path / "token", "a"))}
        file = write(tmp_path / "config", {**both, "current-context": "here"})
        cluster = Cluster.connect(config_file=file)
        cluster._session = type(cluster._session)(cluster._session.access, cluster._session.pool, 0.0)  # due at once
        write(file, {**both, "current-context": "other"})
        cluster.send(VERSION)
        assert (len(server.seen), len(other.seen)) == (1, 0)


# -- files that cannot be used -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nusers:\n\t- name: x\n", 3, "a tab, where YAML takes blanks only"),
        ("a: 1\nb:\n  c: 1\n \td: 2\n", 4, "a tab, where YAML takes blanks only"),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed"),
        ("a: 1\nb: [1, 2\n", 3, "expected ',' or ']'"),
        (f"a: 1\npassword: *{SECRET}\n", 2, "must stand in quotes"),
        (f"a: 1\n\npassword: !{SECRET} x\n", 3, "must stand in quotes"),
        (f"a: 1\npassword: !{SECRET}!x y\n", 2, "must stand in quotes"),
        (f"a: 1\npassword: @{SECRET}\n", 2, "cannot start any token"),
        (f'a: 1\npassword: "{SECRET}\\q"\n', 2, "unknown escape character"),
        (f"a: 1\npassword: '{SECRET}\n", 3, "unexpected end of stream"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: 1\nb: \x00\n", 2, "a character that no text has"),
        (b"a: 1\nb: \xff\n", 2, "a character that no text has"),
        ("<html>\n<body>: [\n", 2, "mapping values are not allowed"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_yaml_is_named_with_the_line_and_without_its_secrets(
    tmp_path: Path, text: str | bytes, line: int, words: str
) -> None:
    file = write(tmp_path / "broken", text)
    with pytest.raises(NotConfigured, match=f"{file} cannot be used: it is no YAML: line {line}") as caught:
        Cluster.connect(config_file=file)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_json_may_be_indented_by_tabs_and_windows_may_write_utf_16(tmp_path: Path) -> None:
    json_text = '{\n\t"clusters": [{"name": "c", "cluster": {"server": "https://c"}}],\n\t"current-context": "a",\n' \
        '\t"contexts": [{"name": "a", "context": {"cluster": "c"}}]\n}'  # fmt: skip
    assert Cluster.connect(config_file=write(tmp_path / "json", json_text)).server == "https://c"
    yaml_text = yaml.safe_dump({**entries("https://here"), "current-context": "here"})
    assert Cluster.connect(config_file=write(tmp_path / "16", yaml_text.encode("utf-16"))).server == "https://here"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current-context": 123}, "this file has a current-context that is no text but a int: put it in quotes"),
        ({"current-context": "her"}, r"no context 'her'\. Did you mean 'here'\? Contexts: here\."),
        ({"kind": "Pod"}, "it is a Pod, not a Config"),
        ({"clusters": 3}, "has a clusters that is no list"),
        ({"clusters": ["c"]}, r"clusters\[0\] is no object"),
        ({"clusters": []}, r"context 'here' names the cluster 'here', which is not there\. Clusters: none"),
        ({"users": []}, r"context 'here' names the user 'here', which is not there\. Users: none"),
        ({"users": [{"name": "heer", "user": {}}]}, "Did you mean 'heer'"),
        ({"contexts": [{"name": "here", "context": {"user": "here"}}]}, "context 'here' names no cluster"),
        ({"contexts": [{"name": "here", "context": {"cluster": "here", "namespace": 5}}]}, "namespace that is no text"),
        ({"clusters": [{"name": "here", "cluster": {}}]}, "cluster 'here' has no server"),
        ({"users": [{"name": "here", "user": {"token": 12345}}]}, "token that is no text but a int: put it in quotes"),
        ({"users": [{"name": "here", "user": "x"}]}, "has a user that is no object"),
        ({"users": [{"name": "here", "user": {"token": "a"}}, {"name": "here", "user": {"token": "b"}}]},
         "two users with the name 'here'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    file = write(tmp_path / "config", {**entries("https://here"), "current-context": "here", **change})
    with pytest.raises(NotConfigured, match=words) as caught:
        Cluster.connect(config_file=file)
    assert str(file) in str(caught.value)
    assert "12345" not in str(caught.value)


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="cannot be read: Is a directory"):
        Cluster.connect(config_file=tmp_path)

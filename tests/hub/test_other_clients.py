"""The registry's own client and ours see the same entities: what one writes the other reads, over both REST versions."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from kubeflow.hub import ModelRegistryClient
from tests.hub.registry_server import running
from tests.locked_environment import locked_python

METADATA: Mapping[str, float | bool | str] = {"accuracy": 0.97, "rows": 150, "ok": True, "stage": "test"}


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
def test_the_registrys_own_client_and_ours_read_what_the_other_wrote(version: str) -> None:
    python = locked_python(f"registry-{version}")  # with the client that speaks this version, and nothing else
    with running(version) as server:
        server.page = 100
        registry = ModelRegistryClient(server.url, author="ada")
        for number in ("1", "2"):
            registry.register_model(
                "ours", f"s3://models/ours/{number}", version=number, model_format_name="sklearn", metadata=METADATA
            )
        command = [str(python), str(Path(__file__).with_name("other_client.py")), server.url]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout.splitlines()[-1]) == {
            "owner": "ada",
            "author": "ada",
            "metadata": METADATA,
            "uri": "s3://models/ours/1",
            "format": "sklearn",
            "theirs": "theirs",
            "models": ["ours", "theirs"],
            "versions": ["1", "2"],
        }
        theirs = registry.get_model_version("theirs", "latest")
        assert (theirs.uri, theirs.format, theirs.author) == ("s3://models/theirs/1", "onnx", "bob")
        assert theirs.metadata == {"accuracy": 0.5, "rows": 3, "ok": True, "stage": "test"}
        assert registry.get_model_version("ours", "1").description == "changed by the other client"
        # What the other client registered is known when we register it again.
        again = registry.register_model("theirs", "s3://models/theirs/1", version="1", model_format_name="onnx")
        assert again.version is not None
        assert again.version.id == theirs.id
        assert server.complaints == []

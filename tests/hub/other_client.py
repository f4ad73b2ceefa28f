"""What the registry's own client does with a registry: run by its interpreter, for test_other_clients.py."""

from __future__ import annotations

import json
import sys

from model_registry import ModelRegistry


def main(url: str) -> None:
    host, _, port = url.rpartition(":")
    registry = ModelRegistry(host, int(port), author="bob", is_secure=False, user_token="token")
    ours = registry.get_registered_model("ours")
    version = registry.get_model_version("ours", "1")
    artifact = registry.get_model_artifact("ours", "1")
    theirs = registry.register_model(
        "theirs",
        "s3://models/theirs/1",
        version="1",
        model_format_name="onnx",
        model_format_version="1",
        description="by the other client",
        metadata={"accuracy": 0.5, "rows": 3, "ok": True, "stage": "test"},
    )
    version.description = "changed by the other client"
    registry.update(version)
    told = {
        "owner": ours.owner,
        "author": version.author,
        "metadata": version.custom_properties,
        "uri": artifact.uri,
        "format": artifact.model_format_name,
        "theirs": theirs.name,
        "models": [model.name for model in registry.get_registered_models()],
        "versions": [each.name for each in registry.get_model_versions("ours")],
    }
    print(json.dumps(told))


main(sys.argv[1])

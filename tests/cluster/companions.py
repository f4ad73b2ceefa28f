"""The objects that Trainer makes beside the JobSet of a job: its runtime as it was, and what MPI and flux need."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cluster.frameworks import HOSTFILE, SSH, Making, hostfile
from tests.cluster.wire import Wire

Object = dict[str, Any]

SNAPSHOT = "runtime-snapshot"


def make_companions(
    wire: Wire, owner: Mapping[str, Any], namespace: str, making: Making, runtime: Object | None
) -> None:
    """Apply them; each belongs to the job.

    Args:
        wire: The cluster.
        owner: Reference to the TrainJob.
        namespace: Of the TrainJob.
        making: The job in its runtime.
        runtime: To be kept as it is now; `None` for Trainer before 2.3, which keeps none.
    """
    for plural, name, content in _companions(wire, namespace, making, runtime):
        path = f"/api/v1/namespaces/{namespace}/{plural}/{making.name}-{name}"
        kind = "Secret" if plural == "secrets" else "ConfigMap"
        metadata = {"name": f"{making.name}-{name}", "namespace": namespace, "ownerReferences": [owner]}
        wire.apply(path, {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}, manager="trainer")


def _companions(
    wire: Wire, namespace: str, making: Making, runtime: Object | None
) -> Iterator[tuple[str, str, Object]]:
    if runtime is not None:
        yield "configmaps", SNAPSHOT, {"data": {"runtime": yaml.safe_dump(runtime)}}
    if making.policy.get("mpi") is not None:
        yield "configmaps", HOSTFILE, {"data": {"hostfile": hostfile(making)}}
        if not wire.exists(f"/api/v1/namespaces/{namespace}/secrets/{making.name}-{SSH}"):
            yield "secrets", SSH, {"type": "kubernetes.io/ssh-auth", "immutable": True, "data": _keys()}
    if making.policy.get("flux") is not None:
        yield "configmaps", "flux-entrypoint", {"data": {"init.sh": "true\n", "entrypoint.sh": 'sh -c "$1"\n'}}
        yield "secrets", "flux-curve", {"data": {"curve.cert": base64.b64encode(b"a certificate").decode()}}


def _keys() -> dict[str, str]:
    private = ec.generate_private_key(ec.SECP521R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return {name: base64.b64encode(key).decode() for name, key in (("ssh-privatekey", pem), ("ssh-publickey", public))}

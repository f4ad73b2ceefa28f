"""Commands that kubeflow 0.6 wrote until its bundles had a header of bytes: read, and never written.

The document is JSON, and so is the header. Jobs that are kept in a cluster or as YAML carry their own loader, and run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeflow.core.stdlib import base64, json, zlib
from kubeflow.packaging.bundles.contents import Contents, Header, checked
from kubeflow.packaging.remote.loader import ENV_PIECE

STAGE_0 = (
    'import sys,zlib,binascii;sys.version_info>=(3,8)or sys.exit("kubeflow: this job cannot start: it needs '
    'Python 3.8 or newer in the image");exec(zlib.decompress(binascii.a2b_base64(sys.argv[1])))'
)


def decoded(args: Sequence[str], environ: Mapping[str, str]) -> tuple[Header, Contents]:
    """Return header and document of a command, checked against its digest.

    Args:
        args: What follows `STAGE_0`.
        environ: The container's environment.

    Raises:
        DamagedBundle: When the document does not match its digest.
        Exception: Of base64, zlib, JSON or a lookup, when it is no such command.
    """
    header = json.loads(base64.b64decode(args[1], validate=True))
    pieces = [environ.get(f"{ENV_PIECE}{i}", "") for i in range(header["env"])] or args[2:]
    text = "".join(pieces)[: header["size"]]
    content = checked(zlib.decompress(base64.b64decode(text, validate=True)), header["digest"])
    document = json.loads(content)
    files = {
        path: body.encode("utf-8") if isinstance(body, str) else base64.b64decode(body["base64"])
        for path, body in document["files"].items()
    }
    launcher = (*header["fanout"], *header["launcher"])
    return (
        Header(header["digest"], header["size"], header["env"], "", header["install"], launcher),
        Contents(
            name=document["name"],
            requirements=tuple(document["requirements"]),
            index_urls=tuple(document["index_urls"]),
            files=files,
            executable=tuple(document["executable"]),
        ),
    )

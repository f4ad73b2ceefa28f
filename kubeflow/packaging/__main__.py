"""`python -m kubeflow.packaging unpack TRAINJOB.yaml DIR`: get the files of a job's bundle back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kubeflow.core.errors import KubeflowError
from kubeflow.packaging.bundles.inspection import unpack_object, write_files


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m kubeflow.packaging", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    unpack = commands.add_parser("unpack", help="write the files of the bundle in a Kubernetes object to a directory")
    unpack.add_argument("manifest", help="YAML or JSON of a TrainJob, or - for standard input")
    unpack.add_argument("directory", help="a new or empty directory")
    given = parser.parse_args(argv)
    import yaml

    try:
        text = sys.stdin.read() if given.manifest == "-" else Path(given.manifest).read_text(encoding="utf-8")
        unpacked = unpack_object(list(yaml.safe_load_all(text)))
        written = write_files(unpacked, given.directory)
    except (KubeflowError, OSError, yaml.YAMLError) as error:
        print(f"kubeflow: {error}", file=sys.stderr)
        return 1
    print(f"{unpacked.name}: {len(written)} files in {given.directory}")
    print(f"digest sha256:{unpacked.digest}, checked; launcher: {' '.join(unpacked.launcher)}")
    if unpacked.requirements:
        print("requirements: " + ", ".join(unpacked.requirements))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Command line of the generator: `python -m codegen pin|generate|docs|verify|diff|bump|crds`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from codegen import config
from codegen.commands import bump, diff
from codegen.errors import CodegenError

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, which is 1 with a message on stderr when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to work on (default: this one)")
    commands = parser.add_subparsers(dest="command", required=True)
    pin = commands.add_parser("pin", help="read a release's upstream documents and write schemas/")
    pin.add_argument("component")
    pin.add_argument("version", help="the release tag, such as v2.3.0")
    pin.add_argument(
        "--from", dest="source", required=True, help="folder with the release's files, laid out as upstream"
    )
    pin.add_argument("--commit", help="full hash of the release's commit; read from --from when that is a git checkout")
    pin.add_argument(
        "--identical", action="append", default=[], metavar="VERSION=FOLDER", help="a release that has the same types"
    )
    generate = commands.add_parser("generate", help="write generated/ from schemas/ and templates/")
    generate.add_argument("--out", type=Path, help="write to this folder instead (default: generated/)")
    commands.add_parser("docs", help="write docs/reference/ alone, which `generate` writes too")
    commands.add_parser(
        "compatibility", help="write docs/compatibility.md from the pins and schemas/compatibility.toml"
    )
    commands.add_parser("verify", help="prove from hashes that generated/ and schemas/ are as they were written")
    diff.arguments(commands.add_parser("diff", help="what changed between two versions, and for whom"))
    bump.arguments(commands.add_parser("bump", help="add a release: pin, diff, generate and verify in one step"))
    crds = commands.add_parser("crds", help="write the CRD manifests of a pin, to install for tests")
    crds.add_argument("component")
    crds.add_argument("version", help="a pinned release or its minor: v2.3.0, v2.3 or 2.3")
    crds.add_argument("--out", type=Path, required=True, help="folder to write one JSON file for each kind to")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except CodegenError as error:
        print(f"codegen {options.command}: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    root: Path = options.root
    if options.command == "verify":
        from codegen.commands import verify

        print(verify.verify(root))
        return 0
    configuration = config.load(root)
    if options.command == "pin":
        from codegen.commands.pin import pin
        from codegen.upstream.source import open_source

        component = configuration.component(options.component)
        others = {version: open_source(folder) for version, _, folder in (o.partition("=") for o in options.identical)}
        print(pin(root, component, options.version, open_source(options.source), options.commit, others))
        return 0
    if options.command == "crds":
        from codegen.pins import crd_manifests

        print(crd_manifests.write(root, configuration.component(options.component), options.version, options.out))
        return 0
    if options.command == "compatibility":
        from codegen.minors import compatibility

        print(*compatibility.write(root, configuration))
        return 0
    if options.command == "diff":
        return diff.run(root, configuration.component(options.component), options)
    if options.command == "bump":
        print(bump.run(root, configuration, options))
        return 0
    from codegen.commands.generate import generate, write_reference

    if options.command == "docs":
        print(write_reference(root, configuration))
        return 0
    print(generate(root, configuration, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m codegen diff`: arguments, the two contracts that they name, and the exit code."""

from __future__ import annotations

import argparse
from pathlib import Path

from codegen.comparison import contract, live_cluster, report
from codegen.comparison.contract import Contract
from codegen.comparison.differ import ApiDiff, diff
from codegen.config import Component
from codegen.errors import CodegenError

DESCRIPTION = """\
Compares two states of a component's API. Exit code: 0 nothing breaks, 1 they could not be compared, 2 wrong usage,
3 something breaks those who write objects (and maybe readers), 4 something breaks only those who read them.
"""
WRITERS, READERS = 3, 4


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("component")
    parser.add_argument("old", help="a pinned version, such as 2.2")
    parser.add_argument("new", nargs="?", help="a pinned version; or give --file or --cluster")
    parser.add_argument("--file", type=Path, help="a pin, CRDs in YAML, or an OpenAPI document saved from a cluster")
    parser.add_argument("--cluster", action="store_true", help="a live cluster, through kubeconfig")
    parser.add_argument("--kubeconfig", help="default: $KUBECONFIG, else ~/.kube/config")
    parser.add_argument("--context", help="default: the kubeconfig's current one")
    parser.add_argument("--kind", action="append", metavar="KIND", help="only this kind; can be given several times")
    parser.add_argument("--format", choices=report.FORMATS, default="text")


def run(root: Path, component: Component, options: argparse.Namespace) -> int:
    """Print the diff that `options` ask for and return the exit code.

    Raises:
        CodegenError: A version or kind does not exist, or one side cannot be read.
    """
    old = contract.pinned(root, component, options.old)
    new = _other(root, component, options)
    if options.kind:
        old, new = old.only(options.kind), new.only(options.kind)
    result = diff(old, new)
    print(report.render(result, options.format))
    return exit_code(result)


def exit_code(result: ApiDiff) -> int:
    """Return what the command exits with after a diff."""
    if result.verdict == "unknown":
        return 1
    if result.breaking("writers"):
        return WRITERS
    return READERS if result.breaking("readers") else 0


def _other(root: Path, component: Component, options: argparse.Namespace) -> Contract:
    given = [value for value in (options.new, options.file, options.cluster) if value]
    if len(given) != 1:
        raise CodegenError("say what to compare with: another version, --file FILE, or --cluster")
    if options.file:
        return contract.from_file(options.file, component)
    if options.cluster:
        return live_cluster.live(component, options.kubeconfig, options.context)
    return contract.pinned(root, component, options.new)

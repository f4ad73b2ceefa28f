"""Names that mean something else by now than when a piece of text ran, where the job runs that text again.

What a library's decorator was given, or a keyword of a class statement, is found in no object afterwards: only the text
tells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.class_body import CONTAINERS
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.source.definitions import Binding, Definition, Origin, statements
from kubeflow.packaging.source.module_text import changes


def find_stale_names(provider: Provider, parts: list[ast.expr], origin: Origin, what: str) -> None:
    """Add a finding for each name of the module that such text uses and that was bound again, or changed, since.

    Args:
        provider: Of the job.
        parts: The expressions that the job evaluates again.
        origin: Their text.
        what: What they are, for findings.
    """
    for part in parts:
        if _is_in_function(part, origin):
            continue  # nobody knows when it ran
        for node in ast.walk(part):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in provider.namespace:
                line = next(_lines_since(provider, node.id, origin, node.lineno), "")
                if line:
                    provider.record.find(
                        f"{what} uses the name {node.id}",
                        f"it means something else since {line} ran, and the job would use that",
                        "Run the definition again after it",
                        f"{origin.label}:{node.lineno}",
                    )


def _is_in_function(part: ast.expr, origin: Origin) -> bool:
    functions = (n for n in ast.walk(origin.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(f.body[0].lineno <= part.lineno <= (f.end_lineno or f.lineno) for f in functions)


def _lines_since(provider: Provider, name: str, origin: Origin, line: int) -> Iterator[str]:
    """Yield the lines that gave a name another meaning after a line of a text had run."""
    texts = provider.origins.all()
    here = texts.index(origin), line
    bindings = sorted(provider.origins.bindings(name), key=lambda b: (texts.index(b.origin), b.node.lineno))
    before = [b for b in bindings if (texts.index(b.origin), b.node.lineno) < here]
    after = [b for b in bindings if (texts.index(b.origin), b.node.lineno) > here]
    if before and after and not _is_same(before[-1], after[-1]):
        yield f"{after[-1].origin.label}:{after[-1].node.lineno}"
    if type(provider.namespace[name]) not in CONTAINERS:
        return
    for number, text in enumerate(texts):
        for statement in statements(text.tree.body):
            if not isinstance(statement, Definition) and (number, statement.lineno) > here:
                for chain, place in changes(statement):
                    if chain[0] == name and len(chain) > 1:
                        yield f"{text.label}:{place}"


def _is_same(before: Binding, after: Binding) -> bool:
    """Say whether a statement that ran again gives a name the meaning that it had."""
    node = after.node
    if isinstance(node, ast.Assign | ast.AnnAssign) and not isinstance(node.value, ast.Constant):
        return False
    return ast.dump(before.node) == ast.dump(node)

"""The import statement that binds one name of a notebook or script, on its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.source.definitions import Binding
from kubeflow.packaging.source.imports import absolute


def import_text(name: str, value: object, binding: Binding, bindings: Iterable[Binding], package: str) -> str | None:
    """Return the statement that binds `name` alone, or None when the import did not make `value`.

    Args:
        name: The name in the user's module.
        value: What it means now.
        binding: The import, with the alias that binds `name`.
        bindings: All statements that bind `name`.
        package: What relative imports are relative to.
    """
    node, alias = binding.node, binding.alias
    if alias is None:
        return None
    if isinstance(node, ast.ImportFrom):
        module = absolute(node.module or "", node.level, package)
        loaded = sys.modules.get(module)
        if loaded is None:
            made = sys.modules.get(f"{module}.{alias.name}")
        else:
            made = inspect.getattr_static(loaded, alias.name, value)
        text = f"from {module} import {alias.name}" + (f" as {name}" if alias.name != name else "")
    elif alias.asname:
        made = sys.modules.get(alias.name)
        text = f"import {alias.name} as {name}"
    else:
        made = sys.modules.get(name)
        # `import a.b` and `import a.c` both bind `a`, and the code may need either.
        found = [b for b in bindings if isinstance(b.node, ast.Import) and b.alias]
        text = "import " + ", ".join(sorted({b.alias.name for b in found if b.alias and not b.alias.asname}))
    return text if made is value else None

"""Credentials in text that is sent: Python source, configuration, keys. Names lines, never values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.credentials.formats import is_secret, token_in
from kubeflow.packaging.source.parser import parse

_NOT_SECRETS = ("not a secret", "allowlist secret", "gitleaks:allow")
NOT_A_SECRET = re.compile("|".join(_NOT_SECRETS), re.IGNORECASE)
"""What a line says that holds no secret, in a comment or beside the value. The last two are those of other scanners."""
_SETTINGS = frozenset({".ini", ".cfg", ".conf", ".toml", ".yaml", ".yml", ".json", ".properties", ".sh", ".env"})
_SETTING = re.compile(
    r"""^[\s{,-]*(?:export\s+|set\s+)?["']?([\w.-]+)["']?\s*[:=]\s*(["']?)(.+?)\2\s*,?\s*[}]*\s*(?:#.*)?$"""
)
_MEMBER = re.compile(r'''"([\w.-]+)"\s*:\s*(")((?:[^"\\]|\\.)*)"''')
# Parsing takes most of the time: a text is parsed when a literal follows a word of names, or begins like a token.
_WORTH_PARSING = re.compile(
    r"""(?i:passw|passphrase|pwd|key|token|secret|credential|auth|pat)[^\n]*\n?[^\n]*["'][^"'\n]{8,}["']"""
    r"""|["'](?:hf_|gh[pousr]_|github_pat|glpat|AKIA|ASIA|sk-|xox|gsk_|AIza|eyJ)"""
)
_KEYED_CALLS = frozenset({"get", "getenv", "pop", "putenv", "setdefault", "setattr", "setenv"})  # ("X_TOKEN", "...")
_MODELS = (".example", ".sample", ".template", ".dist")


def secret_lines(path: str, content: bytes) -> dict[int, str]:
    """Return the lines of a file that hold a credential, each with the name that the value has there, or "".

    Args:
        path: In the bundle; its ending tells what the file is.
        content: The file. What is no text has no lines.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return {}
    lines = text.split("\n")
    found = {number: "" for number, line in enumerate(lines, 1) if token_in(line)} if token_in(text) else {}
    if "PRIVATE KEY-----" in text and token_in(text) and not found:  # begins on one line and goes on on others
        found[1 + text.partition("-----BEGIN")[0].count("\n")] = ""
    if path.endswith((".py", ".pyw")):
        for number, name in _in_source(text):
            found[number] = found.get(number) or name
    elif _is_settings(path):
        pattern = _MEMBER if path.endswith(".json") else _SETTING
        for number, line in enumerate(lines, 1):
            for match in pattern.finditer(line):
                if is_secret(match[1], match[3]):
                    found[number] = match[1]
    return {number: name for number, name in sorted(found.items()) if not NOT_A_SECRET.search(lines[number - 1])}


def names_called_no_secret(content: bytes) -> set[str]:
    """Return the names on lines of a source that say that they hold no secret: parameters, variables."""
    text = content.decode("utf-8", "replace")
    lowered = text.lower()
    if not any(words in lowered for words in _NOT_SECRETS):  # most: a search in each line would take far longer
        return set()
    return {
        word
        for line in text.split("\n")
        if NOT_A_SECRET.search(line)
        for word in re.findall(r"[A-Za-z_]\w*", line.partition("#")[0])
    }


def _is_settings(path: str) -> bool:
    name = PurePosixPath(path).name
    if name.endswith(_MODELS):
        return False
    return (
        PurePosixPath(name).suffix in _SETTINGS
        or name.startswith(".env")
        or name in ("config", "credentials", ".netrc")
    )


def _in_source(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of string literals that are credentials by their name or by their format."""
    if not _WORTH_PARSING.search(text):
        return
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        for name, value in _named_values(node):
            literal = _literal(value)
            if literal is not None and is_secret(name, literal):
                yield value.lineno, name
        if isinstance(node, ast.expr) and (literal := _literal(node)) is not None and token_in(literal):
            yield node.lineno, ""


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(map(_name, target.elts), node.value.elts, strict=False)
            yield _name(target), node.value
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        yield _name(node.target), node.value
    elif isinstance(node, ast.Dict):
        yield from ((_name(key), value) for key, value in zip(node.keys, node.values, strict=True) if key is not None)
    elif isinstance(node, ast.Call):
        yield from ((keyword.arg or "", keyword.value) for keyword in node.keywords)
        if _name(node.func) in _KEYED_CALLS:
            yield from zip(map(_name, node.args), node.args[1:], strict=False)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        yield from ((a.arg, d) for a, d in zip(positional[::-1], arguments.defaults[::-1], strict=False))
        yield from (
            (a.arg, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
        )


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _name(node.slice)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _literal(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bytes):
            return node.value.decode("latin-1")
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _literal(node.left), _literal(node.right)
        return left + right if left is not None and right is not None else None
    return None

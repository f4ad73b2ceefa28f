"""How far code can reach, told from its text. Code that is harmless works with values: it starts no process or thread,
handles no signal, opens no file, ends its process by nothing but an exception, and changes nothing of Python's.

What is not certain is not harmless: that costs a job some bytes.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping

from kubeflow.core.stdlib import ast, re
from kubeflow.packaging.source.parser import parse

EVERYTHING = frozenset({"EXITS", "FOREIGN", "LIBRARIES", "PROCESSES"})
"""The names in `remote/uses.py` that are about the reach of code."""
_BUILTINS = frozenset(
    (
        *("abs", "all", "any", "ascii", "bin", "bool", "bytearray", "bytes", "callable", "chr", "complex", "dict"),
        *("divmod", "enumerate", "filter", "float", "frozenset", "hash", "hex", "id", "int", "isinstance", "iter"),
        *("len", "list", "map", "max", "min", "next", "oct", "ord", "pow", "print", "range", "repr", "reversed"),
        *("round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
        *("AssertionError", "Exception", "IndexError", "KeyError", "LookupError", "NotImplementedError", "OSError"),
        *("OverflowError", "RuntimeError", "StopIteration", "SystemExit", "TypeError", "ValueError"),
        "ZeroDivisionError",
    )
)
_ALL = frozenset({"*"})
# What code may read of Python's modules. None of it reads attributes that a text names, leaves a file open, or starts a
# program, as `uuid.getnode` and `platform.uname` may. Modules that are written in C hold nothing else.
_PYTHONS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("cmath", "itertools", "math", "time"), _ALL),
    "base64": frozenset({"b64decode", "b64encode"}),
    "bisect": frozenset({"bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right"}),
    "collections": frozenset({"ChainMap", "Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"}),
    "copy": frozenset({"copy", "deepcopy"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "functools": frozenset({"cmp_to_key", "lru_cache", "partial", "reduce"}),
    "hashlib": frozenset({"md5", "sha1", "sha256", "sha512"}),
    "heapq": frozenset(
        {"heapify", "heappop", "heappush", "heappushpop", "heapreplace", "merge", "nlargest", "nsmallest"}
    ),
    "json": frozenset({"dumps", "loads"}),
    "operator": frozenset({"add", "eq", "itemgetter", "lt", "mul", "neg", "sub", "truediv"}),
    "os": frozenset({"cpu_count", "environ", "getcwd", "getenv", "getpid", "getppid", "getuid", "linesep", "sep"}),
    "os.path": frozenset({"abspath", "basename", "dirname", "exists", "isdir", "isfile", "join", "split", "splitext"}),
    "platform": frozenset({"python_implementation", "python_version"}),
    "random": frozenset(
        (
            *("Random", "choice", "choices", "gauss", "randint", "random", "randrange", "sample", "seed", "shuffle"),
            *("uniform",),
        )
    ),
    "re": frozenset({"compile", "escape", "findall", "finditer", "fullmatch", "match", "search", "split", "sub"}),
    "statistics": frozenset({"fmean", "mean", "median", "mode", "pstdev", "pvariance", "stdev", "variance"}),
    "string": frozenset({"ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "punctuation"}),
    "textwrap": frozenset({"dedent", "fill", "indent", "shorten", "wrap"}),
    "sys": frozenset({"argv", "byteorder", "executable", "exit", "maxsize", "platform", "version", "version_info"}),
}
# PyTorch on the CPU, and NumPy. Their other functions start workers and compilers, open files, and set hooks.
_LIBRARIES: Mapping[str, frozenset[str]] = {
    "torch": frozenset(
        (
            *("__version__", "arange", "bool", "eye", "float", "float32", "float64", "full", "get_num_threads"),
            *("int32", "int64", "linspace", "long", "manual_seed", "matmul", "no_grad", "ones", "rand", "randint"),
            *("randn", "randperm", "tensor", "zeros"),
        )
    ),
    "torch.cuda": frozenset({"device_count", "is_available"}),
    "numpy": frozenset(
        (
            *("__version__", "abs", "allclose", "arange", "argmax", "argmin", "array", "asarray", "ceil", "clip"),
            *("concatenate", "cos", "cumsum", "dot", "e", "exp", "eye", "float32", "float64", "floor", "full", "inf"),
            *("int32", "int64", "isnan", "linspace", "log", "matmul", "max", "maximum", "mean", "median", "min"),
            *("minimum", "nan", "ones", "pi", "prod", "sin", "sort", "sqrt", "stack", "std", "sum", "tanh", "var"),
            *("where", "zeros"),
        )
    ),
    "numpy.linalg": frozenset({"det", "eigh", "inv", "norm", "qr", "solve", "svd"}),
    "numpy.random": frozenset(
        (
            *("choice", "default_rng", "normal", "permutation", "rand", "randint", "randn", "random", "seed"),
            *("shuffle", "uniform"),
        )
    ),
}
_OF_ARRAYS = frozenset(
    (
        *("T", "abs", "all", "any", "argmax", "argmin", "astype", "backward", "clip", "clone", "copy", "cumsum"),
        *("detach", "dim", "dot", "dtype", "exp", "float", "grad", "integers", "item", "log", "long", "matmul", "max"),
        *("mean", "min", "ndim", "normal", "numel", "permutation", "pow", "prod", "random", "ravel", "requires_grad"),
        *("reshape", "round", "shape", "size", "sqrt", "standard_normal", "std", "sum", "tolist", "transpose"),
        *("uniform", "var", "view"),
    )
)
"""What code with PyTorch or NumPy may read of any object: what computes values on the CPU, of tensors, arrays and
generators of random numbers.
"""
_OF_VALUES = frozenset({"append", "extend", "get", "items", "join", "keys", "split", "strip", "update", "values"})
# Attributes of functions, frames, generators and tracebacks lead to all of Python, and `format` reads attributes that a
# text names.
_LEADS_FAR = re.compile("_|f_|tb_|gi_|cr_|ag_|format|mro$|with_traceback$")
# Coroutines are run by asyncio; `except*` makes groups; a pattern may read attributes of any name.
_FAR = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.TryStar, ast.MatchClass)


def reach(texts: Iterable[bytes | str]) -> frozenset[str]:
    """Return which of `EVERYTHING` is True of code, in one or several pieces that see the names of one another."""
    try:
        nodes = [node for text in texts for node in ast.walk(parse(text))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deeply
        return EVERYTHING
    roots = {name.partition(".")[0] for node in nodes for name in _imported_modules(node)}
    has_arrays = not roots.isdisjoint(("numpy", "torch"))
    opens_files = any(isinstance(node, ast.Name) and node.id == "open" for node in nodes)
    if not _are_harmless(nodes, has_arrays) or (has_arrays and opens_files):
        return EVERYTHING
    found = {"FOREIGN"} if has_arrays else {"LIBRARIES"} if opens_files else set[str]()
    return frozenset(found | {"EXITS"} if any(map(_names_an_exit, nodes)) else found)


def _names_an_exit(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "SystemExit"
    name = node.attr if isinstance(node, ast.Attribute) else node.name if isinstance(node, ast.alias) else ""
    return name == "exit"


def gives_value(path: str) -> bool:
    """Return True when `module:name` names a class or function of Python's that harmless code may use."""
    module, _, name = path.partition(":")
    return name in _BUILTINS if module == "builtins" else module in _PYTHONS and _gives(_PYTHONS, module, name)


def _imported_modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""


def _are_harmless(nodes: Iterable[ast.AST], has_arrays: bool) -> bool:
    """Return True when nodes are harmless, apart from files that they open."""
    allowed = {**_PYTHONS, **_LIBRARIES}
    modules: dict[str, str] = {}
    for node in nodes:
        bound = _bound_modules(node, allowed)
        if bound is None:
            return False
        modules |= bound
    # A module itself is no value: all that is done with it is to read what it is allowed to give.
    read: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and (path := _module_path(node.value, modules)):
            inner = f"{path}.{node.attr}" in allowed
            if not isinstance(node.ctx, ast.Load) or not (inner or _gives(allowed, path, node.attr)):
                return False
            read |= {id(node.value)} if inner else {id(node.value), id(node)}
    return all(
        id(node) in read or (not _module_path(node, modules) and _is_harmless(node, has_arrays)) for node in nodes
    )


def _bound_modules(node: ast.AST, allowed: Mapping[str, frozenset[str]]) -> dict[str, str] | None:
    """Return the names that an import binds to modules; None when it is not harmless."""
    found: dict[str, str] = {}
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name not in allowed:
                return None
            root = alias.name.partition(".")[0]
            found[alias.asname or root] = alias.name if alias.asname else root
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            path = f"{node.module}.{alias.name}"
            if node.level or node.module not in allowed:
                return None
            if path in allowed:
                found[alias.asname or alias.name] = path
            elif not _gives(allowed, str(node.module), alias.name):
                return None
    return found


def _module_path(node: ast.AST, modules: Mapping[str, str]) -> str | None:
    """Return the module that an expression means, by its form."""
    if isinstance(node, ast.Name):
        return modules.get(node.id)
    if isinstance(node, ast.Attribute) and (path := _module_path(node.value, modules)):
        return f"{path}.{node.attr}" if f"{path}.{node.attr}" in {**_PYTHONS, **_LIBRARIES} else None
    return None


def _gives(allowed: Mapping[str, frozenset[str]], path: str, name: str) -> bool:
    """Return True when a module gives something harmless under a name."""
    if allowed[path] is _ALL:
        return name.isidentifier() and not name.startswith("_")
    return name in allowed[path]


def _is_harmless(node: ast.AST, has_arrays: bool) -> bool:
    if isinstance(node, _FAR):
        return False
    if isinstance(node, ast.ClassDef):
        return not (node.keywords or node.decorator_list or node.bases)
    if isinstance(node, ast.FunctionDef):
        return not node.name.startswith("__") or node.name == "__init__"
    if isinstance(node, ast.Name):
        # `__builtins__` has all of them, and `__loader__` and `__spec__` lead to modules. What classes call so is
        # called by Python.
        return not node.id.startswith("__") and (
            node.id in _BUILTINS or node.id == "open" or not hasattr(builtins, node.id)
        )
    if isinstance(node, ast.keyword):
        return not has_arrays or node.arg not in ("device", None)
    if isinstance(node, ast.Attribute):
        return node.attr in _OF_ARRAYS | _OF_VALUES if has_arrays else not _LEADS_FAR.match(node.attr)
    return True

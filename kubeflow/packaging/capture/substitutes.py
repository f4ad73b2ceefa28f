# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)

"""What to write instead of a value that cannot be sent: by its type, and without asking the value anything."""

from __future__ import annotations

import sys
from pathlib import Path

from kubeflow.packaging.remote import codec
from kubeflow.packaging.source.ownership import is_users

_INSIDE = "Create it inside the function"
_FILE = "Save it to a file that the job can read, and load it inside the function"
_PATH = "Put it in a volume or an object store, and pass its path"
_ITERATOR = "Pass a list of what it yields"
_CLASS = "Define it at module level of a file or a notebook, or build the object inside the function"

# The first base of the value's type that is named here, or the module that it is of, decides.
_BY_TYPE = {
    "_io._IOBase": "Pass its path, and open it inside the function",
    "_io.TextIOWrapper": "Pass its path, and open it inside the function",
    "_thread.lock": _INSIDE,
    "builtins.async_generator": "Pass the function that makes it, and call it inside the function",
    "builtins.coroutine": "Pass the function that makes it, and call it inside the function",
    "builtins.dict_items": "Pass a list of it",
    "builtins.dict_keys": "Pass a list of it",
    "builtins.dict_values": "Pass a list of it",
    "builtins.generator": _ITERATOR,
    "builtins.memoryview": "Pass the bytes of it",
    "builtins.module": "Import it inside the function",
    "builtins.type": _CLASS,
    "os._Environ": "Read os.environ inside the function, or pass a dict of what it needs",
    "weakref.ReferenceType": "Pass the object that it refers to",
    "numpy.ndarray": _PATH,
    "pandas.DataFrame": "Write it to a file with to_parquet, and pass the path",
    "pandas.Series": "Pass a list of it, or write it to a file and pass the path",
    "polars.dataframe.frame.DataFrame": "Write it to a file with write_parquet, and pass the path",
    "pyarrow.lib.Table": "Write it to a file, and pass the path",
    "sqlite3.Connection": "Pass the path of the database, and connect inside the function",
    "torch.Tensor": "Save it with torch.save and load it inside the function; a small one: pass x.tolist()",
    "torch.nn.modules.module.Module": "Build it inside the function, and load its state_dict from a file",
    "torch.optim.optimizer.Optimizer": "Create it inside the function, from the model that is there",
    "torch.utils.data.dataloader.DataLoader": _INSIDE,
    "torch.utils.data.dataset.Dataset": _INSIDE,
    "torch._C.Generator": "Pass a seed, and create it inside the function",
    "numpy.random._generator.Generator": "Pass a seed, and create it inside the function",
    "numpy.random.mtrand.RandomState": "Pass a seed, and create it inside the function",
}
_NAMES_OF_PANDAS = {"pandas.core.frame.DataFrame": "pandas.DataFrame", "pandas.core.series.Series": "pandas.Series"}


def of_user(error: codec.CodecError) -> codec.CodecError:
    """Return the error in terms that the user knows: not the lock inside of a thread, but the thread."""
    for path, value in reversed(error.around):
        kind = type(value)
        if value is not error.value and not _is_users(kind):
            only_pickle = isinstance(error, codec.OnlyPickle)
            inner = type(error.value).__qualname__
            why = "which only pickle can carry" if only_pickle else f"which holds a {inner} that is not data"
            return type(error)(path, f"is a {kind.__module__}.{kind.__qualname__}, {why}", value)
    return error


def _is_users(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    return kind.__module__ == "__main__" or (file is not None and is_users(Path(file)))


def remedy(error: codec.CodecError, *, no_pickles: bool = False) -> str:
    """Return what to write instead of the value that a codec refused.

    Args:
        error: From the codec.
        no_pickles: True where pickle could carry it, but the Python of the job is not known to be this one.
    """
    value = error.value
    if "secret" in error.reason:
        return "Give the job a variable of a Kubernetes Secret, and read the variable inside the function"
    if "nested too deeply" in error.reason or "to make itself" in error.reason:
        return "Pass flat data, and build the object inside the function"
    if "of dtype" in error.reason:
        return "Use an array of numbers, text or dates, or pass x.tolist()"
    if "inside of a computation" in error.reason:
        return "Pass x.detach()"
    if "other devices" in error.reason:
        return "Pass x.cpu(), and move it inside the function"
    found = _by_type(value)
    if no_pickles and isinstance(error, codec.OnlyPickle):
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        found += f'. If the job runs Python {here} with the same libraries, serializer="cloudpickle" sends it as it is'
    return found


def _by_type(value: object) -> str:
    for base in type(value).__mro__:
        name = f"{base.__module__}.{base.__qualname__}"
        found = _BY_TYPE.get(_NAMES_OF_PANDAS.get(name, name))
        if found is not None:
            return found
    if hasattr(type(value), "__next__"):
        return _ITERATOR
    if _is_users(type(value)):
        return f"{_INSIDE}, or give its class __getstate__ and __setstate__ with plain data"
    return _INSIDE

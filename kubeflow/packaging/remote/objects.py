# Must run on Python 3.8.
# ruff: noqa: UP006, UP035, B905
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)
"""Steps that give objects the state that they had: only in bundles that have such steps."""

from __future__ import annotations

import builtins
from types import CellType, FunctionType

from . import codec

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    Operand = Callable[[Dict[str, Any]], Any]


def part(of: Dict[str, Any], operand: Operand) -> Any:
    """Return an operand that is a list of operands, or a place in one."""
    if "items" in of:
        return [operand(item) for item in of["items"]]
    found = operand(of["at"][0])
    for how, name in of["at"][1:]:
        if how == "vars":
            found = vars(found)[name]
        elif how == "cell":
            found = found.__closure__[found.__code__.co_freevars.index(name)]
        elif how == "item":
            found = found[codec.decode(name)]
        else:
            found = getattr(found, name)
    return found


def carry_out(step: Dict[str, Any], operand: Operand) -> Any:
    """Carry out one step, and return what it made."""
    kind = step["do"]
    if kind == "call":
        keywords = {k: operand(v) for k, v in step.get("keywords", {}).items()}
        return operand(step["func"])(*[operand(v) for v in step["args"]], **keywords)
    if kind == "new":
        base = codec.load(step["base"])
        return base.__new__(operand(step["class"]), *[operand(v) for v in step["args"]])
    if kind == "closure":
        return _of_library(step, operand)
    if kind == "share":
        return _sharing(step, operand)
    owner = operand(step["of"])
    if kind == "cell":
        if "value" in step:
            owner.cell_contents = operand(step["value"])
        else:
            del owner.cell_contents
    elif kind == "set":
        put = type.__setattr__ if isinstance(owner, type) else setattr
        for name, value in step.get("attrs", {}).items():
            put(owner, name, operand(value))
        for name in step.get("gone", ()):
            (type.__delattr__ if isinstance(owner, type) else delattr)(owner, name)
    elif kind == "state":
        if "dict" in step:
            owner.__dict__.clear()
            owner.__dict__.update({name: operand(value) for name, value in step["dict"].items()})
        for name, value in step.get("slots", {}).items():
            object.__setattr__(owner, name, operand(value))
    else:
        _fill(step, owner, operand)
    return owner


def _fill(step: Dict[str, Any], owner: Any, operand: Operand) -> None:
    base = codec.load(step["base"])  # not the owner's class, whose methods may do other things
    items = operand(step["items"])
    if hasattr(base, "__setitem__") and hasattr(base, "keys"):
        pairs = list(items.items() if hasattr(items, "items") else zip(items[::2], items[1::2]))
        base.clear(owner)
        for key, value in pairs:
            base.__setitem__(owner, key, value)
    else:
        base.clear(owner)
        (base.update if hasattr(base, "update") else base.extend)(owner, items)


def with_cells(maker: Callable[..., Any], arguments: list[Any], cells: Dict[str, Any]) -> Any:
    """Return the class that a maker defines, with cells that other functions have, too."""
    names: Any = vars(builtins)
    build = names["__build_class__"]

    def build_with_cells(body: FunctionType, *args: Any, **keywords: Any) -> Any:
        own = dict(zip(body.__code__.co_freevars, body.__closure__ or ()))
        if own.keys() >= cells.keys():
            names["__build_class__"] = build
            own.update(cells)
            body = FunctionType(body.__code__, body.__globals__, body.__name__, None, tuple(own.values()))
        return build(body, *args, **keywords)

    names["__build_class__"] = build_with_cells
    try:
        return maker(*arguments)
    finally:
        names["__build_class__"] = build


def _sharing(step: Dict[str, Any], operand: Operand) -> FunctionType:
    """Return a function again, with cells that other functions have, too."""
    made = operand(step["of"])
    cells = dict(zip(made.__code__.co_freevars, made.__closure__))
    cells.update({name: operand(cell) for name, cell in step["cells"].items()})
    again = FunctionType(made.__code__, made.__globals__, made.__name__, made.__defaults__, tuple(cells.values()))
    again.__kwdefaults__ = made.__kwdefaults__
    again.__qualname__ = made.__qualname__
    again.__doc__ = made.__doc__
    again.__annotations__ = made.__annotations__
    return again


def _of_library(step: Dict[str, Any], operand: Operand) -> FunctionType:
    """Return a function that is defined inside of one of a library, with cells of its own."""
    outer = operand(step["of"])
    code = outer.__code__
    for name, number in step["inner"]:
        code = [part for part in code.co_consts if type(part) is type(code) and part.co_name == name][number]
    cells = {name: CellType(operand(cell)) for name, cell in step["cells"].items()}
    closure = tuple([cells[name] for name in code.co_freevars])
    return FunctionType(code, outer.__globals__, code.co_name, None, closure)

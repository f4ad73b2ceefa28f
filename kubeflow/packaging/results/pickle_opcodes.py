# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# (values of any type are what this module is about)

"""The opcodes of a pickle as the nodes that `result_values.py` decodes. Nothing is unpickled: no module is imported, no
class is looked up, no code runs.

`remote/returned.py` writes such pickles. https://docs.python.org/3/library/pickletools.html names the opcodes.
"""

from __future__ import annotations

import binascii
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

Node = Any
"""As in `remote/codec.py`, where numbers, texts and bytes may stand for themselves. Objects are `reduced` or `newobj`:
"c" is what makes them, "a" the arguments, "l" items, "d" pairs, "state" what `BUILD` gives them, "v" the attributes
in it.
"""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    )
)
_EMPTY: Mapping[str, Callable[[], Node]] = {
    "EMPTY_TUPLE": lambda: _tuple([]),
    "EMPTY_LIST": list,
    "EMPTY_DICT": lambda: {"$": "dict", "v": []},
    "EMPTY_SET": lambda: {"$": "set", "v": []},
}


def read_opcodes(encoded: str) -> Node:
    """Return the node that the pickle stands for.

    Args:
        encoded: The pickle in base64.

    Raises:
        ValueError: When it is damaged, or has an opcode that data does not need.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(binascii.a2b_base64(encoded)):
            machine.step(opcode.name, argument)
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a pickle of data: {error}") from error
    if len(machine.stack) != 1:
        raise ValueError("not a pickle of one value")
    return {"$": "shared", "t": machine.table, "v": machine.stack[0]}


class _Machine:
    """What a pickle does, on nodes. What it keeps is in the table, and nodes refer to it by number."""

    def __init__(self) -> None:
        self.stack: list[Node] = []
        self.table: dict[str, Node] = {}
        self._marks: list[int] = []
        self._memo: list[Node] = []

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in ("PROTO", "FRAME", "STOP"):
            return
        if opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _LITERALS:
            self.stack.append(argument)
        elif opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        else:
            getattr(self, f"_{opcode.lower()}")(argument)

    def _target(self) -> Node:
        """Return what stands on top, itself."""
        return self._seen(self.stack[-1])

    def _seen(self, node: Node) -> Node:
        while isinstance(node, dict) and node["$"] == "ref":
            node = self.table[str(node["n"])]
        return node

    def _since_mark(self) -> list[Node]:
        at = self._marks.pop()
        found = self.stack[at:]
        del self.stack[at:]
        return found

    # -- the stack and the memo ---------------------------------------------------------------------------------------

    def _mark(self, _: object) -> None:
        self._marks.append(len(self.stack))

    def _pop(self, _: object) -> None:
        self.stack.pop()

    def _pop_mark(self, _: object) -> None:
        self._since_mark()

    def _memoize(self, _: object) -> None:
        top = self.stack[-1]
        if isinstance(top, list | dict) and not _is_name(top):
            self.table[str(len(self._memo))] = top
            self.stack[-1] = top = {"$": "ref", "n": len(self._memo)}
        self._memo.append(top)

    def _binget(self, number: int) -> None:
        self.stack.append(self._memo[number])

    def _long_binget(self, number: int) -> None:
        self._binget(number)

    # -- containers ---------------------------------------------------------------------------------------------------

    def _tuple1(self, _: object) -> None:
        self.stack[-1:] = [_tuple(self.stack[-1:])]

    def _tuple2(self, _: object) -> None:
        self.stack[-2:] = [_tuple(self.stack[-2:])]

    def _tuple3(self, _: object) -> None:
        self.stack[-3:] = [_tuple(self.stack[-3:])]

    def _tuple(self, _: object) -> None:
        self.stack.append(_tuple(self._since_mark()))

    def _frozenset(self, _: object) -> None:
        self.stack.append({"$": "frozenset", "v": self._since_mark()})

    def _bytearray8(self, content: bytearray) -> None:
        self.stack.append({"$": "call", "c": "builtins:bytearray", "a": [bytes(content)]})

    def _append(self, _: object) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: object) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[Node]) -> None:
        target = self._target()
        (target if isinstance(target, list) else target.setdefault("l", [])).extend(items)

    def _additems(self, _: object) -> None:
        items = self._since_mark()
        self._target()["v"].extend(items)

    def _setitem(self, _: object) -> None:
        self._update([self.stack.pop(-2), self.stack.pop()])

    def _setitems(self, _: object) -> None:
        self._update(self._since_mark())

    def _update(self, items: list[Node]) -> None:
        target = self._target()
        pairs = [[key, value] for key, value in zip(items[::2], items[1::2], strict=True)]
        target.setdefault("v" if target["$"] == "dict" else "d", []).extend(pairs)

    # -- objects ------------------------------------------------------------------------------------------------------

    def _stack_global(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        home = "pathlib" if module == "pathlib._local" else module  # of Python 3.13 alone
        self.stack.append({"$": "name", "c": f"{home}:{name}"})

    def _reduce(self, _: object) -> None:
        self._made("reduced")
        made = self.stack[-1]
        if made["c"] == "builtins:getattr" and _is_name(made["a"][0]):  # how methods of classes are named
            self.stack[-1] = {"$": "name", "c": f"{made['a'][0]['c']}.{made['a'][1]}"}

    def _newobj(self, _: object) -> None:
        self._made("newobj")

    def _newobj_ex(self, _: object) -> None:
        keywords = self._seen(self.stack.pop())
        self._made("newobj")
        self.stack[-1]["k"] = keywords

    def _made(self, how: str) -> None:
        args, make = self._seen(self.stack.pop())["v"], self._seen(self.stack.pop())
        self.stack.append({"$": how, "c": make["c"] if _is_name(make) else make, "a": args})

    def _build(self, _: object) -> None:
        state = self.stack.pop()
        self._target().update({"state": state, "v": self._attributes(state)})

    def _attributes(self, state: Node) -> Node:
        """Return the attributes that a state holds: a dictionary, or a pair of it and one of slots. None: neither."""
        state = self._seen(state)
        parts = state["v"] if isinstance(state, dict) and state["$"] == "tuple" else [state]
        dictionaries = [found for part in parts if (found := self._seen(part)) is not None]
        if not all(isinstance(each, dict) and each["$"] == "dict" for each in dictionaries):
            return None
        pairs = [pair for each in dictionaries for pair in each["v"]]
        return dict(pairs) if all(isinstance(name, str) for name, _ in pairs) else None


def _tuple(items: list[Node]) -> Node:
    return {"$": "tuple", "v": items}


def _is_name(node: Node) -> bool:
    return isinstance(node, dict) and node["$"] == "name"

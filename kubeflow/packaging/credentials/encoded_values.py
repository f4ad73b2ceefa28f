# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)

"""Credentials in values that are sent: tagged JSON, and what it holds in base64 or as a pickle. Names places only."""

from __future__ import annotations

import binascii
import io
import pickletools
from collections.abc import Iterator
from typing import cast

from kubeflow.core.stdlib import base64, re
from kubeflow.packaging.credentials.formats import is_random, is_secret, token_in
from kubeflow.packaging.remote.codec import TAG

_CELLS = re.compile(r"def _kubeflow_cells\(([^)]*)\)")


def secret_places(value: object, path: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield where a value holds a credential, and the name that it has there.

    Args:
        value: JSON, tagged as the codec does.
        path: How people call the place of the value.
        name: The name that the value has; "" for none.
    """
    if isinstance(value, str):
        if is_secret(name, value):
            yield path, name
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[object]", value)):
            yield from secret_places(item, f"{path}[{number}]", name)
    elif isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        yield from _tagged(fields, path, name) if TAG in fields else _mapping(fields, path)


def _mapping(fields: dict[str, object], path: str) -> Iterator[tuple[str, str]]:
    for key, part in fields.items():
        yield from _item(key, part, path)


def _item(key: str, part: object, path: str) -> Iterator[tuple[str, str]]:
    if token_in(key):
        yield f"{path}, a key", ""
        key = "..."
    yield from secret_places(part, f"{path}[{key!r}]", key)


def _tagged(fields: dict[str, object], path: str, name: str) -> Iterator[tuple[str, str]]:
    content = fields.get("v")
    if isinstance(content, str):
        if is_secret(name, content) or any(_in_bytes(data) for data in _decoded(content)):
            yield path, name
        rest = {key: part for key, part in fields.items() if key != "v"}
    else:
        rest = fields
    for key, part in rest.items():
        if key in (TAG, "c"):
            continue
        if isinstance(part, list) and all(_is_pair(item) for item in cast("list[object]", part)):
            for pair in cast("list[list[object]]", part):
                if isinstance(pair[0], str):
                    yield from _item(pair[0], pair[1], path)
                else:
                    yield from secret_places(pair, path, "")
        elif isinstance(part, dict) and TAG not in part:
            for attribute, inner in cast("dict[str, object]", part).items():
                yield from secret_places(inner, f"{path}.{attribute}", attribute)
        else:
            yield from secret_places(part, path, name)


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(cast("list[object]", item)) == 2


def _decoded(text: str) -> Iterator[bytes]:
    if len(text) < 8:
        return
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return
    yield data
    yield data.replace(b"\0", b"")  # text of numpy: four bytes a character


def _in_bytes(data: bytes) -> bool:
    return token_in(data.decode("latin-1")) or any(is_named_secret(pair) for pair in strings_of_pickle(data))


def is_named_secret(pair: tuple[str, str]) -> bool:
    """Say whether of two strings that follow one another the first names a credential that the second is."""
    return is_secret(*pair) and (is_random(pair[1]) or token_in(pair[1]))


def strings_of_pickle(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield each string of a pickle with the one before it, which is its key or name if it has one. Runs nothing."""
    before = ""
    memo: dict[int, str] = {}
    stream = io.BytesIO(data)
    try:
        for code, argument, _ in (op for _ in iter(stream.tell, len(data)) for op in pickletools.genops(stream)):
            if re.search("STRING|UNICODE|BYTES", code.name):
                text = argument.decode("latin-1") if isinstance(argument, bytes) else str(argument)
                yield before, text
                before = text
            elif code.name == "MEMOIZE":
                memo[len(memo)] = before
            elif code.name.endswith("PUT"):
                memo[int(str(argument))] = before
            else:  # a string that was met before is only referred to
                before = memo.get(int(str(argument)), "") if code.name.endswith("GET") else ""
    except Exception:  # noqa: BLE001  (no pickle, or one that is cut: `genops` raises what its parser meets)
        return


def step_names(step: dict[str, object]) -> dict[str, list[str]]:
    """Return the names of what a step's lists hold: the closure variables of a function."""
    text = " ".join(str(step.get(key, "")) for key in ("lead", "text", "tail"))
    found = _CELLS.search(text)
    names = [name.strip().partition("=")[0] for name in found[1].split(",")] if found else []
    return {"cells": names}

"""Functions that tests serve. They lie apart: what packs a function looks at everything that its module imports."""

from __future__ import annotations


def double(rows: list[list[float]]) -> list[list[float]]:
    return [[2 * value for value in row] for row in rows]


def triple(rows: list[list[float]]) -> list[list[float]]:
    return [[3 * value for value in row] for row in rows]

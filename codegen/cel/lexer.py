"""The tokens of a CEL text: names, signs, numbers, and strings with their escapes read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from codegen.cel.syntax import NotLowerable

TokenKind = Literal["name", "sign", "string", "int", "double", "end"]

_TOKEN = re.compile(
    r"""
    (?P<space> (?: [ \t\r\n\f] | //[^\n]* )+ )
  | (?P<double> (?: \d*\.\d+ (?:[eE][+-]?\d+)? | \d+[eE][+-]?\d+ ) )
  | (?P<int> 0x[0-9a-fA-F]+ | \d+ ) (?P<unsigned> [uU] )?
  | (?P<prefix> [rRbB]{0,2} ) (?P<quote> \"{3} | '{3} | " | ' )
  | (?P<name> [_a-zA-Z][_a-zA-Z0-9]* )
  | (?P<sign> && | \|\| | [=!<>]= | [-+*/%!<>?:.,()\[\]{}] )
    """,
    re.VERBOSE | re.ASCII,
)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "?": "?", '"': '"', "'": "'", "`": "`",
}  # fmt: skip
_NUMERIC = re.compile(r"[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is the value of a string, the digits of a number, else the token itself."""

    kind: TokenKind
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of `text`, the last of kind `end`.

    Raises:
        NotLowerable: There is a character, escape or kind of literal that is no CEL, or not supported.
    """
    result: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise NotLowerable(f"unexpected {text[at]!r} at character {at}")
        start, at = at, match.end()
        if match["quote"]:
            value, at = _string(text, match["prefix"].lower(), match["quote"], at)
            result.append(Token("string", value, start))
        elif match["unsigned"]:
            raise NotLowerable(f"the unsigned number {match[0]!r} is not supported")
        elif match["int"]:
            result.append(Token("int", match["int"], start))
        elif match["double"]:
            result.append(Token("double", match["double"], start))
        elif match["name"]:
            result.append(Token("name", match["name"], start))
        elif match["sign"]:
            result.append(Token("sign", match["sign"], start))
    return [*result, Token("end", "", at)]


def _string(text: str, prefix: str, quote: str, at: int) -> tuple[str, int]:
    """Return the string whose content begins at `at`, and where the text goes on."""
    if "b" in prefix or prefix == "rr":
        raise NotLowerable("a bytes literal is not supported")
    parts: list[str] = []
    while not text.startswith(quote, at):
        if at >= len(text) or (len(quote) == 1 and text[at] in "\r\n"):
            raise NotLowerable(f"the string before character {at} does not end")
        if prefix or text[at] != "\\":  # in a raw string a backslash is nothing special
            parts.append(text[at])
            at += 1
        else:
            value, at = _escape(text, at + 1)
            parts.append(value)
    return "".join(parts), at + len(quote)


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at : at + 1]
    if letter in _SIMPLE:
        return _SIMPLE[letter], at + 1
    if match := _NUMERIC.match(text, at):
        code = int(match[match.lastindex or 0], 8 if match.lastindex == 4 else 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code), match.end()
    raise NotLowerable(f"the escape {text[at - 1 : at + 1]!r} at character {at - 1} is none")

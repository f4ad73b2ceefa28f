"""RE2 patterns of CEL's `matches` (https://github.com/google/re2/wiki/Syntax) as patterns of Python's `re`.

A pattern passes when it means the same in both, or can be rewritten so that it does. The result is meant for
`re.search` with `re.ASCII`. RE2 runs in linear time and Python's `re` does not: patterns come from pins, never from a
user.
"""

from __future__ import annotations

import re

from codegen.cel.syntax import NotLowerable

_SPACE = r"\t\n\f\r "  # Python's \s has \v as well
_CLASSES = {"d": r"\d", "D": r"\D", "w": r"\w", "W": r"\W", "s": f"[{_SPACE}]", "S": f"[^{_SPACE}]"}
_IN_CLASS = {"d": r"\d", "D": r"\D", "w": r"\w", "W": r"\W", "s": _SPACE}
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
    "word": "0-9A-Za-z_", "blank": r"\t ", "space": r"\t\n\v\f\r ",
}  # fmt: skip
_ANCHORS = {"b": r"\b", "B": r"\B", "A": r"\A", "z": r"\Z"}
_CONTROLS = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_HEX = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})", re.ASCII)
_REPEAT = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}", re.ASCII)
_GROUP = re.compile(r"\((?:\?:|\?P?<[A-Za-z_][A-Za-z0-9_]*>|(?!\?))", re.ASCII)
_MOST_REPEATS = 1000  # of RE2


def translate(pattern: str) -> str:
    """Return `pattern`, which is RE2, for `re.search(..., flags=re.ASCII)`.

    Raises:
        NotLowerable: It is malformed, or has syntax that is not supported: flags, Unicode classes, octal escapes.
    """
    return _Translation(pattern).run()


class _Translation:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def run(self) -> str:
        parts: list[str] = []
        repeatable = False
        depth = 0
        while self._at < len(self._text):
            char = self._text[self._at]
            if repeat := self._repeat():
                if not repeatable:
                    raise self._refused("nothing to repeat")
                parts.append(repeat)
                repeatable = False
                continue
            repeatable = True
            if char == "(":
                self._group()
                parts.append("(?:")
                depth += 1
                repeatable = False
            elif char == ")":
                depth -= 1
                if depth < 0:
                    raise self._refused("unbalanced parenthesis")
                parts.append(")")
                self._at += 1
            elif char == "|":
                parts.append("|")
                self._at += 1
                repeatable = False
            elif char in "^$.":
                parts.append({"^": r"\A", "$": r"\Z", ".": r"[^\n]"}[char])
                self._at += 1
                repeatable = char == "."
            elif char == "[":
                parts.append(self._set())
            elif char == "\\":
                self._at += 1
                letter = self._text[self._at : self._at + 1]
                if letter in _ANCHORS:
                    repeatable = False
                parts.append(self._escape(_CLASSES | _ANCHORS))
            else:
                parts.append(_literal(char))
                self._at += 1
        if depth:
            raise self._refused("unbalanced parenthesis")
        result = "".join(parts)
        try:
            re.compile(result, re.ASCII)
        except (re.error, RecursionError, OverflowError) as error:
            raise self._refused(str(error)) from error
        return result

    def _group(self) -> None:
        match = _GROUP.match(self._text, self._at)
        if not match:
            raise self._refused("flags and look-around are not supported")
        self._at = match.end()

    def _repeat(self) -> str:
        """Return the repetition that stands here, or an empty string."""
        char = self._text[self._at]
        if char in "*+?":
            repetition = char
        elif match := _REPEAT.match(self._text, self._at):
            low, high = int(match[1]), int(match[3]) if match[3] else None
            if low > _MOST_REPEATS or (high is not None and not low <= high <= _MOST_REPEATS):
                raise self._refused("bad repetition")
            repetition = match[0]
        else:
            return ""
        self._at += len(repetition)
        if self._text.startswith("?", self._at):
            self._at += 1
            repetition += "?"
        return repetition

    def _escape(self, translations: dict[str, str]) -> str:
        """Return the translation of the escape whose backslash was read."""
        letter = self._text[self._at : self._at + 1]
        if letter in translations:
            self._at += 1
            return translations[letter]
        return _literal(self._escaped_char())

    def _escaped_char(self) -> str:
        letter = self._text[self._at : self._at + 1]
        if letter in _CONTROLS:
            self._at += 1
            return _CONTROLS[letter]
        if match := _HEX.match(self._text, self._at):
            self._at = match.end()
            code = int(match[1] or match[2], 16)
            if code <= 0x10FFFF:
                return chr(code)
        if letter.isascii() and letter.isprintable() and letter != " " and letter and not letter.isalnum():
            self._at += 1
            return letter
        raise self._refused(f"the escape '\\{letter}' is not supported")

    def _set(self) -> str:
        self._at += 1
        negated = self._text.startswith("^", self._at)
        self._at += negated
        parts: list[str] = []
        first = True
        while first or not self._text.startswith("]", self._at):
            if self._at >= len(self._text):
                raise self._refused("a class does not end")
            first = False
            parts.append(self._member())
        self._at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _member(self) -> str:
        if self._text.startswith("[:", self._at):
            name, closed, _ = self._text[self._at + 2 :].partition(":]")
            if not closed or name not in _POSIX:
                raise self._refused(f"the class [:{name[:10]}:] is not supported")
            self._at += len(name) + 4
            return _POSIX[name]
        if self._text[self._at] == "\\" and self._text[self._at + 1 : self._at + 2] in _IN_CLASS:
            self._at += 2
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                raise self._refused("a range cannot begin with a class")
            return _IN_CLASS[self._text[self._at - 1]]
        low = self._char()
        if not self._text.startswith("-", self._at) or self._text.startswith("-]", self._at):
            return _literal(low)
        self._at += 1
        high = self._char() if self._at < len(self._text) else ""
        if high < low:
            raise self._refused("a range of a class is empty")
        return f"{_literal(low)}-{_literal(high)}"

    def _char(self) -> str:
        char = self._text[self._at]
        self._at += 1
        return self._escaped_char() if char == "\\" else char

    def _refused(self, why: str) -> NotLowerable:
        return NotLowerable(f"the pattern {self._text!r}: {why}")


def _literal(char: str) -> str:
    # Each sign escaped, so that none can mean something to Python's `re` alone, such as `--` in a class.
    return "\\" + char if char.isascii() and not char.isalnum() and char.isprintable() else re.escape(char)

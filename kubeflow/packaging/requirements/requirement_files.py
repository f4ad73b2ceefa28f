"""Files of requirements as pip reads them: their encoding, continued lines and comments."""

from __future__ import annotations

import codecs
from pathlib import Path

from kubeflow.core.stdlib import re

_COMMENT = re.compile(r"(^|\s+)#.*$")
# UTF-32 first: its mark begins with that of UTF-16. PowerShell writes UTF-16 where output is redirected to a file.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")


def read_text(path: Path) -> str:
    """Return the text of a file: in the encoding of its mark, else that of a `coding:` comment, else UTF-8.

    Args:
        path: The file. Bytes that are no text become U+FFFD.
    """
    content = path.read_bytes()
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    comments = (line for line in content.split(b"\n")[:2] if line.startswith(b"#"))
    named = next((found[1].decode("ascii", "replace") for line in comments if (found := _CODING.search(line))), "utf-8")
    try:
        return content.decode(named, "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def logical_lines(text: str) -> list[str]:
    """Return the lines of a requirements file without comments and blanks, continued ones as one.

    As for pip, nothing is put between continued lines, and a line that is a comment ends them.
    """
    joined: list[str] = []
    parts: list[str] = []
    for line in text.removeprefix("\ufeff").splitlines():
        is_comment = line.lstrip().startswith("#")
        parts.append(f" {line}" if is_comment else line.removesuffix("\\"))
        if is_comment or not line.endswith("\\"):
            joined.append("".join(parts))
            parts = []
    joined.append("".join(parts))
    without = (_COMMENT.sub("", line).strip() for line in joined)
    return [line for line in without if line]

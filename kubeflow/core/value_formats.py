"""The `format` of strings and numbers in a CRD, decided as the API server decides it.

The API server (measured, Kubernetes 1.36) enforces the formats of this module and no others: `int32`, `int64` and
`float` for numbers, the rest for strings. It warns of another format when the CRD is applied, and ignores it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import date

from kubeflow.core.stdlib import base64, re
from kubeflow.core.time import Timestamp

_BOUNDS = {"int32": (-(1 << 31), (1 << 31) - 1), "int64": (-(1 << 63), (1 << 63) - 1)}
_INTEGERS = {"int32": "int32", "int64": "int64", "int-or-string": "int64"}
_LARGEST_FLOAT = (2 - 2**-23) * 2.0**127


def misfit(value: object, name: str) -> str | None:
    """Return why the API server refuses `value` for its format, or None when it takes it.

    Args:
        value: A JSON value, or a time that was read from one.
        name: The format; `int64` for an integer that has none, because no integer may be larger.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and name in _INTEGERS:
        least, most = _BOUNDS[_INTEGERS[name]]
        kind = _INTEGERS[name]
        return None if least <= value <= most else f"{value} is no {kind}: it must be from {least} to {most}"
    if isinstance(value, int | float):
        fits = name != "float" or abs(value) <= _LARGEST_FLOAT
        return None if fits else f"{value} is too large for the format float"
    text = value.text if isinstance(value, Timestamp) else value
    if not isinstance(text, str) or name not in STRINGS or STRINGS[name](text):
        return None
    return f"{text!r} is no {name}{_EXAMPLES.get(name, '')}"


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _is_base64(text: str) -> bool:
    return bool(text) and _parses(lambda each: base64.b64decode(each, validate=True))(text)


_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([^\n][0-9]+)?([zZ]|[+-][0-9]{2}:[0-9]{2})"


def _is_date(text: str) -> bool:
    if re.fullmatch(_DAY, text, re.ASCII) is None:
        return False
    # The year 0 is a leap year to the server, and unknown to Python.
    return _parses(date.fromisoformat)(f"2000{text[4:]}" if text.startswith("0000") else text)


def _is_date_time(text: str) -> bool:
    day, separator, clock = text[:10], text[10:11], text[11:]
    return separator in ("t", "T") and _is_date(day) and re.fullmatch(_CLOCK, clock, re.ASCII) is not None


_GO_DURATION = re.compile(r"[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+|[-+]?0", re.ASCII)
_AMOUNT = re.compile(r"[0-9]+\s*([A-Za-zµ]+)", re.ASCII)
_UNIT = re.compile(
    r"ns|nano.*|us|µs|micro.*|ms|milli.*|s|sec.*|m|min.*|h|hr|hour.*|d|day.*|w|wk|week.*", re.ASCII | re.IGNORECASE
)


def _is_duration(text: str) -> bool:
    return _GO_DURATION.fullmatch(text) is not None or any(map(_UNIT.fullmatch, _AMOUNT.findall(text)))


def _without_zeros(address: str) -> str:
    """Return an address without the leading zeros of an IPv4 part: the server admits them, Python does not."""
    head, colon, last = address.rpartition(":")
    return head + colon + re.sub(r"(?<![0-9])0+(?=[0-9])", "", last) if "." in last else address


def _is_ipv4(text: str) -> bool:
    plain = _without_zeros(text)
    return "." in text and (_parses(ipaddress.IPv4Address)(plain) or _is_ipv6(plain))


def _is_ipv6(text: str) -> bool:
    return "%" not in text and _parses(ipaddress.IPv6Address)(text)


def _is_cidr(text: str) -> bool:
    address, slash, size = text.partition("/")
    if not slash or not re.fullmatch("[0-9]+", size, re.ASCII) or "%" in address:
        return False
    return _parses(lambda each: ipaddress.ip_network(each, strict=False))(f"{_without_zeros(address)}/{int(size)}")


_PAIRS = "[0-9a-fA-F]{2}"
_QUADS = "[0-9a-fA-F]{4}"
_is_mac = _matches(
    "|".join(f"{_PAIRS}({mark}{_PAIRS}){{{count}}}" for mark in (":", "-") for count in (5, 7, 19))
    + "|"
    + "|".join(rf"{_QUADS}(\.{_QUADS}){{{count}}}|({_QUADS}){{{count + 1}}}" for count in (2, 3, 9))
)


def _is_uri(text: str) -> bool:
    if not text or re.search(r"[\x00-\x1f\x7f]", text):
        return False
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text, re.ASCII)
    rest = text[scheme.end() :] if scheme else text
    if not rest.startswith("/"):
        return scheme is not None or text == "*"
    if scheme and rest.startswith("//"):
        host, slash, path = re.split(r"\?", rest[2:], maxsplit=1)[0].partition("/")
        if re.search(r"[ \\^`{|}]|%(?!25|[89a-fA-F][0-9a-fA-F])", host):
            return False
        port = re.fullmatch(r"(?:[^@]*@)?(?:\[[^\]]*\]|[^\[\]]*?)(?::([^:]*))?", host)
        if port is None or (port[1] or "0").strip("0123456789"):
            return False
        rest = slash + path
    return re.search("%(?![0-9a-fA-F]{2})", rest.partition("?")[0]) is None


_ATOM = r"[^\s()<>\[\]:;@\\,.\"\x00-\x1f\x7f]+"
_LOCAL = rf"({_ATOM}(\.{_ATOM})*|\"([^\"\\\n]|\\.)*\")"
_SPEC = rf"{_LOCAL}@({_ATOM}(\.{_ATOM})*|\[[^\[\]\\\s]+\])"
_EMAIL = re.compile(rf"[ \t]*({_SPEC}|[^<>@]*<{_SPEC}>)[ \t]*")

_LETTER = r"[^\W_]"  # or digit, of any script


def _is_hostname(text: str) -> bool:
    labels = text.split(".")
    if len(text) > 255 or not all(1 <= len(label) <= 63 for label in labels):
        return False
    symbols = r"[a-zA-Z0-9$+<=>^`|~]"
    word = rf"({symbols}|{_LETTER})"
    if len(labels) == 1:
        return re.fullmatch(rf"{word}(-?{word}{{0,62}})?", text) is not None
    inner = rf"{word}(({word}|-){{0,61}}{word})?"
    return (
        all(re.fullmatch(inner, label) for label in labels[:-1])
        and re.fullmatch(r"[^\W\d_]{2,63}", labels[-1]) is not None
    )


def _uuid(third: str, fourth: str) -> Callable[[str], bool]:
    return _matches(rf"[0-9a-fA-F]{{8}}-?[0-9a-fA-F]{{4}}-?{third}-?{fourth}-?[0-9a-fA-F]{{12}}")


def _is_isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{9}[0-9X]", digits, re.ASCII):
        return False
    return sum((10 if digit == "X" else int(digit)) * (10 - place) for place, digit in enumerate(digits)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"[0-9]{13}", digits, re.ASCII):
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


_ISSUERS = re.compile(
    "4[0-9]{12}([0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    "|6(011|5[0-9]{2})[0-9]{12}|3[47][0-9]{13}|3(0[0-5]|[68][0-9])[0-9]{11}|(2131|1800|35[0-9]{3})[0-9]{11}"
    "|6[27][0-9]{14}"
)


def _is_credit_card(text: str) -> bool:
    digits = re.sub("[^0-9]+", "", text)
    if not _ISSUERS.fullmatch(digits):
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


_COLOUR = r"\s*(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\s*"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_ANY4 = "[0-9a-fA-F]{4}"

# Format -> whether a text fits it.
STRINGS: Mapping[str, Callable[[str], bool]] = {
    "byte": _is_base64,
    "date": _is_date,
    "date-time": _is_date_time,
    "datetime": _is_date_time,
    "duration": _is_duration,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "hostname": _is_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "cidr": _is_cidr,
    "mac": _is_mac,
    "uri": _is_uri,
    "uuid": _uuid(_ANY4, _ANY4),
    "uuid3": _uuid("3[0-9a-fA-F]{3}", _ANY4),
    "uuid4": _uuid("4[0-9a-fA-F]{3}", "[89abAB][0-9a-fA-F]{3}"),
    "uuid5": _uuid("5[0-9a-fA-F]{3}", "[89abAB][0-9a-fA-F]{3}"),
    "bsonobjectid": _matches("[0-9a-fA-F]{24}"),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "creditcard": _is_credit_card,
    "ssn": _matches(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}"),
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matches(rf"rgb\({_COLOUR},{_COLOUR},{_COLOUR}\)"),
    "k8s-short-name": lambda text: len(text) <= 63 and _matches(_LABEL)(text),
    "k8s-long-name": lambda text: len(text) <= 253 and _matches(rf"{_LABEL}(\.{_LABEL})*")(text),
}
_EXAMPLES = {
    "byte": ": it must be base64",
    "date": ", such as '2025-01-31'",
    "date-time": ", such as '2025-01-31T12:00:00Z'",
    "datetime": ", such as '2025-01-31T12:00:00Z'",
    "duration": ", such as '1h30m'",
}
TIMES = frozenset({"date-time", "datetime"})

"""HTML that is safe by construction: elements whose texts are escaped, and the forms that all views are made of.

`Html` is made by the functions of this module only. Whatever else is given to them is a text, and stands in the result
as that text: markup in the name of a job or of a metric is shown, not followed. There is no script, and nothing is
loaded.

A view for a notebook is `view(...)`, a file of its own is `page(...)`. `kubeflow.core.html_style` has the style sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from kubeflow.core.display import hide_credentials, moment
from kubeflow.core.durations import age_text
from kubeflow.core.errors import InvalidInput
from kubeflow.core.html_style import ROOT, style_sheet
from kubeflow.core.status_marks import mark, tone
from kubeflow.core.stdlib import re
from kubeflow.core.terminal_text import CODES


class Html:
    """Markup in which every text is escaped. `str()` gives it as text."""

    __slots__ = ("_markup",)

    def __init__(self, markup: str) -> None:
        self._markup = markup

    def __str__(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return f"<Html of {len(self._markup):,} characters>"


class StatusWord(str):
    """A status, like `"Running"`: a text like any other, which a table in HTML shows with its mark."""

    __slots__ = ()


Content: TypeAlias = "Html | str | int | float | None"
"""What elements hold. A text and a number are escaped; `None` is nothing."""

Cell: TypeAlias = "Html | StatusWord | str | int | float | datetime | None"
"""What tables and key-value lists hold: a status has its mark, a time is an age with the time itself on hover."""

Attribute: TypeAlias = "str | int | float | bool | None"
"""The value of an attribute: `None` and False leave it out, True gives its name alone."""

NOTHING = Html("")

_SHORT = 40  # characters of a cell that stays in one line

# What shows something, and neither runs nor loads anything. Names of SVG are written as in SVG.
_ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "a abbr article aside b bdi blockquote br caption code col colgroup dd del details dfn div dl dt em figcaption"
        " figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q s samp section small span"
        " strong sub summary sup table tbody td tfoot th thead time tr u ul var wbr svg circle clipPath defs desc"
        " ellipse g line linearGradient path polygon polyline rect stop text title tspan",
    )
)
_ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        "alt class colspan datetime dir height href id lang open rel role rowspan scope src style tabindex target title"
        " width clip-path cx cy d dominant-baseline dx dy fill fill-opacity fill-rule font-size font-weight offset"
        " opacity points preserveAspectRatio r rx ry stop-color stop-opacity stroke stroke-dasharray stroke-linecap"
        " stroke-linejoin stroke-opacity stroke-width text-anchor transform vector-effect viewBox x x1 x2 y y1 y2",
    )
)
_OPEN_NAMES = re.compile(r"(?:aria|data)-[a-z0-9-]+")  # attributes that a browser does nothing with
_VOID = {"br", "col", "hr", "img", "wbr"}
_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]*\Z")
_DECLARATIONS = re.compile(
    r"(?!.*(?:url|image)\()[\w\s.,:;%#()+-]*", re.IGNORECASE | re.DOTALL
)  # without quotes and URLs
_PAINT = re.compile(r"(?!url\((?!#))[\w\s.,%#()-]*", re.IGNORECASE)
_CHECKS = {"href": _LINK.match, "src": _PICTURE.match, "style": _DECLARATIONS.fullmatch} | dict.fromkeys(
    ("fill", "stroke", "clip-path"), _PAINT.fullmatch
)
# Characters that HTML has no place for: controls, halves of a pair, and two that are no characters.
_NO_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def text(content: Content) -> Html:
    """Return a text as markup that shows it as it is; markup stays, and `None` is nothing."""
    if isinstance(content, Html):
        return content
    return NOTHING if content is None else Html(_escaped(str(content)))


def join(contents: Iterable[Content], between: Content = "") -> Html:
    """Return several contents as one, with `between` between two of them."""
    return Html(str(text(between)).join(str(text(content)) for content in contents))


def tag(name: str, /, *contents: Content, **attributes: Attribute) -> Html:
    """Return an element.

    Args:
        name: Of HTML or SVG, like `"td"` or `"path"`.
        contents: What it holds, in order; texts are escaped.
        attributes: By name; `_` stands for `-`, and one at the end falls away: `class_="x"`, `stroke_width=2`.

    Raises:
        InvalidInput: The element or an attribute is none of those that run and load nothing; so is not `script`,
            `onclick`, `javascript:` in a `href`, or a `src` that is no picture within the page.
    """
    if name not in _ELEMENTS:
        raise InvalidInput(f"The element {name!r} is not drawn: give one that shows something and runs nothing.")
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(start if name in _VOID else f"{start}{join(contents)}</{name}>")


def link(shown: Content, address: str) -> Html:
    """Return a link; only what is shown, where `address` is none of `https:`, `http:`, `mailto:` and `#...`."""
    if isinstance(shown, str):
        shown = hide_credentials(shown)
    return tag("a", shown, href=hide_credentials(address), rel="noreferrer") if _LINK.match(address) else text(shown)


def status_mark(status: str | None) -> Html:
    """Return a status with its sign and colour; `unknown` for `None` and for an empty one."""
    word = status or "unknown"
    return tag("span", f"{mark(word)} {word}", class_=f"kf-status kf-{tone(word)}")


def progress_bar(percent: float) -> Html:
    """Return a bar, and the percent as text beside it."""
    length = min(100.0, max(0.0, percent))
    filled = tag("span", style=f"width: {length:.1f}%")
    return join([tag("span", filled, class_="kf-bar", aria_hidden="true"), f"{percent:.0f} %"])


def time_cell(time: datetime, now: datetime | None = None) -> Html:
    """Return how long ago something was, with the time in UTC on hover."""
    return tag("time", f"{age_text(time, now)} ago", datetime=moment(time), title=moment(time))


def cell(value: Cell) -> Html:
    """Return a value as tables and lists show it: a dash for `None` and an empty text, `***` for tokens in a text."""
    if isinstance(value, StatusWord):
        return status_mark(value)
    if isinstance(value, datetime):
        return time_cell(value)
    if isinstance(value, float):
        return text(f"{value:.6g}")
    if isinstance(value, str):
        value = hide_credentials(value)
    return tag("span", "\N{EN DASH}", class_="kf-muted") if value is None or value == "" else text(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, most: int = 100, what: str = "rows") -> Html:
    """Return a table that scrolls sideways where it is too wide for its place.

    Args:
        heads: The heads of the columns.
        rows: A cell for each column. A column of numbers stands to the right.
        most: Rows that are shown; a line below says how many more there are.
        what: What the rows are, for that line.
    """
    cells = [list(row) for row in rows]
    shown, more = cells[:most], len(cells) - most
    numeric = [_is_numeric([row[index] for row in shown]) for index in range(len(heads))]
    classes = ["kf-number" if number else None for number in numeric]
    head = [tag("th", name, scope="col", class_=kind) for name, kind in zip(heads, classes, strict=True)]
    body = [
        tag(
            "tr",
            *(tag("td", cell(value), class_=kind or _short(value)) for value, kind in zip(row, classes, strict=True)),
        )
        for row in shown
    ]
    drawn = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    rest = tag("p", f"… {more:,} more {what}", class_="kf-muted") if more > 0 else NOTHING
    return tag("div", drawn, rest, class_="kf-scroll")


def facts(entries: Mapping[str, Cell]) -> Html:
    """Return a list of keys and values; entries that are `None` or empty are left out."""
    shown = {name: value for name, value in entries.items() if value is not None and value != ""}
    parts = [part for name, value in shown.items() for part in (tag("dt", name), tag("dd", cell(value)))]
    return tag("dl", *parts) if parts else NOTHING


def bullets(items: Iterable[Content]) -> Html:
    """Return a list with a point for each item; nothing where there are none."""
    points = [tag("li", item) for item in items]
    return tag("ul", *points) if points else NOTHING


def details(summary: Content, *contents: Content, opened: bool = False) -> Html:
    """Return a part that a reader unfolds; `opened` is True when it is unfolded from the start."""
    return tag("details", tag("summary", summary), *contents, open=opened)


def preformatted(lines: str | Iterable[str], *, most: int = 1_000) -> Html:
    """Return lines of a log or of code as they are, without codes that colour a terminal; `***` for tokens.

    Args:
        lines: One text, or lines without line ends.
        most: Lines that are shown: the last ones, below a line that says how many came before.
    """
    given = lines.splitlines() if isinstance(lines, str) else [line.rstrip("\r\n") for line in lines]
    before = len(given) - most
    kept = [f"… {before:,} lines before", *given[before:]] if before > 0 else given
    # A browser drops a line end right behind <pre>: this one, and not an empty first line.
    return tag("pre", "\n" + hide_credentials(CODES.sub("", "\n".join(kept))))


def heading(title: Content, status: str | None = None, *, level: int = 3) -> Html:
    """Return a heading, with a status behind it."""
    parts = [title] if status is None else [title, " ", status_mark(status)]
    return tag(f"h{level}", *parts)


def section(title: str, *contents: Content, level: int = 4) -> Html:
    """Return contents below a heading; nothing where there are no contents."""
    inside = join(contents)
    return join([heading(title, level=level), inside]) if str(inside) else NOTHING


def view(*contents: Content) -> str:
    """Return contents with their style sheet, as `_repr_html_` gives them: a part of somebody else's page."""
    return str(tag("div", Html(f"<style>{style_sheet()}</style>"), *contents, class_=ROOT))


def page(title: str, *contents: Content) -> str:
    """Return contents as a file of its own: whole, without script, and forbidden by its own policy to load anything.

    Args:
        title: The title of the window.
        contents: What is below `<body>`.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{tag('title', title)}\n<style>{style_sheet()}\nbody {{ margin: 0 }}</style>\n</head>\n"
        f'<body class="{ROOT}">\n{join(contents)}\n</body>\n</html>\n'
    )


def _escaped(value: str) -> str:
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return _NO_CHARACTERS.sub("\ufffd", lines).translate(_ESCAPES)


def _attribute(key: str, value: Attribute) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if name not in _ATTRIBUTES and not _OPEN_NAMES.fullmatch(name):
        raise InvalidInput(f"The attribute {name!r} is not drawn: give one that shows something and runs nothing.")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    given = str(value)
    if name in _CHECKS and not _CHECKS[name](given):
        raise InvalidInput(f"{name}={given[:60]!r} is not drawn: it could run or load something.")
    return f' {name}="{_escaped(given)}"'


def _short(value: Cell) -> str | None:
    """Return the class of a cell that stays in one line: a name must not break at its hyphens."""
    return "kf-short" if not isinstance(value, str) or len(value) <= _SHORT else None


def _is_numeric(column: Sequence[Cell]) -> bool:
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in column if value is not None]
    return bool(numbers) and all(numbers)

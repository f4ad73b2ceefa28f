"""HTML that is safe by construction: texts are texts, whatever stands in them, and colours can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeflow.core import html, html_style
from kubeflow.core.durations import age_text, duration_text
from kubeflow.core.errors import InvalidInput
from kubeflow.core.status_marks import mark

VOID = {"br", "col", "hr", "img", "meta", "wbr"}


class Reader(HTMLParser):
    """Reads HTML as a browser does: its texts, its elements in order, and whether each one ends."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self) -> str:
        return "".join(self.texts)


ANY_TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "<b>",
        "</td></table>",
        '"><script>x</script>',
        "' onload='x",
        "&lt;",
        "]]>",
        "<!--",
        "\x00\ud800",
        "\r\n",
        "\x1b[31m",
    ]
)


@settings(max_examples=15)
@given(ANY_TEXT)
def test_whatever_is_given_as_a_text_stands_there_as_that_text(given_text: str) -> None:
    parts = [
        html.tag("p", given_text, title=given_text, id=given_text),
        html.table([given_text], [[given_text], [html.StatusWord(given_text)]]),
        html.facts({given_text: given_text or 1}),
        html.details(given_text, html.preformatted([given_text]), html.bullets([given_text])),
        html.link(given_text, given_text),
        html.heading(given_text, given_text),
    ]
    for made in (html.view(*parts), html.page(given_text, *parts)):
        read = Reader(made)
        assert not {"script", "b"} & set(read.elements)
        assert not any(name.startswith("on") for name, _ in read.attributes)
        made.encode()  # nothing in it that a file could not hold
    clean = html._NO_CHARACTERS.sub("\ufffd", given_text.replace("\r\n", "\n").replace("\r", "\n"))
    read = Reader(str(html.tag("p", given_text, title=given_text)))
    assert read.text == clean
    assert dict(read.attributes)["title"] == clean


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("script", {}),
        ("iframe", {}),
        ("meta", {}),
        ("b><script", {}),
        ("animate", {}),
        ("a", {"href": "javascript:alert(1)"}),
        ("a", {"href": " javascript:alert(1)"}),
        ("a", {"href": "data:text/html,x"}),
        ("img", {"src": "https://example.com/x.png"}),
        ("img", {"src": "data:image/png;base64,AAAA\nx"}),
        ("img", {"srcset": "x"}),
        ("p", {"onclick": "x"}),
        ("p", {"style": "background: url(https://example.com)"}),
        ("p", {"style": "background: URL(x)"}),
        ("p", {"style": "width: 1px; } * { color: red"}),
        ("path", {"fill": "url(https://example.com/x)"}),
        ("p", {"x><script": "1"}),
    ],
)
def test_what_could_run_or_load_something_is_refused(name: str, attributes: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="is not drawn"):
        html.tag(name, "x", **attributes)


def test_elements_are_written_as_their_names_say() -> None:
    made = html.tag("path", d="M0 0L1 1", stroke_width=2, stroke="var(--kf-series-0)", class_="line", aria_hidden=True)
    assert (
        str(made) == '<path d="M0 0L1 1" stroke-width="2" stroke="var(--kf-series-0)" class="line" aria-hidden></path>'
    )
    assert str(html.tag("a", "x", href="#part", target=None)) == '<a href="#part">x</a>'
    assert str(html.link("x", "https://example.com/?a=1&b=2")).startswith('<a href="https://example.com/?a=1&amp;b=2"')
    assert str(html.link("x", "javascript:x")) == "x"
    assert repr(html.tag("br")) == "<Html of 4 characters>"


def test_a_table_has_numbers_to_the_right_and_says_what_it_leaves_out() -> None:
    read = str(html.table(["name", "nodes"], [[f"job-{n}", n] for n in range(5)], most=2, what="jobs"))
    assert read.count("<tr>") == 3
    assert '<td class="kf-number">1</td>' in read
    assert "… 3 more jobs" in read
    assert "\N{EN DASH}" in str(html.table(["a"], [[None]]))


def test_a_status_has_a_sign_besides_its_colour() -> None:
    assert {mark(status) for status in ("Complete", "Running", "Failed", "Degraded", "Suspended")} == set("✓▶✕!○")
    assert "kf-bad" in str(html.status_mark("FAILED"))
    assert "unknown" in str(html.status_mark(None))
    assert Reader(str(html.progress_bar(140))).text == "140 %"


def test_logs_are_shown_without_the_codes_of_terminals_and_by_their_end() -> None:
    made = Reader(str(html.preformatted(["", "\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link", "<b>"], most=2)))
    assert made.text == "\n… 1 lines before\nred link\n<b>"


def test_what_has_the_form_of_a_credential_is_hidden_in_values_and_logs() -> None:
    token, address = "hf_" + "a" * 34, "https://ada:open-sesame@models.example.com/x"
    shown = [html.table(["a"], [[token]]), html.facts({"a": address}), html.preformatted([f"login {token}"])]
    for made in [*shown, html.link(address, address)]:
        assert "***" in str(made)
        assert token not in str(made)
        assert "sesame" not in str(made)


def test_times_are_ages_and_the_time_on_hover() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert "3 min ago" in str(html.time_cell(now - timedelta(seconds=190), now))
    assert 'title="2026-01-01T23:56:50Z"' in str(html.time_cell(now - timedelta(seconds=190), now))
    assert [duration_text(n) for n in (-5, 42, 99.4, 200, 6_000, 40_000, 200_000)] == [
        "0 s", "42 s", "99 s", "3 min", "1.7 h", "11 h", "2 d",
    ]  # fmt: skip
    assert age_text(now.replace(tzinfo=None), now) == "0 s"


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG 2.2 defines it."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_can_be_read_on_every_ground(scheme: str) -> None:
    colours = html_style.LIGHT if scheme == "light" else html_style.DARK
    texts = [colours[name] for name in colours if name not in ("ground", "raised", "line")]
    for colour, ground in product([*texts, *html_style.SERIES[scheme]], [colours["ground"], colours["raised"]]):
        light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (colour, ground)


def test_every_rule_is_for_views_alone() -> None:
    sheet = html_style.style_sheet()
    assert len(sheet) < 8_000
    assert not {"url(", "@import", "</"} & {part for part in ("url(", "@import", "</") if part in sheet}
    for rule in sheet.replace("@media (prefers-color-scheme: dark) {", "").split("}")[:-1]:
        selectors = rule.partition("{")[0]
        assert all(html_style.ROOT in selector for selector in selectors.split(",") if selector.strip()), rule

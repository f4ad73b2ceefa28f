"""The browser of tests sees what a reader sees: it would notice a page that cannot be read, and one that calls home."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import Chromium

PAGE = """<!doctype html><meta charset="utf-8"><style>
:root { color-scheme: light dark; }
.grey { color: #999; background: rgb(255 255 255 / 50%); }
.half { opacity: 0.3; }
@media (prefers-color-scheme: dark) { .hint { color: #00f; } }
</style><title>a</title>
<h1>A <b>bold</b> title</h1><p class="grey">grey</p><p class="half">half</p><p class="hint">hint</p><p hidden>no</p>
<svg width="100" height="40"><text x="0" y="20" fill="oklch(0.5 0.2 30)">drawn</text><text x="2" y="22">over</text></svg>
<details><summary>more</summary><p id="inner">inside</p></details>
"""
NAUGHTY = """<!doctype html><title>b</title><div style="width:900px">wide</div>
<img src="http://192.0.2.1/pixel.png"><script src="missing.js"></script>
<script>console.error("broken", 1); document.body.append("made by a script"); nothing.at.all</script>
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_is_seen_of_a_page(chromium: Chromium, dark: bool, tmp_path: Path) -> None:
    with chromium.open(PAGE, dark=dark, width=400) as page:
        title = page.element("h1")
        assert (title.text, title.own_text, title.shown) == ("A bold title", "A  title", True)
        assert title.contrast > 15
        assert (title.color[0] > 200) is dark
        assert (title.background[0] < 40) is dark
        assert page.element("[hidden]").shown is False
        assert page.element("#inner").shown is False
        page.click("summary")
        assert page.element("#inner").shown is True
        bad = " ".join(page.hardly_readable())
        assert "half" in bad
        assert "grey" in bad
        assert ("hint" in bad) is dark
        assert page.element("svg text:first-child").color[0] > 150
        assert page.overlapping("svg text") == [("drawn", "over")]
        assert page.element("svg text:first-child").within(page.element("svg"))
        assert (page.overflow(), page.errors(), page.requests()) == (0, [], [])
        shot = page.screenshot(tmp_path / "page.png")
        assert shot.read_bytes().startswith(b"\x89PNG")


def test_what_a_page_does_wrong(chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "naughty.html"
    file.write_text(NAUGHTY)
    with chromium.open(file, width=600) as page:
        assert page.overflow() >= 300
        assert "made by a script" in page.text()
        assert page.requests() == ["http://192.0.2.1/pixel.png", (tmp_path / "missing.js").as_uri()]
        errors = "\n".join(page.errors())
        assert "broken 1" in errors
        assert "nothing is not defined" in errors
        assert "missing.js" in errors
    with chromium.open("<p>clean") as page:
        assert page.errors() == []

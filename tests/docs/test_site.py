"""The site is built once, without warnings; what it shows and leads to is looked at."""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import posixpath
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.site import navigation
from docs.site.api_pages import NOT_OURS, page_of
from docs.site.bench_page import bench_page, bench_pictures, write_bench_page
from docs.site.error_tree import PAGE as ERRORS
from docs.site.error_tree import cause, error_classes, error_page, remedy
from docs.site.flowcharts import draw, flowchart
from docs.site.navigation import entries, lost_pages
from docs.site.public_names import names_of, public_packages
from docs.site.staging import generated, with_site_links
from tests.bench.cases import Unit
from tests.bench.record import header, record
from tests.bench.requirements import AtMostTimesLimit
from tests.bench.rows import Row
from tests.bench.series import Missing, Series, Side, Sides
from tests.browser import Chromium
from tests.docs.pages import PAGES, ROOT, blocks

# What a browser fetches by itself, as a page says it.
FETCHED = re.compile(r"<(?:script|img|iframe|source|object)\b[^>]*\b(?:src|data)=[\"']?([^\"'\s>]+)|<link\b([^>]*)>")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site. The process that asks first builds it."""
    place = tmp_path_factory.getbasetemp()
    shared = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place
    out = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            command = [sys.executable, "-m", "docs.site", "--out", str(out)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
            assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def html(site: Path) -> dict[str, str]:
    """Return the pages by their paths."""
    return {file.relative_to(site).as_posix(): file.read_text("utf-8") for file in site.rglob("*.html")}


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Serve the site on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_every_page_of_the_repository_is_in_the_navigation() -> None:
    made, nav = generated()
    problems = lost_pages(path for path in entries(nav) if path not in made)
    assert problems == [], "\n" + "\n".join(problems)


def test_a_page_that_is_in_no_navigation_is_named_with_the_line_to_add() -> None:
    made, nav = generated()
    listed = [path for path in entries(nav) if path not in made and path != "docs/tuning.md"]
    (problem,) = lost_pages(listed)
    assert problem.startswith("docs/tuning.md is in no navigation: add the line `- ")
    assert ": docs/tuning.md` to `nav` in docs/site/mkdocs.yml" in problem
    (problem,) = lost_pages([*listed, "docs/tuning.md", "docs/turning.md"])
    assert problem == "docs/turning.md is in the navigation of docs/site/mkdocs.yml, and is no file"


def test_links_of_a_page_are_those_of_the_site() -> None:
    known = {"README.md": "index.md", "docs/a.md": "a.md", "docs/b/c.md": "b/c.md", "examples/d.py": "examples/d.md"}
    text = (
        "[a](../a.md#x) [d](../../examples/d.py) `[no](../a.md)` [web](https://a.b/c) [here](#x) ![r](../../README.md)"
    )
    assert with_site_links(text, "docs/b/c.md", known) == (
        "[a](../a.md#x) [d](../examples/d.md) `[no](../a.md)` [web](https://a.b/c) [here](#x) ![r](../index.md)"
    )
    with pytest.raises(navigation.SiteError, match="docs/a.md: the site has no page for e.md: add docs/e.md to `nav`"):
        with_site_links("[e](e.md)", "docs/a.md", known)


def test_a_run_of_the_benchmarks_becomes_tables_and_pictures(tmp_path: Path) -> None:
    rows = [
        bench_row("parse: a <small> job", Series((2.0, 2.2)), Series((9.0, 9.0)), AtMostTimesLimit(3), 1.0),
        bench_row("parse: what nobody has", Missing("not installable"), Missing("gone"), None, 0.0),
    ]
    run = record(header({}, quick=True, load=0.5), rows, ["containers: starts podman"])
    pictures = bench_pictures(run)
    page = bench_page(run, list(pictures))
    assert run["header"]["day"] in page
    assert f"{run['header']['cpus']} CPUs" in page
    assert "a load of 0.5" in page
    assert "1 of 1 bounds hold." in page
    assert "| a <small> job | 2.10 s | 9 s | 1 s |" in page
    assert "- containers: starts podman" in page
    for picture in pictures.values():
        drawing = ElementTree.fromstring(picture)
        names = ["".join(text.itertext()) for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert "parse: a <small> job" in names
    assert len(pictures) == 2
    (tmp_path / "old.json").write_text(json.dumps({"header": {"schema": 1}}))
    with pytest.raises(navigation.SiteError, match="run `make bench` again"):
        write_bench_page(tmp_path / "old.json")


def bench_row(name: str, ours: Side, peer: Side, requirement: AtMostTimesLimit | None, limit: float) -> Row:
    case, _, metric = name.partition(": ")
    sides = Sides(ours, peer, Series((limit, limit)) if limit else Missing("none"), Missing("none"))
    return Row(case, metric, Unit.SECONDS, sides, "json.loads", "", requirement)


def test_every_flowchart_of_a_page_is_drawn_whole() -> None:
    charts = [flowchart(block.code) for page in PAGES for block in blocks(page) if block.language == "mermaid"]
    assert len(charts) >= 14
    for chart in charts:
        drawing = ElementTree.fromstring(f"<div>{draw(chart)}</div>")
        shown = " ".join("".join(text.itertext()) for text in drawing.iter("{http://www.w3.org/2000/svg}text"))
        for text in chart.texts.values():
            assert text.split()[0][:20] in shown
        arrows = [each for each in drawing.iter("{http://www.w3.org/2000/svg}path") if each.get("class") == "arrow"]
        assert len(arrows) == sum(start != end for start, end, _ in chart.arrows)
    chart = flowchart(
        'flowchart LR\n    a["one (x/y.py)"] -- "says" --> b & c\n    c -- asks, twice --> a --> d[("store")]\n'
    )
    assert chart.texts == {"a": "one (x/y.py)", "b": "b", "c": "c", "d": "store"}
    assert chart.arrows == [("a", "b", "says"), ("a", "c", "says"), ("c", "a", "asks, twice"), ("a", "d", "")]
    with pytest.raises(ValueError, match="not understood in a flowchart: 'a>'"):
        flowchart("flowchart LR\n    a>\n")


def test_no_public_name_is_without_a_page(html: dict[str, str]) -> None:
    names = [name for package in public_packages() for name in names_of(package)]
    assert len(names) > 900
    missing = []
    for name in names:
        full = f"{name.package}.{name.name}"
        if name.package.startswith(NOT_OURS):
            page, anchor = f"fields/{name.package.removeprefix(NOT_OURS)}.md", name.name
        elif name.home:
            page, _, anchor = page_of(name).partition("#")
            assert page or name.what == "module", full
        else:
            page, anchor = "", ""  # another library's
        text = html.get(page.removesuffix(".md") + ".html", "")
        if page and (not text or (anchor and f'id="{anchor}"' not in text)):
            missing.append(f"{full}: {page}")
        if name.package in public_packages() and not name.package.startswith(NOT_OURS):
            assert f"<code>{name.name}</code>" in html[f"api/{name.package}/index.html"], full
    assert missing == []


def test_the_page_of_errors_has_each_public_error_with_a_remedy() -> None:
    assert ERRORS.read_text("utf-8") == error_page(), "run `make docs`"
    assert len(error_classes()) > 60
    for error in error_classes():
        assert cause(error).endswith("."), error
        assert len(remedy(error).split()) >= 4, error
    public = {
        name
        for package in public_packages()
        for name in names_of(package)
        if name.what == "class" and name.package.startswith("kubeflow.")
    }
    for name in public:
        value = getattr(importlib.import_module(name.home), name.origin)
        if isinstance(value, type) and issubclass(value, Exception):
            assert value in error_classes(), f"{value} has no place on the page of errors: it is no KubeflowError"


def test_what_packages_export_is_what_their_text_says() -> None:
    import kubeflow_api.trainer.v1alpha1

    import kubeflow.kserve
    import kubeflow.trainer

    for package in (kubeflow.trainer, kubeflow.kserve, kubeflow_api.trainer.v1alpha1):
        names = {name.name: name for name in names_of(package.__name__)}
        assert list(names) == list(package.__all__)
        for name in names.values():
            if name.what in {"class", "function"}:
                assert getattr(package, name.name).__module__ == name.home


def test_the_site_needs_no_other_host(html: dict[str, str], site: Path) -> None:
    assert len(html) > 150
    for page, text in html.items():
        for source, link in FETCHED.findall(text):
            address = source or (re.search(r"href=[\"']?([^\"'\s>]+)", link) or ["", ""])[1]
            if not source and not re.search(r"rel=[\"']?(stylesheet|icon|preload|preconnect|modulepreload)", link):
                continue
            assert not re.match(r"(https?:)?//", address), f"{page}: {address}"
            folder = site if page == "404.html" else (site / page).parent  # shown for any address
            assert (folder / address.partition("?")[0].lstrip("/")).exists(), f"{page}: {address}"
        assert 'class="mermaid"' not in text, f"{page}: its script comes from another host"
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text("utf-8")) == []


def test_every_link_between_pages_leads_somewhere(html: dict[str, str]) -> None:
    ids = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in html.items()}
    broken: list[str] = []
    for page, text in html.items():
        if page == "404.html":
            continue
        for address in set(re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text)):
            if re.match(r"[a-z]+:|//", address):
                continue
            path, _, anchor = address.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
            if target.endswith(".html") and (target not in html or (anchor and anchor not in ids[target])):
                broken.append(f"{page}: {address}")
    assert broken == []


def test_the_search_finds_names_and_pages(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    places = {entry["location"] for entry in index["docs"]}
    assert "index.html" in places
    assert any(place.endswith("#kubeflow.trainer.TrainerClient.train") for place in places)


@pytest.mark.parametrize(("dark", "served"), [(False, True), (True, False)], ids=["light, served", "dark, a file"])
def test_a_reader_sees_the_pages_and_searches_them(
    chromium: Chromium, site: Path, address: str, dark: bool, served: bool
) -> None:
    with chromium.open(f"{address}/backends.html" if served else site / "backends.html", dark=dark) as page:
        assert page.hardly_readable("article p, article li, article td") == []
        assert (max(page.element("body").background) < 90) is dark
        page.evaluate(
            "(() => { const field = document.querySelector('.md-search__input'); field.focus(); field.value = 'TrainerClient';"
            "field.dispatchEvent(new Event('keyup', {bubbles: true})); })()"
        )
        results = page.evaluate(
            "new Promise(done => { const wait = setInterval(() => { const found = document.querySelectorAll("
            "'.md-search-result__link'); if (found.length) { clearInterval(wait); done(found.length) } }, 50) })"
        )
        assert results > 0
        assert page.errors() == []
        here = (address, "blob:") if served else (site.as_uri(),)
        assert [request for request in page.requests() if not request.startswith(here)] == []

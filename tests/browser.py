"""A headless Chromium for tests: HTML is opened in light or dark at a width, and asked for what a reader sees.

The fixture `chromium` (tests/conftest.py) is one browser for all tests of a process. It is driven by the DevTools protocol over
two pipes (`--remote-debugging-pipe`): no port, and it ends when this process does. It reaches loopback only.

    def test_page(chromium: Chromium) -> None:
        with chromium.open("<p>Hello", dark=True, width=400) as page:
            assert page.text() == "Hello"
            assert page.overflow() == 0
            assert not page.errors() and not page.requests()
            assert all(element.contrast >= 4.5 for element in page.elements("p"))
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT = 60.0  # seconds for an answer: CI has two slow cores
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# Standard input and output become the pipes of the protocol, which are descriptors 3 and 4.
_SHELL = 'exec "$@" 3<&0 4>&1 </dev/null >&2'

# What a reader sees of elements. Any way of writing a colour becomes red, green, blue, alpha by drawing it.
_SCRIPT = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = "#000"; canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, below) => below.slice(0, 3).map((value, index) => top[index] * top[3] + value * (1 - top[3]));
  const paper = () => {
    const probe = document.createElement("i");
    probe.style.color = "Canvas"; document.documentElement.append(probe);
    const color = rgba(getComputedStyle(probe).color); probe.remove();
    return color;
  };
  const ancestors = element => element ? [...ancestors(element.parentElement), element] : [];
  const background = (element, base) => ancestors(element).reduce((below, each) => {
    const style = getComputedStyle(each), color = rgba(style.backgroundColor);
    return over([...color.slice(0, 3), color[3] * style.opacity], below);
  }, base);
  const luminance = color => color.slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const own = element => [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join("").trim();
  window.__seen = selector => {
    const base = paper();
    return [...document.querySelectorAll(selector)].map(element => {
      const style = getComputedStyle(element), box = element.getBoundingClientRect(), tag = element.tagName.toLowerCase();
      const drawn = element.namespaceURI.endsWith("/svg") && tag !== "svg";
      const behind = background(element, base);
      const ink = rgba(!drawn ? style.color : style.fill === "none" ? style.stroke : style.fill);
      const opacity = ancestors(element).reduce((sum, each) => sum * getComputedStyle(each).opacity, 1);
      const front = over([...ink.slice(0, 3), ink[3] * opacity], behind);
      const [light, dark] = [luminance(front), luminance(behind)].sort((one, other) => other - one);
      return {
        tag, text: element.innerText ?? element.textContent, own_text: own(element),
        classes: [...element.classList],
        attributes: Object.fromEntries([...element.attributes].map(each => [each.name, each.value])),
        x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height,
        shown: element.checkVisibility({opacityProperty: true, visibilityProperty: true}) && box.width * box.height > 0,
        color: front.map(Math.round), background: behind.map(Math.round),
        contrast: (light + 0.05) / (dark + 0.05), font_size: parseFloat(style.fontSize),
      };
    });
  };
})()
"""


@dataclass(frozen=True)
class Seen:
    """An element as a reader sees it.

    Attributes:
        tag: Its name, in lower case.
        text: Its text with that of the elements in it, as it is laid out.
        own_text: Its text without that of the elements in it.
        classes: Of its `class` attribute.
        attributes: All of its attributes.
        x, y: Its left upper corner in pixels, from that of the page.
        width, height: Its size in pixels.
        shown: True when it takes room and is not hidden.
        color: Red, green and blue of its text, or of what it fills or strokes in an SVG, over what is behind it.
        background: Red, green and blue of what is behind it: backgrounds of the elements around it, else of the page.
        contrast: The ratio of the two as WCAG 2 has it, 1 to 21.
        font_size: In pixels.
    """

    tag: str
    text: str
    own_text: str
    classes: list[str]
    attributes: dict[str, str]
    x: float
    y: float
    width: float
    height: float
    shown: bool
    color: list[int]
    background: list[int]
    contrast: float
    font_size: float

    @property
    def right(self) -> float:
        """Where it ends on the right, in pixels."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends below, in pixels."""
        return self.y + self.height

    def overlaps(self, other: Seen, by: float = 1.0) -> bool:
        """Return True when the two boxes share more than `by` pixels in both directions."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return across > by and down > by

    def within(self, other: Seen, by: float = 1.0) -> bool:
        """Return True when the box lies in the other one, but for `by` pixels."""
        return (
            self.x >= other.x - by
            and self.y >= other.y - by
            and self.right <= other.right + by
            and self.bottom <= other.bottom + by
        )


class Page:
    """An open page. `Chromium.open` makes one."""

    def __init__(self, chromium: Chromium, session: str, address: str) -> None:
        self._chromium = chromium
        self._session = session
        self._address = address
        self._errors: list[str] = []
        self._requests: list[str] = []
        self._loaded: set[str] = set()

    def command(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol for this page; return its result."""
        return self._chromium.command(method, self._session, **arguments)

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression, which must be JSON; a promise is waited for."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if details := answer.get("exceptionDetails"):
            raise AssertionError(_exception(details))
        return answer["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """Return the text that is laid out in the first element, as a reader would copy it."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")).strip()

    def elements(self, selector: str) -> list[Seen]:
        """Return what is seen of all elements that fit a CSS selector, in the order of the document."""
        return [Seen(**each) for each in self.evaluate(f"__seen({json.dumps(selector)})")]

    def element(self, selector: str) -> Seen:
        """Return what is seen of the only element that fits."""
        (only,) = self.elements(selector)
        return only

    def texts(self, selector: str = "body *") -> list[Seen]:
        """Return the elements that have text of their own and are shown: what must be read, and must not overlap."""
        return [each for each in self.elements(selector) if each.own_text and each.shown]

    def hardly_readable(self, selector: str = "body *", least: float = 4.5) -> list[str]:
        """Return the texts whose contrast is less than `least`, with it; 4.5 is what WCAG 2 asks for (AA)."""
        return [f"{each.contrast:.2f} {each.own_text[:60]!r}" for each in self.texts(selector) if each.contrast < least]

    def overlapping(self, selector: str) -> list[tuple[str, str]]:
        """Return the pairs of shown elements with text that lie over each other."""
        pairs = itertools.combinations(self.texts(selector), 2)
        return [(one.own_text, other.own_text) for one, other in pairs if one.overlaps(other)]

    def overflow(self) -> float:
        """Return by how many pixels the page is wider than its window: what a reader must scroll sideways for."""
        return float(self.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def click(self, selector: str) -> None:
        """Click on the first element that fits."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def errors(self) -> list[str]:
        """Return errors and warnings of the console, exceptions, and what could not be loaded."""
        self.evaluate("1")  # what was sent before this answer has been read
        return list(self._errors)

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for, besides its own and `data:`; a self-contained page has none."""
        self.evaluate("1")
        return list(self._requests)

    def screenshot(self, path: Path, *, height: int | None = None) -> Path:
        """Write a PNG of the whole page, or of its upper `height` pixels; return its path."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        area = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=area)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def take(self, method: str, event: Mapping[str, Any]) -> None:
        """Note an event of this page."""
        match method:
            case "Page.lifecycleEvent" if event["name"] == "load":
                self._loaded.add(event["loaderId"])
            case "Runtime.exceptionThrown":
                self._errors.append(_exception(event["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if event["type"] in {"error", "warning", "assert"}:
                self._errors.append(" ".join(str(each.get("value", each)) for each in event["args"]))
            case "Log.entryAdded" if event["entry"]["level"] in {"error", "warning"}:
                self._errors.append(f"{event['entry']['text']} {event['entry'].get('url', '')}".strip())
            case "Network.requestWillBeSent":
                address = str(event["request"]["url"])
                if address != self._address and not address.startswith("data:"):
                    self._requests.append(address)
            case _:
                pass

    def show(self, *, dark: bool, width: int, height: int) -> None:
        """Open the page's address in a colour scheme and a size of the window."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        self.command("Page.addScriptToEvaluateOnNewDocument", source=_SCRIPT)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command("Page.setLifecycleEventsEnabled", enabled=True)
        loader = self.command("Page.navigate", url=self._address)["loaderId"]
        self._chromium.wait_for(lambda: loader in self._loaded)  # not the empty page before it


class Chromium:
    """A running browser with a profile of its own.

    Args:
        program: The executable.
        folder: An empty folder for its profile and for pages.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "chromium.log"
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, Page] = {}
        self._unread = b""
        flags = [*_FLAGS, f"--user-data-dir={folder / 'profile'}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses to start as root with it
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SHELL, "sh", program, *flags, "about:blank"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                bufsize=0,
                env={**os.environ, "HOME": str(folder)},
            )

    @contextlib.contextmanager
    def open(self, html: str | Path, *, dark: bool = False, width: int = 1200, height: int = 900) -> Iterator[Page]:
        """Open a page until the block ends.

        Args:
            html: A file; or HTML text, or an address on loopback that begins with `http://`.
            dark: True for a reader whose system prefers dark colours.
            width: Of the window, in pixels.
            height: Of the window, in pixels.
        """
        if isinstance(html, Path):
            address = html.resolve().as_uri()
        elif html.startswith("http://"):
            address = html
        else:
            file = self._folder / f"page-{next(self._numbers)}.html"
            file.write_text(html, "utf-8")
            address = file.as_uri()
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, address)
        try:
            page.show(dark=dark, width=width, height=height)
            yield page
        finally:
            del self._pages[session]
            self.command("Target.closeTarget", targetId=target)

    def command(self, method: str, session: str | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol; return its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": arguments}
        if session is not None:
            message["sessionId"] = session
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        self.wait_for(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Read messages until `condition` holds."""
        deadline = time.monotonic() + WAIT
        assert self._process.stdout is not None
        while not condition():
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no answer of Chromium for {WAIT:.0f} s\n{self._last_words()}"
            piece = os.read(self._process.stdout.fileno(), 1 << 20)
            assert piece, f"Chromium ended\n{self._last_words()}"
            *messages, self._unread = (self._unread + piece).split(b"\0")
            for text in messages:
                message = json.loads(text)
                if "id" in message:
                    self._answers[message["id"]] = message
                elif page := self._pages.get(message.get("sessionId", "")):
                    page.take(message["method"], message["params"])

    def close(self) -> None:
        """End the browser with all of its processes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # All that stand below it now: when it has ended, nobody knows whose they were.
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._process.pid).children(recursive=True)
            self._process.stdin.close()  # the end of its input is the end of the browser
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
            _, alive = psutil.wait_procs(children, timeout=5)
            for child in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self._process.wait(10)
        self._process.stdout.close()

    def _last_words(self) -> str:
        return self._log.read_text("utf-8", "replace")[-2000:]


def start(folder: Path) -> Chromium:
    """Start a browser that keeps its files in `folder`; skip the test where this machine has none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not installed")
    return Chromium(program, folder)


def _exception(details: Mapping[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details["text"])

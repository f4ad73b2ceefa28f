"""What `digits.py` shows of its job: steps with their seconds, a progress bar, and a picture. Nothing to install."""

from __future__ import annotations

import math
import struct
import sys
import time
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from kubeflow.trainer import TrainJob

_START = time.monotonic()


def say(text: str) -> None:
    """Print one step, with the seconds since the start."""
    print(f"{_clock()} {text}", flush=True)


def try_next(*lines: tuple[str, str]) -> None:
    """Print commands, each with what it is for."""
    say("Try next:")
    width = max(len(line) for line, _ in lines)
    for line, purpose in lines:
        print(f"  {line:{width}}  # {purpose}")


def command() -> str:
    """Return the command line that runs this program again, short where it can be."""
    python, here = Path(sys.executable), Path.cwd()
    return f"{python.relative_to(here) if python.is_relative_to(here) else python} {sys.argv[0]}"


class Progress:
    """A callback of `wait_for_job_status`: a bar that is redrawn on a terminal, else lines every 25 percent or 10 s."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._shown, self._when = "", 0.0

    def __call__(self, job: TrainJob) -> None:
        percent = 100 if job.status == "Complete" else job.progress or 0
        if not self._terminal:
            percent -= percent % 25
        bar = "#" * (percent // 5) + "-" * (20 - percent // 5)
        loss = job.metrics.get("loss")
        line = f"[{bar}] {percent:3d} %  " + (f"training, loss {loss}" if loss else "nodes start and import PyTorch")
        if self._terminal:
            end = "\n" if job.status in ("Complete", "Failed") else ""
            print(f"\r{_clock()} {line}\x1b[K", end=end, flush=True)
        elif bar != self._shown or time.monotonic() > self._when + 10:
            self._shown, self._when = bar, time.monotonic()
            say(line)


def _clock() -> str:
    return f"[{time.monotonic() - _START:4.1f} s]"


def save_picture(path: Path, accuracy: float, losses: Sequence[float], predictions: Sequence[int]) -> None:
    """Write a PNG: 40 held-out digits, each above what the model reads in it (red: wrong), and the loss by epoch."""
    from sklearn.datasets import load_digits

    # Its type depends on whether pandas is installed.
    images, labels = cast("tuple[Any, Any]", load_digits(return_X_y=True))
    picture = _Picture(760, 400)
    picture.text(20, 16, "held out digits and predictions", _INK)
    for place, (pixels, label, prediction) in enumerate(zip(images[::4], labels[::4], predictions[:40], strict=False)):
        x, y = 20 + place % 8 * 52, 46 + place // 8 * 69
        picture.image(x, y, [int(value) / 16 for value in pixels])
        picture.text(x + 17, y + 48, str(prediction), _GREEN if prediction == label else _RED)

    left, right, top, bottom = 500, 740, 60, 330
    picture.text(left, 16, "loss of each epoch", _INK)
    for fraction in (0.0, 0.5, 1.0):
        height = bottom - fraction * (bottom - top)
        picture.line((left, height), (right, height), _GREY, 1)
        picture.text(left - 42, int(height) - 7, f"{fraction * max(losses):.1f}", _INK)
    points = [
        (left + (right - left) * epoch / max(1, len(losses) - 1), bottom - (bottom - top) * loss / max(losses))
        for epoch, loss in enumerate(losses)
    ]
    for start, end in pairwise(points):
        picture.line(start, end, _BLUE, 2.5)
    picture.text(left, bottom + 8, "1", _INK)
    picture.text(right - 22, bottom + 8, str(len(losses)), _INK)
    picture.text(left, bottom + 36, f"accuracy {accuracy:.1%}", _GREEN)
    path.write_bytes(picture.png())


_Colour = tuple[int, int, int]
_INK: _Colour = (60, 60, 60)
_GREY: _Colour = (215, 215, 215)
_BLUE: _Colour = (31, 119, 180)
_GREEN: _Colour = (24, 128, 60)
_RED: _Colour = (220, 30, 30)

# A font of 5 x 7 pixels: a character is five columns, the lowest bit on top.
_CHARACTERS = "0123456789.%acdefghilnoprstuy"
_COLUMNS = bytes.fromhex(
    "3e5149453e00427f400042615149462141454b311814127f1027454545393c4a49493001710905033649494936064949291e"
    "0060600000231308646220545454783844444420384444487f3854545418087e0901020c5252523e7f0804047800447d4000"
    "00417f40007c0804047838444444387c141414087c080404084854545420043f4440203c4040207c0c5050503c"
)


class _Picture:
    """A white canvas of `width` x `height` pixels, with what the picture needs to be drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [bytearray(b"\xff" * 3 * width) for _ in range(height)]

    def blend(self, x: int, y: int, colour: _Colour, share: float) -> None:
        """Mix `share` (0 to 1) of a colour into a pixel."""
        for channel in range(3):
            old = self.rows[y][3 * x + channel]
            self.rows[y][3 * x + channel] = round(old + (colour[channel] - old) * share)

    def text(self, x: int, y: int, text: str, colour: _Colour) -> None:
        """Write text, each pixel of the font as 2 x 2 pixels. (x, y): the upper left corner."""
        for place, character in enumerate(text):
            index = 5 * _CHARACTERS.find(character)
            for column, bits in enumerate(_COLUMNS[index : index + 5] if index >= 0 else b""):
                for dx, dy in ((dx, dy) for dx in range(2) for dy in range(14) if bits >> dy // 2 & 1):
                    self.blend(x + 12 * place + 2 * column + dx, y + dy, colour, 1)

    def image(self, x: int, y: int, ink: Sequence[float]) -> None:
        """Draw 8 x 8 grey values (0: white, 1: ink) as 44 x 44 pixels, interpolated."""
        for row in range(44):
            for column in range(44):
                (v, dv), (u, du) = divmod(row * 7 / 43.001, 1), divmod(column * 7 / 43.001, 1)
                corner = 8 * int(v) + int(u)
                above = ink[corner] * (1 - du) + ink[corner + 1] * du
                below = ink[corner + 8] * (1 - du) + ink[corner + 9] * du
                grey = round(16 * (above * (1 - dv) + below * dv)) / 16  # as few shades as the scans: a small file
                self.blend(x + column, y + row, _INK, grey)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: _Colour, width: float) -> None:
        """Draw a line with smooth edges: a pixel is covered by how near its centre is."""
        (x0, y0), (x1, y1) = start, end
        length = math.hypot(x1 - x0, y1 - y0) or 1
        for y in range(int(min(y0, y1) - width), int(max(y0, y1) + width) + 1):
            for x in range(int(min(x0, x1) - width), int(max(x0, x1) + width) + 1):
                along = max(0, min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2))
                distance = math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
                self.blend(x, y, colour, max(0, min(1, width / 2 + 0.5 - distance)))

    def png(self) -> bytes:
        """Return the picture as a PNG file of 8-bit RGB."""

        def chunk(kind: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self.rows), 9)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")

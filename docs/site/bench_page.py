"""`docs/measurements.md` and its pictures: the figures of one run of `make bench`, with machine and day.

`python -m docs.site --bench FILE` writes them from the results that a run leaves (`.cache/bench/results.json`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from docs.site.bar_charts import Bar, bar_chart
from docs.site.navigation import ROOT, SiteError
from tests.bench.cases import Unit
from tests.bench.record import SCHEMA, Figures, Record, RowRecord, SideRecord
from tests.bench.table import figure

PAGE = ROOT / "docs" / "measurements.md"
PICTURES = ROOT / "docs" / "images"
_HEAD = """\
<!-- Written by `python -m docs.site --bench .cache/bench/results.json` after `make bench`. Do not edit. -->
# The last run of the benchmarks

{day}: {processor}, {cpus} CPUs, {platform}, {python}; a load of {load} before the run; {rounds} run. {verdict}

What a row means, and how to run them: [performance](performance.md). Figures are medians; ratios are medians of the
ratios by round, in which all sides run in turn; n is the number of rounds.{crowded}
"""


_CROWDED = (
    " The\nmachine had more work than processors: "
    "a row of one or two rounds says little, also where it misses its bound."
)


def write_bench_page(results: Path) -> None:
    """Write the page and its pictures.

    Raises:
        SiteError: The file is none of a run of this version.
    """
    try:
        record: Record = json.loads(results.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SiteError(f"{results} cannot be read: {error}. `make bench` writes it.") from error
    if record["header"]["schema"] != SCHEMA:
        raise SiteError(f"{results} is of another version of the benchmarks: run `make bench` again.")
    pictures = bench_pictures(record)
    for name, text in pictures.items():
        (PICTURES / name).write_text(text, "utf-8")
    PAGE.write_text(bench_page(record, list(pictures)), "utf-8")


def bench_page(record: Record, pictures: Sequence[str]) -> str:
    """Return the text of the page."""
    head = record["header"]
    text = _HEAD.format(
        day=head["day"],
        processor=head["processor"] or "a processor without a name",
        cpus=head["cpus"],
        platform=head["platform"],
        python=head["python"],
        load=head["load_before"],
        rounds="a quick" if head["quick"] else "a full",
        verdict=_verdict(record["rows"]),
        crowded=_CROWDED if head["load_before"] > head["cpus"] else "",
    )
    words = {
        "bench-peer.svg": "## Beside the published package",
        "bench-bounds.svg": "## How much of each bound is used",
    }
    alt = {
        "bench-peer.svg": "Bars: how many times as much the published package takes, for each measure",
        "bench-bounds.svg": "Bars: the share of its bound that each measure uses; all of it is 1",
    }
    for name in pictures:
        text += f"\n{words[name]}\n\n![{alt[name]}](images/{name})\n"
    text += "\n## All figures\n"
    for case, rows in groupby(record["rows"], key=lambda row: row["case"]):
        text += _table(case, list(rows))
    if record["left_out"]:
        text += "\n## Left out of this run\n\n" + "".join(f"- {words}\n" for words in record["left_out"])
    return text


def _verdict(rows: Sequence[RowRecord]) -> str:
    judged = [row["requirement"]["verdict"] for row in rows if row["requirement"]]
    held = judged.count("holds")
    return f"{held} of {len(judged)} bounds hold." if judged else ""


def _table(case: str, rows: list[RowRecord]) -> str:
    means = [f"limit: {rows[0]['limit_is']}"] if rows[0]["limit_is"] else []
    means += [f"yardstick: {rows[0]['yardstick_is']}"] if rows[0]["yardstick_is"] else []
    text = f"\n### {case[:1].upper()}{case[1:]}\n\n" + (f"{'; '.join(means)}.\n\n" if means else "")
    text += "| measure | ours | published | limit | published/ours | ours/limit | ours/yardstick | n | bound | |\n"
    text += "|---|---|---|---|---|---|---|---|---|---|\n"
    for row in rows:
        show = partial(figure, unit=Unit(row["unit"]))
        bound = row["requirement"] or {"text": "", "verdict": ""}
        cells = (
            row["metric"],
            *(_side(row[side], show) for side in ("ours", "peer", "limit")),
            *(_times(row[ratio]) for ratio in ("peer_to_ours", "ours_to_limit", "ours_to_yardstick")),
            str(row["n"]),
            bound["text"],
            {"missed": "**missed**"}.get(bound["verdict"], bound["verdict"]),
        )
        text += "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    return text


def _side(side: SideRecord, show: Callable[[float], str]) -> str:
    return show(side["figures"]["median"]) if side["figures"] else ""


def _times(figures: Figures | None) -> str:
    return _multiple(figures["median"]) if figures else ""


def _multiple(value: float) -> str:
    """Write a ratio to three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def bench_pictures(record: Record) -> dict[str, str]:
    """Return the pictures by their file names: how the peer does, and how much of each bound is used."""
    peers = [
        Bar(_name(row), row["peer_to_ours"]["median"], _multiple(row["peer_to_ours"]["median"]))
        for row in record["rows"]
        if row["peer_to_ours"] and row["peer_to_ours"]["median"] > 0
    ]
    shares = [
        Bar(_name(row), share, f"{share:.2f}")
        for row in record["rows"]
        if (share := _share(row)) is not None and share > 0
    ]
    pictures: dict[str, str] = {}
    if peers:
        title = "What the published kubeflow 0.5.0 takes, in multiples of ours"
        pictures["bench-peer.svg"] = bar_chart(
            title, sorted(peers, key=lambda bar: -bar.value), mark=1, logarithmic=True
        )
    if shares:
        title = "The share of its bound that each measure uses"
        pictures["bench-bounds.svg"] = bar_chart(title, sorted(shares, key=lambda bar: -bar.value), mark=1)
    return pictures


def _share(row: RowRecord) -> float | None:
    """Return which part of its bound a row uses: 1 is all of it. `None` where its bound is no multiple."""
    text = row["requirement"]["text"] if row["requirement"] else ""
    for words, ratio in (("x limit", "ours_to_limit"), ("x yardstick", "ours_to_yardstick")):
        figures = row["ours_to_limit"] if ratio == "ours_to_limit" else row["ours_to_yardstick"]
        if text.endswith(words) and figures:
            return figures["median"] / float(text.removeprefix("<= ").removesuffix(words))
    if text.startswith("peer >= ") and row["peer_to_ours"]:
        return float(text.removeprefix("peer >= ").removesuffix("x")) / row["peer_to_ours"]["median"]
    return None


def _name(row: RowRecord) -> str:
    name = row["case"] if row["metric"] in {"wall", "wall time", "time"} else row["name"]
    return name if len(name) <= 62 else f"{name[:61].rstrip()}…"

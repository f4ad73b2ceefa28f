"""An `ApiDiff` as text, Markdown or JSON: breaking changes for writers, for readers, cautions, new fields."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from codegen.comparison.change import Change, ChangeClass, Detail, Move
from codegen.comparison.differ import ApiDiff
from codegen.comparison.tree import dotted
from codegen.schema.jsontypes import Json

Format: TypeAlias = Literal["text", "markdown", "json"]
FORMATS: tuple[Format, ...] = ("text", "markdown", "json")

_LONGEST = 200  # characters of one value: a rule or a pattern can be a page of its own
_WORDS: dict[str, str] = {
    "x-kubernetes-list-type": "list type",
    "x-kubernetes-list-map-keys": "list keys",
    "x-kubernetes-map-type": "map type",
}


def render(report: ApiDiff, form: Format) -> str:
    """Return the report as a page of Markdown, as the same page in plain text, or as JSON for a machine."""
    if form == "json":
        return json.dumps(_as_json(report), indent=1, ensure_ascii=True)
    page = "\n".join(_page(report))
    return page if form == "markdown" else _plain(page)


def _page(report: ApiDiff) -> Iterable[str]:
    yield f"# {report.old} → {report.new}"
    yield ""
    yield f"**{report.verdict}**: {_reasons(report)}"
    for kind in report.opaque:
        yield ""
        yield (
            f"**`{kind}` was not compared**: on one side its CRD is `type: object` with unknown fields kept, "
            "so the API server knows nothing of its content."
        )
    writers, readers = report.breaking("writers"), report.breaking("readers")
    rest = [change for change in report.changes if not change.breaking]
    caution = [change for change in rest if "caution" in (change.effects.writers, change.effects.readers)]
    new = [change for change in rest if change.what in ("kind-added", "field-added", "subresource-added")]
    quiet = [change for change in rest if change not in caution and change not in new]
    for title, changes in (
        ("Breaks those who write objects", writers),
        ("Breaks those who read objects", readers),
        ("Works, but look at it", caution),
        ("New", new),
        ("Breaks nobody", quiet),
    ):
        if changes:
            yield ""
            yield f"## {title}"
            yield ""
            yield from _section(changes)
    yield from _type_names(report)


def _reasons(report: ApiDiff) -> str:
    if not report.changes:
        return "nothing could be compared" if report.verdict == "unknown" else "nothing changed"
    broken = [change for change in report.changes if change.breaking]
    counted: dict[ChangeClass, int] = defaultdict(int)
    for change in broken or report.changes:
        counted[change.what] += 1
    text = ", ".join(f"{count} {what.replace('-', ' ')}" for what, count in counted.items())
    return f"{text}." if broken else f"breaks nobody; {text}."


def _section(changes: Sequence[Change]) -> Iterable[str]:
    """One line for every class of change in a type."""
    grouped: dict[tuple[ChangeClass, str], list[Change]] = defaultdict(list)
    for change in changes:
        grouped[change.what, change.owner].append(change)
    for (what, owner), members in grouped.items():
        if what == "field-renamed":
            for change in members:
                yield from _renamed(change)
            continue
        places = len(max((change.paths for change in members), key=len))
        where = members[0].paths[0] if places == 1 and len(members) == 1 else ""
        note = f" ({places} places)" if places > 1 else f" (`{where}`)" if where.count(".") > 1 else ""
        texts = "; ".join(filter(None, map(_change_text, members)))
        yield f"- **{what.replace('-', ' ')}** in `{owner}`{note}: {texts or 'the type itself'}"


def _change_text(change: Change) -> str:
    name = f"`{change.at}`" if change.at else ""
    if change.what in ("field-added", "field-removed"):
        required = any(detail.keyword == "required" for detail in change.details)
        return f"{name} {'(required)' if required else ''}".strip()
    return " ".join(filter(None, [name, ", ".join(map(_detail_text, change.details))]))


def _detail_text(detail: Detail) -> str:
    word = _WORDS.get(detail.keyword, detail.keyword)
    if detail.keyword == "enum":
        old, new = (
            None if values is None else list(map(str, _list(values))) for values in (detail.before, detail.after)
        )
        if old is not None and new is not None:
            removed = [f"-{_value(value)}" for value in old if value not in new]
            return "enum " + " ".join([*removed, *(f"+{_value(value)}" for value in new if value not in old)])
    if detail.before is None:
        return f"{word} {_value(detail.after)}"
    if detail.after is None:
        return f"{word} {_value(detail.before)} dropped"
    return f"{word} {_value(detail.before)} → {_value(detail.after)}"


def _renamed(change: Change) -> Iterable[str]:
    share = f"{change.similarity or 0:.0%} alike"
    yield f"- **renamed** in `{change.owner}`: `{change.at}` → `{change.renamed}` ({share})"
    for move in change.moves:
        yield f"  - `{dotted(move.before)}` → {_place(move)}"


def _place(move: Move) -> str:
    return f"`{dotted(move.after)}`" if move.after else "nothing like it"


def _type_names(report: ApiDiff) -> Iterable[str]:
    names = report.types
    if not (names.removed or names.added or names.renamed):
        return
    yield ""
    yield "## Names of types (imports of the generated classes)"
    yield ""
    if names.renamed:
        yield "- renamed: " + ", ".join(f"`{_short(old)}` → `{_short(new)}`" for old, new in names.renamed)
    for word, group in (("removed", names.removed), ("added", names.added)):
        if group:
            yield f"- {word}: " + ", ".join(f"`{_short(name)}`" for name in group)


def _as_json(report: ApiDiff) -> dict[str, object]:
    return {
        "old": report.old,
        "new": report.new,
        "verdict": report.verdict,
        "compared": report.compared,
        "opaque": report.opaque,
        "changes": [
            {
                "class": change.what,
                "type": change.owner,
                "at": change.at,
                "paths": change.paths,
                "writers": change.effects.writers,
                "readers": change.effects.readers,
                "details": [
                    {"keyword": detail.keyword, "before": detail.before, "after": detail.after}
                    for detail in change.details
                ],
                "renamed": change.renamed,
                "similarity": change.similarity,
                "moves": [
                    {"before": dotted(move.before), "after": dotted(move.after) if move.after else None}
                    for move in change.moves
                ],
            }
            for change in report.changes
        ],
        "types": {"removed": report.types.removed, "added": report.types.added, "renamed": report.types.renamed},
    }


def _plain(page: str) -> str:
    return page.replace("**", "").replace("`", "").replace("\n## ", "\n").removeprefix("# ")


def _value(value: Json) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    # A value is upstream's text: it must not end the code span, nor start a line of its own.
    text = " ".join(text.replace("`", "'").split())
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}`"


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else []


def _short(name: str) -> str:
    return name.rpartition(".")[2]

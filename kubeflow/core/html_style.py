"""The one style sheet of everything that is drawn as HTML: its colours in light and in dark, and which theme counts.

Every rule is below `.kubeflow-view`, so that a notebook keeps its own look, and nothing is loaded from elsewhere. A
view has a ground of its own: the text is readable also where a notebook is white while the desktop is dark.
"""

from __future__ import annotations

from collections.abc import Mapping

ROOT = "kubeflow-view"
"""The class of the element that the style sheet is for."""

LIGHT: Mapping[str, str] = {
    "ground": "#ffffff", "raised": "#f3f5f8", "line": "#d0d7de", "text": "#1f2328", "muted": "#57606a",
    "good": "#17682f", "busy": "#0a58b8", "warn": "#7d4e00", "bad": "#b3202a", "idle": "#57606a",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "ground": "#14181f", "raised": "#1e242d", "line": "#3b4552", "text": "#e8edf2", "muted": "#a3adb9",
    "good": "#5bd07c", "busy": "#79b8ff", "warn": "#e8b64c", "bad": "#ff8f88", "idle": "#a3adb9",
}  # fmt: skip
"""Colours by what they are for. Text of each but `line` has a contrast of at least 4.5 on `ground` and on `raised`."""

SERIES: Mapping[str, tuple[str, ...]] = {
    "light": ("#0a58b8", "#b3202a", "#17682f", "#7d4e00", "#6f3fb8", "#00687a", "#a02a78", "#57606a"),
    "dark": ("#79b8ff", "#ff8f88", "#5bd07c", "#e8b64c", "#c3a3ff", "#5cc8da", "#f39ad0", "#a3adb9"),
}
"""Colours of lines in a plot, in their order: `var(--kf-series-0)` and so on. Contrast as for text."""

# Where a page says its theme, that counts; the desktop's counts elsewhere. JupyterLab and Notebook 7 set an attribute,
# VS Code sets a class, Colab sets an attribute of the root.
_SAYS_LIGHT = ('[data-jp-theme-light="true"]', ".vscode-light", ".vscode-high-contrast-light", 'html[theme="light"]')
_SAYS_DARK = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    ".vscode-high-contrast:not(.vscode-high-contrast-light)",
    'html[theme="dark"]',
)

# The class stands twice to count more than the rules that a notebook has for tables of outputs.
_RULES = """
@ { background: var(--kf-ground); color: var(--kf-text); font: 13px/1.5 system-ui, sans-serif; padding: 8px 10px;
  border-radius: 6px; max-width: 100%; box-sizing: border-box; text-align: left; overflow-wrap: anywhere; }
@ * { box-sizing: border-box; }
@ h1, @ h2, @ h3, @ h4 { color: var(--kf-text); font-size: 1.1em; font-weight: 600; margin: 10px 0 4px;
  line-height: 1.4; }
@ h1 { font-size: 1.5em; }
@ h2 { font-size: 1.25em; }
@ > :first-child { margin-top: 0; }
@ p { margin: 4px 0; color: inherit; }
@ a { color: var(--kf-busy); text-decoration: underline; }
@ ul, @ ol { margin: 4px 0; padding-left: 20px; }
@ code, @ pre { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: inherit;
  background: none; }
@ pre { margin: 4px 0; padding: 6px 8px; background: var(--kf-raised); border: 1px solid var(--kf-line);
  border-radius: 4px; white-space: pre-wrap; max-height: 30em; overflow: auto; }
@ dl { display: grid; grid-template-columns: fit-content(40%) minmax(0, 1fr); gap: 1px 14px; margin: 4px 0; }
@ dt { color: var(--kf-muted); font-weight: normal; margin: 0; grid-column: 1; }
@ dd { margin: 0; color: inherit; grid-column: 2; unicode-bidi: isolate; }
@ details { margin: 4px 0; }
@ summary { cursor: pointer; color: var(--kf-text); }
@ .kf-scroll { overflow-x: auto; max-width: 100%; }
@ table { border-collapse: collapse; margin: 4px 0; font-size: inherit; color: inherit; border: none;
  table-layout: auto; }
@ table tr, @ table tr:hover, @ table tbody tr:nth-child(n) { background: none; text-align: left; }
@ table th, @ table td { padding: 2px 14px 2px 0; border: none; border-bottom: 1px solid var(--kf-line);
  text-align: left; vertical-align: top; white-space: normal; color: inherit; font-weight: normal;
  overflow-wrap: normal; max-width: 40em; }
@ table td { unicode-bidi: isolate; }
@ table th { color: var(--kf-muted); white-space: nowrap; }
@ table .kf-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@ table .kf-short { white-space: nowrap; }
@ .kf-muted { color: var(--kf-muted); }
@ .kf-status { white-space: nowrap; font-weight: 600; }
@ .kf-bar { display: inline-block; width: 8em; max-width: 50%; height: 0.6em; border: 1px solid var(--kf-busy);
  border-radius: 3px; margin-right: 6px; vertical-align: baseline; overflow: hidden; }
@ .kf-bar > span { display: block; height: 100%; background: var(--kf-busy); }
@ .kf-good { color: var(--kf-good); }
@ .kf-busy { color: var(--kf-busy); }
@ .kf-warn { color: var(--kf-warn); }
@ .kf-bad { color: var(--kf-bad); }
@ .kf-idle { color: var(--kf-idle); }
"""


def style_sheet() -> str:
    """Return the rules as CSS text: about 5 KB, without any text of a user."""
    view = f".{ROOT}.{ROOT}"
    light, dark = _colours(LIGHT, SERIES["light"], "light"), _colours(DARK, SERIES["dark"], "dark")
    themes = [
        f"{view} {{ {light} }}",
        f"@media (prefers-color-scheme: dark) {{ {view} {{ {dark} }} }}",
        f"{', '.join(f'{where} {view}' for where in _SAYS_LIGHT)} {{ {light} }}",
        f"{', '.join(f'{where} {view}' for where in _SAYS_DARK)} {{ {dark} }}",
    ]
    rules = "\n".join(line if line.startswith("@media") else line.replace("@", view) for line in _RULES.split("\n"))
    return "\n".join([*themes, rules.strip()])


def _colours(colours: Mapping[str, str], series: tuple[str, ...], scheme: str) -> str:
    numbered = {f"series-{number}": colour for number, colour in enumerate(series)}
    variables = "; ".join(f"--kf-{name}: {colour}" for name, colour in {**colours, **numbered}.items())
    return f"color-scheme: {scheme}; {variables};"

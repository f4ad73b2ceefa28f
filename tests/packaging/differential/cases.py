"""The corpus: modules and notebooks as users write them, each with the call that is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

_DIRECTIVE = re.compile(r"^# (run|expect|runtime|form): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A module or notebook with one call.

    Attributes:
        name: Path below the corpus without its suffix, like `registries/by_decorator`.
        path: The file. Beside it in a folder with a `main.py` lie the user's other modules.
        form: `notebook` (cells between lines `# %%`), `script` (the file is `__main__`) or `module` (it is imported).
        call: Source of the call: `train(steps=3)`.
        refused: Words of the finding that is expected; empty where the job is to run as the call here does.
        runtime: The runtime that the job names.
    """

    name: str
    path: Path
    form: str
    call: str
    refused: str
    runtime: str

    @property
    def folder(self) -> Path | None:
        """The folder that is the user's project, for cases of several files."""
        return self.path.parent if self.path.name == "main.py" else None


def read(path: Path, root: Path = CORPUS) -> Case:
    """Read the case in `path`: its first lines say `# run: CALL`, and what differs from the usual."""
    text = path.read_text(encoding="utf-8")
    said = dict(_DIRECTIVE.findall(text))
    place = path.parent if path.name == "main.py" else path.with_suffix("")
    return Case(
        name=place.relative_to(root).as_posix(),
        path=path,
        form=said.get("form", "notebook" if re.search(r"^# %%", text, re.MULTILINE) else "script"),
        call=said["run"],
        refused=said.get("expect", "").removeprefix("refused").removeprefix(":").strip(),
        runtime=said.get("runtime", "jax-distributed"),
    )


def corpus() -> list[Case]:
    """Return every case, by name. A folder that has a `main.py` is one case; every other Python file is one."""
    projects = {path.parent for path in CORPUS.rglob("main.py")}
    alone = [path for path in CORPUS.rglob("*.py") if not projects.intersection(path.parents)]
    return sorted(map(read, [*alone, *(folder / "main.py" for folder in projects)]), key=lambda case: case.name)

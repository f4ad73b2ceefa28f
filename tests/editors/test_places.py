"""What stands first where users type, in an editor and in a notebook: as it was in `golden/places.txt`.

`KUBEFLOW_WRITE_GOLDENS=1` writes the file anew.
"""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

import jedi  # type: ignore[import-untyped]  # ships neither stubs nor py.typed
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from pydantic import BaseModel

from tests.editors.languageserver import LanguageServer

GOLDEN = Path(__file__).parent / "golden" / "places.txt"
MODELS = "from kubeflow_api.trainer.v1alpha1 import RuntimeRef, Trainer, TrainJob, TrainJobBuilder, TrainJobSpec\n"
JOB = MODELS + "job = TrainJob(spec=TrainJobSpec(runtime_ref=RuntimeRef(name='a')))\n"
BUILDER = MODELS + "builder = TrainJobBuilder('a')\n"
# The text before the cursor; its last line is shown in the golden.
PLACES = {
    "generated packages": "from kubeflow_api.",
    "a space": "from kubeflow.optimizer import Search\nSearch.",
    "a trainer": "from kubeflow.trainer import CustomTrainer\nCustomTrainer(",
    "resources of a node": "from kubeflow.trainer import CustomTrainer\nCustomTrainer(print, resources_per_node={'",
    "a status": "from kubeflow.trainer import TrainerClient\nTrainerClient().wait_for_job_status('a', '",
    "a builder's constructor": MODELS + "TrainJobBuilder(",
    "a builder": BUILDER + "builder.",
    "a method of a builder": BUILDER + "builder.trainer(",
    "a model": JOB + "job.",
    "a model's constructor": MODELS + "Trainer(",
}
PYDANTIC = frozenset(dir(BaseModel))
# What is under the mouse is the last word.
HOVERS = {
    "from kubeflow.trainer import TrainerClient\nTrainerClient().explain": "explain",
    "from kubeflow.trainer import TrainerClient\nTrainerClient": "TrainerClient",
    "from kubeflow.trainer import options\noptions.Toleration": "Toleration",
    "from kubeflow.optimizer import Search\nSearch.loguniform": "loguniform",
    MODELS + "TrainJobBuilder('a').runtime_patch": "runtime_patch",
}
# Places of which a notebook's kernel has the object itself.
LIVE = {"a space", "a trainer", "a builder's constructor", "a builder", "a method of a builder", "a model"}


def test_what_stands_first_where_users_type_is_as_it_was(tmp_path: Path) -> None:
    with LanguageServer(tmp_path) as editor:
        places = [section(editor, title, text) for title, text in PLACES.items()]
        hovers = [f"## over {word}\n{summary(editor.hover(text, word))}\n" for text, word in HOVERS.items()]
    found = "\n".join([*places, *hovers])

    if os.environ.get("KUBEFLOW_WRITE_GOLDENS") == "1":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(found, "utf-8")
    assert found == GOLDEN.read_text("utf-8")


def section(editor: LanguageServer, title: str, text: str) -> str:
    """Return what is offered at a place: a line for each engine that knows such places."""
    lines = [f"## {title}: {text.splitlines()[-1]}", f"editor: {first(editor.completions(text), text)}"]
    if not text.endswith("'"):  # in texts, jedi offers files
        lines.append(f"jedi: {first(jedi_names(text), text)}")
    if title in LIVE:
        lines.append(f"notebook: {first(kernel_names(text), text)}")
    return "\n".join([*lines, ""])


def first(names: list[str], text: str) -> str:
    """Return the names that stand before all private ones, before Python's own, and before those of pydantic.

    Of a call, where jedi sorts keywords among all names that there are, only its keywords.
    """
    if text.endswith("("):
        return ", ".join(name for name in names if name.endswith("="))
    if text.endswith("'"):
        return ", ".join(name for name in names if name.startswith("'"))
    return ", ".join(takewhile(lambda name: not name.startswith("_") and name not in PYDANTIC, names))


def summary(hover: str) -> str:
    """Return a signature and the first paragraph of the text below it."""
    return "\n\n".join(hover.split("\n\n")[:2])


def jedi_names(text: str) -> list[str]:
    lines = text.split("\n")
    return [each.name_with_symbols for each in jedi.Script(text).complete(len(lines), len(lines[-1]))]


def kernel_names(text: str) -> list[str]:
    """Return what the kernel of a notebook offers, after the lines before have been executed."""
    shell = InteractiveShell()  # type: ignore[no-untyped-call]  # IPython is typed in part
    before, _, line = text.rpartition("\n")
    shell.run_cell(before).raise_error()  # type: ignore[no-untyped-call]
    with provisionalcompleter():
        return [each.text for each in shell.Completer.completions(line, len(line))]

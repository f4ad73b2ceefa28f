"""Which of the user's own modules and data files a piece of code needs. Found by reading, never by importing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import ast, os, re
from kubeflow.packaging.source.distributions import EditableDistributions
from kubeflow.packaging.source.finder import Located, ModuleFinder, read
from kubeflow.packaging.source.imports import Import, imported
from kubeflow.packaging.source.lookups import Wanted, lookups
from kubeflow.packaging.source.package_files import Candidate, ProjectRules, files_below, fitting, is_compiled, matching
from kubeflow.packaging.source.parser import parse

_WORD = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A module of the user's that is loaded, and its file. `tree` is empty when the text does not parse."""

    module: ModuleType
    text: str
    tree: ast.Module

    @property
    def label(self) -> str:
        """Its file, as people call it."""
        return short(Path(str(self.module.__file__)))


class ModuleGraph:
    """Collects the user's modules, from the ones that the job enters to all that they import, with their packages.

    Attributes:
        shipped: The modules that travel, by name.
        external: Top-level packages that the image must have.
        findings: What would be missing in the job.
        needed: The paths in the bundle of the modules that are imported, not only of a package that is sent whole.
        computed: True when code imports modules whose names come from elsewhere; `ship_words` takes such names.
    """

    def __init__(self, search: Iterable[Path] = (), *, fresh: bool = False) -> None:
        """`search` are folders to look in before `sys.path`; `fresh` as for `ModuleFinder`."""
        self.shipped: dict[str, Located] = {}
        self.external: set[str] = set()
        self.findings: list[Finding] = []
        self.computed = False
        self.needed: set[str] = set()
        self._finder = ModuleFinder(search, fresh=fresh)
        self._rules = ProjectRules()
        self._contents: dict[str, bytes] = {}
        self._trees: dict[str, ast.Module] = {}
        self._data: dict[str, Path] = {}
        self._done: set[str] = set()  # packages whose files are known
        self._candidates: dict[str, Candidate] = {}
        self._left: list[Candidate] = []
        self._whole: set[str] = set()  # packages that code looks into at run time
        self._wanted: list[tuple[Wanted, str, Path | None, Path]] = []  # with the code's label, file, and root
        self._distributions = EditableDistributions()
        self._later: list[str] = []  # packages and modules to ship when the imports are done

    def locate(self, name: str) -> Located | None:
        """Find a module of the user's by name, or None when it is installed, built in or nowhere."""
        return self._finder.locate(name)

    def ship(self, name: str, *, needed_by: str = "") -> bool:
        """Ship module `name`, its parents and all that they import. Returns whether it is the user's own."""
        return self._visit([Import(name, 0, certain=True)], needed_by)

    def ship_imports(
        self, text: str, label: str, package: str = "", *, file: Path | None = None, root: Path | None = None
    ) -> None:
        """Ship what a piece of source imports and looks up.

        Args:
            text: The source.
            label: Its name in findings.
            package: What relative imports are relative to.
            file: What `__file__` is in it; None when nothing.
            root: The folder here that becomes the folder of the job; by default that of the file.

        Raises:
            SyntaxError: When the text does not parse.
        """
        root = root or (file.parent if file else Path(os.devnull))
        self._visit(self._needs(text.encode("utf-8", "surrogatepass"), label, "__main__", package, file, root), label)

    def ship_words(self, words: Iterable[str]) -> None:
        """Ship the user's modules that are named by words such as `"plugins.a"` or `"pkg.models.Net"`."""
        for word in words:
            parts = word.split(".") if _WORD.fullmatch(word) else []
            names = (".".join(parts[:depth]) for depth in range(len(parts), 0, -1))
            name = next((name for name in names if self.locate(name) is not None), None)
            if name is not None:
                self._visit([Import(name, 0, certain=False)], "")

    def files(self) -> dict[str, bytes]:
        """Return all that travels by its path in the bundle: modules, the rest of their packages, data files."""
        self.complete()
        self._read_files(self._left)
        found = {
            located.shipped_as: self._contents[name]
            for name, located in self.shipped.items()
            if located.path is not None
        }
        found |= {shipped_as: read(path) for shipped_as, path in self._data.items() if shipped_as not in found}
        return found | self._distributions.files()

    def loaded(self) -> dict[str, LoadedModule]:
        """Return the shipped modules that this process has loaded from the very files, by name."""
        found: dict[str, LoadedModule] = {}
        for name, located in self.shipped.items():
            module = sys.modules.get(name)
            if module is not None and located.path is not None and getattr(module, "__file__", "") == str(located.path):
                text = self._contents[name].decode("utf-8-sig", "replace")
                found[name] = LoadedModule(module, text, self._trees.get(name, ast.Module([], [])))
        return found

    @property
    def shadowing(self) -> list[str]:
        """The user's top-level modules that bear the name of one of the standard library."""
        return sorted({name.partition(".")[0] for name in self.shipped} & sys.stdlib_module_names)

    @property
    def entries(self) -> list[str]:
        """Entries of the module path here that installed packages were found in, other than the interpreter's own."""
        return self._finder.entries

    # -- modules -------------------------------------------------------------------------------------------

    def _visit(self, imports: Sequence[Import], label: str, *, is_needed: bool = True) -> bool:
        own = False
        pending = [(found, label) for found in imports]
        while pending:
            found, where = pending.pop()
            parts = found.module.split(".")
            for depth in range(1, len(parts) + 1):
                name = ".".join(parts[:depth])
                located = self.locate(name)
                if located is None:
                    if depth < len(parts) and self.locate(found.module) is not None:
                        continue  # its parents exist nowhere: they become namespace packages in the job
                    if depth == 1 and is_needed:
                        self.external.add(name)
                    break
                own = True
                if name not in self.shipped and self._may_ship(located, found, where):
                    self.shipped[name] = located
                    self.needed |= {located.shipped_as} if is_needed else set()
                    pending.extend(self._imports_of_file(located, is_needed=is_needed))
        return own

    def _imports_of_file(self, located: Located, *, is_needed: bool) -> list[tuple[Import, str]]:
        if located.path is None:
            return []
        label = short(located.path)
        package = located.name if located.is_package else located.name.rpartition(".")[0]
        self._contents[located.name] = content = read(located.path)
        try:
            found = self._needs(content, label, located.name, package, located.path, located.entry)
        except (SyntaxError, ValueError) as error:
            where = f"{label}:{getattr(error, 'lineno', None) or 1}"
            if is_needed:
                why = f"its source does not parse: {error}"
                self.findings.append(Finding(f"module {located.name}", why, "Correct it", where))
            return []
        return [(part if is_needed else replace(part, certain=False), label) for part in found]

    def _may_ship(self, located: Located, found: Import, where: str) -> bool:
        place = f"{where}:{found.line}" if found.line else where
        ignored = located.path is not None and self._rules.ignores(located.path)
        if located.is_source and not ignored:
            return True
        if found.certain and located.path is not None:
            why = f"it is imported, but {short(located.path)} is excluded by the ignore rules"
            remedy = f"Write `!{located.path.name}` into .kubeflowignore beside it, or drop the import"
            if not located.is_source:
                why = f"it is compiled ({located.path}) and may not run elsewhere"
                remedy = "Install it in the image, or name its package in requirements"
            self.findings.append(Finding(f"module {located.name}", why, remedy, place))
        return False

    # -- what code looks up at run time --------------------------------------------------------------------

    def _needs(self, text: bytes, label: str, name: str, package: str, file: Path | None, root: Path) -> list[Import]:
        """Return the imports of a piece of source, and note what it looks up. `root` becomes the job's folder."""
        tree = parse(text, str(file) if file else label)
        if file is not None and name in sys.modules:  # a hundred trees that are kept would double the time of parsing
            self._trees[name] = tree
        found = lookups(tree, text, name, package, str(file or ""), self._folder_of)
        self.computed = self.computed or found.computed
        self._wanted += [(wanted, label, file, root) for wanted in found.files]
        for needed in found.packages:
            if self.locate(needed) is not None:
                self._whole.add(needed)
                self._later.append(needed)
        self._later += self._distributions.ask(found.texts)
        self.ship_words(found.words)
        return [*imported(tree.body, package), *found.imports]

    def _folder_of(self, package: str) -> str | None:
        if package.startswith(".") or self.locate(package) is None:
            return None
        return next((str(folder) for folder in self._finder.folders(package)), None)

    # -- packages as a whole -------------------------------------------------------------------------------

    def complete(self) -> None:
        """Add the rest of each package that a shipped module belongs to. May be done again."""
        while self._later or self._packages() - self._done:
            later, self._later = self._later, []
            self._visit([Import(name, 0, certain=True) for name in later], "")
            for name in sorted(self._packages() - self._done):
                self._done.add(name)
                self._candidates |= {c.shipped_as: c for c in self._below(name)}
            sent = {located.shipped_as for located in self.shipped.values()}
            kept, self._left = fitting([c for c in self._candidates.values() if c.shipped_as not in sent])
            for candidate in kept:
                self._take(candidate)

    def _packages(self) -> set[str]:
        """Return the packages to send whole: the outermost regular package around each module, and those asked for."""
        regular = {n for n, located in self.shipped.items() if located.is_package and located.path is not None}
        outermost = {name for name in regular if name.rpartition(".")[0] not in regular}
        return outermost | (self._whole & self.shipped.keys())

    def _below(self, name: str) -> list[Candidate]:
        base = name.replace(".", "/")
        return [
            Candidate(path, f"{base}/{path.relative_to(folder).as_posix()}")
            for folder in self._finder.folders(name)
            for path in files_below(folder, self._rules)
        ]

    def _take(self, candidate: Candidate) -> None:
        """Take a file along, and what it imports when it is a module: nothing else is known to need it."""
        name = candidate.shipped_as.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if candidate.path.suffix == ".py" and self.locate(name) is not None:
            self._visit([Import(name, 0, certain=False)], "", is_needed=False)
        self._data.setdefault(candidate.shipped_as, candidate.path)

    # -- files by path -------------------------------------------------------------------------------------

    def _read_files(self, left: Sequence[Candidate]) -> None:
        """Take along what code names by a path that its text tells. What cannot come and is asked for is a finding."""
        too_large = {candidate.path: "" for candidate in left if self._is_looked_into(candidate)}
        loose: dict[Path, tuple[Candidate, str]] = {}
        for wanted, label, file, root in self._wanted:
            where = f"{label}:{wanted.line}"
            if Path(wanted.path).is_dir() and file is not None and file.is_relative_to(wanted.path):
                continue  # the folder of the code itself, or one above
            sendable, excluded = matching(wanted.path, self._rules)
            for path in excluded:
                self._excluded(path, wanted, where)
            for path in sendable:
                shipped_as = self._place(path, root)
                if shipped_as is None:
                    self._outside(path, wanted, where)
                elif not wanted.is_pattern:
                    self._data[shipped_as] = path
                elif any(path == candidate.path for candidate in left):
                    too_large[path] = where
                else:
                    loose.setdefault(path, (Candidate(path, shipped_as), where))
        kept, rest = fitting([c for c, _ in loose.values() if c.shipped_as not in self._data])
        self._data |= {candidate.shipped_as: candidate.path for candidate in kept}
        self._too_large(too_large | {candidate.path: loose[candidate.path][1] for candidate in rest})

    def _is_looked_into(self, candidate: Candidate) -> bool:
        return any(candidate.shipped_as.startswith(f"{name.replace('.', '/')}/") for name in self._whole)

    def _place(self, path: Path, root: Path) -> str | None:
        """Return where the job finds a file: beside the modules that it lies beside here; None for elsewhere."""
        for name, located in self.shipped.items():
            for folder in self._finder.folders(name) if located.is_package else []:
                if path.is_relative_to(folder):
                    return f"{name.replace('.', '/')}/{path.relative_to(folder).as_posix()}"
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else None

    def _excluded(self, path: Path, wanted: Wanted, where: str) -> None:
        if wanted.is_pattern or is_compiled(path) or not self._rules.ignores(path):
            return
        why = "the code reads it, and the ignore rules exclude it"
        self._find(path, why, f"Write `!{path.name}` into .kubeflowignore beside it, or pass its content", where)

    def _outside(self, path: Path, wanted: Wanted, where: str) -> None:
        if wanted.is_read and not wanted.is_pattern:
            why = "the code reads it, and it lies outside of the folder that is sent"
            self._find(path, why, "Move it beside the module that reads it, or pass its content as an argument", where)

    def _too_large(self, paths: dict[Path, str]) -> None:
        for path, where in paths.items():
            why = (
                f"the code may read it, and with its {path.stat().st_size // 1024:,} KiB it does not fit into a bundle"
            )
            remedy = "Exclude it in .kubeflowignore, and put it into a volume or an object store when the job needs it"
            self._find(path, why, remedy, where)

    def _find(self, path: Path, why: str, remedy: str, where: str) -> None:
        self.findings.append(Finding(f"file {short(path)}", why, remedy, where))


def short(path: Path) -> str:
    """Return a path as people call it: relative to the working directory when it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):  # elsewhere, or the working directory has been deleted
        return str(path)

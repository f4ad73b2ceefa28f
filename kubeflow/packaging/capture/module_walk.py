"""The walk over names and objects of one module of the user's, and what becomes of each.

Definitions are sent as the user's text, everything else as what it is now. Objects keep their identity.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture import packed_function
from kubeflow.packaging.capture.differences import Differences
from kubeflow.packaging.capture.library_objects import is_of_this_process
from kubeflow.packaging.capture.library_settings import LibrarySettings
from kubeflow.packaging.capture.live_objects import ELSEWHERE, Objects
from kubeflow.packaging.capture.makers import Makers
from kubeflow.packaging.capture.module_state import ModuleStates
from kubeflow.packaging.capture.module_steps import Operand, Record, Ref
from kubeflow.packaging.capture.notebook_names import NOTEBOOK_ONLY, find_notebook_only, is_get_ipython, is_shell
from kubeflow.packaging.capture.object_state import gives_state, has_own_names, has_readable_state, own_name
from kubeflow.packaging.capture.pickled_names import PickledNames
from kubeflow.packaging.capture.provider import PickledValues
from kubeflow.packaging.capture.statements import Statements
from kubeflow.packaging.capture.static_values import is_atom
from kubeflow.packaging.capture.subclasses import provide_subclasses
from kubeflow.packaging.capture.substitutes import of_user, remedy
from kubeflow.packaging.capture.text_names import TextNames
from kubeflow.packaging.capture.undefined_names import UndefinedNames
from kubeflow.packaging.remote import MAIN
from kubeflow.packaging.remote.codec import CodecError
from kubeflow.packaging.source.definitions import Origin, made_by
from kubeflow.packaging.source.free_names import BUILTINS, FreeNames
from kubeflow.packaging.source.importable import import_path, is_importable
from kubeflow.packaging.source.modules import ModuleGraph
from kubeflow.packaging.source.origins import Origins
from kubeflow.packaging.tagged_json.encoder import encode
from kubeflow.packaging.tagged_json.reductions import PICKLE_HOOKS, defines


class ModuleWalk:
    """Provides names and objects of one module: the `Provider` of the parts of the capture.

    Args:
        namespace: The live globals of the module. They are read, never changed.
        graph: The user's modules that are shipped.
    """

    def __init__(self, namespace: dict[str, object], graph: ModuleGraph) -> None:
        package = str(getattr(namespace.get("__spec__"), "parent", "") or "")
        self._namespace = namespace
        self._graph = graph
        self._origins = Origins(namespace)
        self._record = Record(graph, package)
        self._names: dict[str, Ref | None] = {}
        self._objects: dict[int, Ref | None] = {}  # None while in progress, and after a finding
        self._alive: list[object] = []  # `_objects` goes by id: what it describes must not be collected meanwhile
        self._in_progress: set[int] = set()
        self._queue: list[Callable[[], None]] = []
        self._classes: list[type] = []
        self._undefined = UndefinedNames(namespace, lambda: [(o.label, o.tree) for o in self._origins.all()])
        self._text_names = TextNames(self)
        self._pickled_names = PickledNames(self)
        self._makers = Makers(self, Differences(self))
        self._values = Objects(self)
        self._statements = Statements(self, self._makers, self._values, package)
        self.settings = LibrarySettings(self)
        self.pickles: PickledValues | None = None
        """Provides what neither text nor data can."""

    @property
    def namespace(self) -> dict[str, object]:
        """The live globals of the user's module."""
        return self._namespace

    @property
    def record(self) -> Record:
        """The steps so far."""
        return self._record

    @property
    def graph(self) -> ModuleGraph:
        """The user's modules that are shipped."""
        return self._graph

    @property
    def origins(self) -> Origins:
        """The texts of the user's module."""
        return self._origins

    @property
    def findings(self) -> list[Finding]:
        """Everything that cannot be sent, in the order in which it was met."""
        return self._record.findings

    def known(self, value: object) -> Ref | None:
        """Return how an object is referred to that has been provided."""
        return self._objects.get(id(value))

    def link(self, value: object, ref: Ref) -> None:
        """Let an object be the one that the job has at `ref`."""
        self._alive.append(value)
        self._objects[id(value)] = ref
        if isinstance(value, type):
            self._classes.append(value)

    def fill(self, value: object, ref: Ref, what: str) -> None:
        """Give the object that the job has at `ref` the content and state that `value` has here, at the end."""
        self.afterwards(lambda: self._values.fill(value, ref, what, late=True))

    def is_users_object(self, value: object) -> bool:
        """Say whether a value is an object of a class of the user's whose state can be read."""
        kind = type(value)
        is_users = import_path(kind) is None or self._graph.locate(kind.__module__) is not None
        return is_users and has_readable_state(value)

    def name_for(self, ref: Ref) -> str:
        """Return a name of the module that means what `ref` refers to, to put into text."""
        if "name" in ref.operand:
            return str(ref.operand["name"])
        number = self._record.reserve()
        name = f"kubeflow_{number}"
        self._record.bind(number, name, ref)
        self._names[name] = Ref({"name": name}, (number,))
        return name

    def ref_of_name(self, name: str) -> Ref | None:
        """Return what a name of the module stands for that has been provided."""
        return self._names.get(name)

    def afterwards(self, action: Callable[[], None]) -> None:
        """Do something when no node is in progress."""
        self._queue.append(action)

    def drain(self, first: int = 0) -> None:
        """Do what `afterwards` was given since there were `first` such actions."""
        while len(self._queue) > first:
            self._queue.pop(first)()

    def finish(self, *, entered: bool) -> None:
        """Provide what nothing names: state of shipped modules, settings of libraries, subclasses that are asked for.

        Args:
            entered: True when the function itself is of this module.
        """
        self.drain()
        ModuleStates(self).send()
        self.drain()
        if entered:
            self.settings.others()
            self.drain()
        if self._record.uses_subclasses:
            provide_subclasses(self, self._classes)
        self._pickled_names.provide()
        self.drain()
        for finding in self._undefined.findings():
            self._record.find(finding.what, finding.why, finding.remedy, finding.where)
        self._statements.reset(self._text_names.assigned)

    def quietly(self, value: object) -> Ref | None:
        """Provide any value if that is possible; None, without a finding, if not."""
        return self.attempt(lambda: self.ref(value, "", ""))

    def attempt(self, action: Callable[[], Ref | None], *, optional: bool = False) -> Ref | None:
        """Return what an action provides; None, without a finding and a step, when it has findings.

        Args:
            action: Provides something.
            optional: True when the job can do without: then a name that nothing binds so far is reason enough.
        """
        undefined = self._undefined.mark()
        mark, names, objects = self._record.mark(), dict(self._names), dict(self._objects)
        queued, cells = len(self._queue), self._makers.mark()
        others = self.pickles.findings if self.pickles is not None else []
        found, pickling = len(self.findings), len(others)
        ref = action()
        self.drain(queued)
        lacks = optional and self._undefined.grew(undefined)
        if len(self.findings) > found or len(others) > pickling or ref is None or lacks:
            self._record.undo(mark)
            self._undefined.undo(undefined)
            del others[pickling:]
            self._names, self._objects = names, objects
            del self._queue[queued:]
            self._makers.undo(cells)
            return None
        return ref

    # -- names of the module -------------------------------------------------------------------------------------

    def need(self, name: str, where: str = "") -> Ref | None:
        """Provide the module-level name `name`; `where` is the line that uses it."""
        if name in self._names:
            return self._names[name]
        if name not in self._namespace or is_shell(self._namespace[name]):
            return self._elsewhere(name, where)
        with self._record.node() as number:
            ref = self._names[name] = Ref({"name": name}, (number,))
            self._provide(number, name, self._namespace[name], where)
        return ref

    def builtin(self, name: str, where: str = "") -> Ref | None:
        """Provide what the user's code has put among Python's builtins; None for what every Python has there."""
        place = f"builtins:{name}"
        if place in self._names or name in BUILTINS or name in NOTEBOOK_ONLY or name not in vars(builtins):
            return self._names.get(place)
        number = self._record.reserve()
        self._names[place] = Ref({"path": place}, (number,))
        value = self._object(vars(builtins)[name], f"builtins.{name}", where, None)
        if value is not None:
            step: Operand = {"do": "set", "of": {"path": "builtins"}, "attrs": {name: value.operand}}
            self._record.nodes[number].step = step
            self._record.nodes[number].reads(value)
        return self._names[place]

    def _provide(self, number: int, name: str, value: object, where: str) -> None:
        initial: ast.expr | None = None
        for binding in self._origins.bindings(name):
            if self._statements.provide(number, name, value, binding):
                return
            node = binding.node
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and initial is None:
                initial = node.value
        self.bind(number, name, self._object(value, f"global {name}", where, initial))

    def bind(self, number: int, name: str, ref: Ref | None) -> None:
        """Let node `number` bind a name to what `ref` refers to."""
        if ref is None:
            return
        made = self._record.nodes[ref.needs[0]].step if "id" in ref.operand else None
        if made is not None and "bind" not in made and made.get("id") == ref.operand["id"]:
            made["bind"] = name
            self._record.nodes[number].reads(ref)
        else:
            self._record.bind(number, name, ref)

    def _elsewhere(self, name: str, where: str) -> Ref | None:
        """Provide a name that the module does not have."""
        if name in NOTEBOOK_ONLY or is_get_ipython(self._namespace.get(name)):
            find_notebook_only(self._record, name, where)
        elif name not in vars(builtins):
            self._undefined.use(name, where)
        return self.builtin(name, where)

    def read_bytes(self, data: bytes) -> None:
        """Provide, at the end, what the user's modules have of the names in data that may hold a pickle."""
        self._pickled_names.read(data)

    def names_of_text(self, number: int, names: FreeNames, origin: Origin, offset: int) -> None:
        """Provide what a piece of text uses, and let node `number` depend on that."""
        self._undefined.read(names)
        if names.notebook:
            find_notebook_only(self._record, "get_ipython", f"{origin.label}:{names.notebook + offset}")
        self._text_names.provide(number, names, origin, offset)

    # -- objects that no name of the module means ------------------------------------------------------------------

    def ref(self, value: object, what: str, where: str) -> Ref | None:
        """Provide any value, and return how a step refers to it; None after a finding."""
        return self._object(value, what, where, None)

    def ref_made_by(self, value: object, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        """Provide a value that the expression `initial` made first."""
        return self._object(value, what, where, initial)

    def referred(self, cls: type) -> tuple[str | None, Ref | None]:
        """Return the import path of a class, for data that names it, and what must have run before."""
        found = import_path(cls)
        if found is not None:
            self._graph.ship(found.partition(":")[0])
            return found, None
        if not self._is_top_level(cls):
            return None, None
        ref = self.need(cls.__qualname__.partition(".")[0])
        return (f"{MAIN}:{cls.__qualname__}", ref) if ref is not None else (None, None)

    def _is_top_level(self, cls: type) -> bool:
        top, *inner = cls.__qualname__.split(".")
        owner = self._namespace.get(top)
        for part in inner:
            owner = inspect.getattr_static(owner, part, None)
        return owner is cls

    def _object(self, value: object, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        if is_atom(value) and value is not Ellipsis:
            atom = self._values.data(value)
            return atom if isinstance(atom, Ref) else None
        if id(value) in self._in_progress:
            self._record.find(
                what, f"it is part of a {type(value).__name__} that holds itself", "Let a list or dict hold it", where
            )
            return None
        if id(value) in self._objects:
            return self._objects[id(value)]
        name = own_name(value)
        is_named = isinstance(name, str) and name not in self._names and self._namespace.get(name) is value
        if isinstance(name, str) and is_named and self._is_defined(name, value):
            return self.need(name, where)
        self._alive.append(value)
        self._in_progress.add(id(value))
        try:
            ref = self._new_object(value, what, where, initial)
        finally:
            self._in_progress.discard(id(value))
        if self._objects.get(id(value)) is None:
            self._objects[id(value)] = ref
        return ref

    def path(self, value: object) -> str | None:
        """Return where the job can import a value from, before it carries out what the module did to libraries."""
        return import_path(value) or self.settings.original(value) if has_own_names(value) else None

    def _is_defined(self, name: str, value: object) -> bool:
        """Say whether the module-level `name` is a class, or came from a definition of that name."""
        if import_path(value) is not None:
            return False
        nodes = [(b.origin, b.node) for b in self._origins.bindings(name)]
        return isinstance(value, type) or any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and made_by(value, node, origin)
            for origin, node in nodes
        )

    def _new_object(self, value: object, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        if isinstance(value, ModuleType):
            self._graph.ship(value.__name__, needed_by=where)
            if is_importable(value.__name__):
                return Ref({"path": value.__name__})
            self._record.find(what, "it is a builtins.module, which cannot be sent to a job", ELSEWHERE, where)
            return None
        if isinstance(value, type | FunctionType | BuiltinFunctionType) or callable(value):
            path = self.path(value)
            if path is not None:
                self._graph.ship(path.partition(":")[0], needed_by=where)
                return Ref({"path": path})
        if isinstance(value, type):
            nameless = value in (type(None), type(...), type(NotImplemented))
            return Ref({"value": encode(value)}) if nameless else self._class(value, what, where)
        if isinstance(value, FunctionType):
            self._in_progress.discard(id(value))
            return self._makers.function(value, what, where)
        if self.pickles is not None and self.pickles.holds(value):
            return self.pickles.pickled(value, what, where, CodecError("", "is part of a pickle", value))
        found = len(self.findings)
        of_library = defines(type(value), PICKLE_HOOKS, foreign=True)  # what its state means is known to a library
        readable = has_readable_state(value) and not of_library and not gives_state(type(value))
        if readable:
            # What a library keeps inside is nothing that its user can change: no finding names it.
            library = not self.is_users_object(value) and not is_of_this_process(type(value))
            ref = self.attempt(lambda: self._values.other(value, what, where, initial)) if library else None
            ref = ref if library else self._values.other(value, what, where, initial)
            if ref is not None or len(self.findings) > found:
                return ref
        elif callable(value) and not of_library:
            ref = self._values.other(value, what, where, initial)
            if ref is not None or len(self.findings) > found:
                return ref
        problem = self._values.data(value, initial)
        if isinstance(problem, Ref):
            return problem
        is_other = not callable(value) and not readable and not of_library and not gives_state(type(value))
        ref = self._values.other(value, what, where, initial) if is_other else None
        if ref is not None or len(self.findings) > found:
            return ref
        if self.pickles is not None:
            return self.pickles.pickled(value, what, where, problem)
        error = of_user(problem)
        self._record.find(f"{what}{error.path}", f"it {error.reason}", remedy(error), where)
        return None

    def _class(self, cls: type, what: str, where: str) -> Ref | None:
        top, *inner = cls.__qualname__.split(".")
        if self._is_top_level(cls) and top not in self._names:
            ref = self.need(top, where)
            return self.known(cls) or (ref and ref.at(*[("attr", part) for part in inner]))
        found = len(self.findings)
        self._in_progress.discard(id(cls))
        ref = self._makers.other_class(cls, what, where)
        if ref is None and len(self.findings) == found:
            ref = self._values.made_class(cls, what, where)
        if ref is None and len(self.findings) == found:
            self._record.find(
                what if what.startswith("class") else f"class {cls.__qualname__}",
                "its source is not kept",
                f"Define it in a file or in a cell without %% magic, or {packed_function.USE}",
                where,
            )
        return ref

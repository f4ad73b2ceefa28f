"""The typed clients of the kinds: exactly the verbs, scope and subresources of each."""

from __future__ import annotations

from collections.abc import Iterable

from codegen.emitters.generated_module import EmitterInput, GeneratedModule, by_package
from codegen.emitters.update_types import SUFFIX, updates_of
from codegen.schema.kinds import Kind
from codegen.schema.naming import location, words


def emit(source: EmitterInput) -> Iterable[GeneratedModule]:
    """Yield the client of every package that has kinds."""
    updated = updates_of(source.definitions, [kind.definition for kind in source.kinds]).kinds
    models = {location(source.config, name) for name in source.definitions if name not in source.config.types}
    for package, group in by_package(source.kinds).items():
        facts = [_facts(kind, has_update=kind.definition in updated) for kind in group]
        for each in facts:
            while (package, each["resource"]) in models:  # `Robots` is a kind of its own, beside `Robot`
                each["resource"] = f"{each['resource']}_"
        text = source.template("client.py.jinja", api_version=group[0].api_version, kinds=facts)
        yield GeneratedModule(
            package, "client.py", text, sorted(["Client", *(str(each["resource"]) for each in facts)])
        )


def _facts(kind: Kind, *, has_update: bool) -> dict[str, object]:
    return {
        "name": kind.name,
        "plural": kind.plural,
        "namespaced": kind.namespaced,
        "status": kind.status,
        "change": f"{kind.name}{SUFFIX}" if has_update else None,
        "resource": f"{kind.kind}s",
        "attribute": f"{words(kind.kind)}s",
    }

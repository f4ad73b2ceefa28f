"""The generator: pinned CRD schemas in, a typed Python package out. Build time only; nothing here ships.

Shelves, each of which imports only what stands above it here (`tests/test_architecture.py` holds them to it):

    errors, config, templating   pyproject.toml's `[tool.codegen]`; the Jinja environment
    schema                       parsed JSON, definitions and references, kinds, Python names
    upstream                     OpenAPI documents and CRDs of a release -> merged definitions
    cel                          rules of `x-kubernetes-validations` -> Python source
    pins                         schemas/: lock, patches, the newest pins; a pin as CRD manifests
    descriptions                 schemas/docs/ and constraints -> docstrings, docs/reference/
    comparison                   two states of an API -> classed changes
    minors                       all pins of a component -> table of fields by minor, docs/compatibility.md
    emitters                     definitions -> text of every generated file; manifest.json
    commands                     pin, generate, verify, diff, bump: what needs several shelves
"""

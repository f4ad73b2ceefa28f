"""The generator: pinned CRD schemas in, a typed Python package out. Build time only; nothing here ships.

One module a pass, each from typed input to typed output:

    source -> openapi, crd -> merge -> pin          (`python -m codegen pin`: upstream documents -> schemas/)
    lock, config -> models, clients, rules -> tree  (`python -m codegen generate`: schemas/ -> generated/)
    docs, facts -> docstrings, reference            (`python -m codegen docs`: schemas/ -> docs/reference/ alone)
    lock -> manifests                               (`python -m codegen crds`: schemas/ -> CRDs to install for tests)
    verify                                          (`python -m codegen verify`: hashes only, standard library only)
"""

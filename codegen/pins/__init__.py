"""What stands in `schemas/`: the lock, the pinned documents, and the entries of `patches.toml`.

`lock` is read by `python -m codegen verify`, so it needs the standard library only, as this package does.
"""

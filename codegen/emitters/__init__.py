"""The generated package: one module for each kind of file, listed in `package`; `manifest` with the hashes of all.

`manifest` is read by `python -m codegen verify`, so it needs the standard library only, as this package does.
"""

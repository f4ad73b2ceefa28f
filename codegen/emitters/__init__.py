"""The generated package: one module for each kind of file, `package` with all files, `manifest` with their hashes.

`manifest` is read by `python -m codegen verify`, so it needs the standard library only, as this package does.
"""

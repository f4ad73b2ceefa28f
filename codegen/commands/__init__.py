"""The commands of `python -m codegen` that need several shelves: pin, generate, verify, diff, bump."""

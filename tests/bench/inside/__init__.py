"""Code that runs inside the interpreters being measured: standard library only, and little of it."""

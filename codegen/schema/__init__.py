"""The terms of all shelves: parsed JSON with checked access, definitions and references, kinds, Python names."""

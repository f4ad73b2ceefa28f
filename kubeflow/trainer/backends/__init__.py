"""Where jobs run: one package per backend, and `base` for what they have in common."""

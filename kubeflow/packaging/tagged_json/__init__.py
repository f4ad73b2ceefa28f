"""Values of any type as the tagged JSON that `remote/codec.py` reads."""

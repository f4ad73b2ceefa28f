# mypy: ignore-errors
def late():
    return "late"

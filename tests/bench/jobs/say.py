"""The job of the row about containers: one line."""


def say() -> None:
    """Print one line."""
    print("said")

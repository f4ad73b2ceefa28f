# run: main()
def work():
    """Original."""


work.__doc__ = "Changed."
work.__name__ = "renamed"


def main():
    return work.__doc__, work.__name__

"""A train function in a module that needs nothing but Python, as old as 3.8: what goes to a job goes with its module."""

import sys


def which() -> str:
    """Return the minor version of the Python that runs this."""
    return "3." + str(sys.version_info[1])

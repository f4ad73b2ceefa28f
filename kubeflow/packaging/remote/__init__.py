"""What travels with a job and runs inside it. Python 3.8, standard library alone, no import of the SDK.

The SDK reads these modules as text and puts them beside the user's files, under the name `_kubeflow_remote`.
They import one another relatively, so that they work under both names.
"""

MAIN = "kubeflow_main"
"""The module that a job rebuilds from what was `__main__` at its user's."""


class StartError(Exception):
    """The job cannot start here. The text is for the user."""

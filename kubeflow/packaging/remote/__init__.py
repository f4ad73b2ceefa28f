"""What travels with a job and runs inside it. Python 3.8, standard library alone, no import of the SDK.

The SDK reads these modules as text. `bundles/shipment.py` links what a bundle needs of them to programs: the loader,
and `_kubeflow_remote.py` beside the user's files. They import one another relatively.
"""

MAIN = "__main__"
"""The module of a notebook or script, here and in the job."""
MAIN_FOLDER = "kubeflow_main"
"""The folder of a bundle with what the job rebuilds that module from: `steps.json`, and the user's text."""
MAIN_FILE = "kubeflow_main.py"
"""The first program of a job after its launcher, and the file that processes which it spawns find `__main__` by."""
RUN_ID = "KUBEFLOW_RUN_ID"
"""The variable that is the same for all ranks of one run: those of a node share one installation by it."""


class StartError(Exception):
    """The job cannot start here. The text is for the user."""

"""What not every bundle uses. `if uses.X` and `if uses.X and ...` are settled when a bundle is made.

Where a bundle does not use X, the branch is not sent, nor any definition that only the branch needed: what is rare
costs the others nothing. Here all of them are True. `bundles/shipment.py` leaves the branches out,
`usage.py` says which bundle uses what.
"""

DIRECTORY = True
"""The working directory is a copy of a folder, `code_dir`."""
ENCODING = True
"""Values are encoded: in the SDK, and in no job."""
EXITS = True
"""The function may end the process with `SystemExit`."""
FILES = True
"""There are modules of the user's, apart from what was `__main__`."""
FOREIGN = True
"""Modules that are not Python's may be loaded."""
HYPERPARAMETERS = True
"""Arguments are filled in when the job starts."""
INSTALLER = True
"""The job has requirements."""
LIBRARIES = True
"""The user's code can do more than work with values: at least it opens files."""
MODULE = True
"""The entry is a module, run as by `python -m`."""
OBJECT = True
"""The entry is a method of an object that is sent."""
OBJECTS = True
"""Values are more than numbers, text and containers of Python."""
OPERATIONS = True
"""Steps do more than execute statements as they stand and bind names to values."""
PICKLE = True
"""The function was packed with cloudpickle."""
PICKLED = True
"""Values are pickled."""
PROCESSES = True
"""The user's code can do anything: start threads and processes, end its process, change what is Python's."""
REPORTS = True
"""The user's code may import the functions that report, or an engine reads prints of a trial and not its result."""
RESULT = True
"""The function may return something else than None."""
SCRIPT = True
"""The entry is a script."""
SESSION = True
"""An argument is a session of Spark."""
SHADOWS = True
"""A module of the user's is called like one of Python or of an installed package."""
SHARED = True
"""Values have parts in common."""
STATE = True
"""Steps give objects the state that they had."""
STEPS = True
"""What was `__main__` is rebuilt from steps."""
VALUES = True
"""Arguments or steps hold what JSON cannot say."""

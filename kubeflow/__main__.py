"""`python -m kubeflow` is the command `kubeflow`, where that is not on PATH."""

import sys

from kubeflow.cli.program import main

if __name__ == "__main__":
    sys.exit(main())

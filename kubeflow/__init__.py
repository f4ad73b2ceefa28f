"""Python SDK for Kubeflow: train, fine-tune and tune models at any scale.

Start with `kubeflow.trainer.TrainerClient`. This package is only the root: importing it loads nothing else.
"""

__version__ = "0.6.0.dev0"

"""A user's text where Kubernetes would expand references: values of variables, arguments and URIs that become them.

Kubelets replace `$(NAME)` by the variable NAME and `$$` by `$`:
https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
What users write in Kubernetes' own language stays as it is: `TrainerCommand`, `TrainerArgs`, patches, whole objects.
"""

from __future__ import annotations

from kubeflow.core.stdlib import re


def literal(text: str) -> str:
    """Return what a kubelet turns into `text`: a `$` before another one or a parenthesis is doubled."""
    return re.sub(r"\$(?=[$(])", "$$", text)

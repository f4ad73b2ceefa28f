"""CEL at generation time: the rules of `x-kubernetes-validations` are parsed and lowered to Python source.

    syntax (nodes) <- lexer <- parser -> lower (with regex) -> Python that calls `kubeflow.core.cel`

The language is that of https://github.com/google/cel-spec as the API server runs it:
https://kubernetes.io/docs/reference/using-api/cel/. What is not understood is refused, never guessed.
"""

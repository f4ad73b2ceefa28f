"""A train function that needs a package of the tests; by itself, since what its module imports goes with it."""


def tell() -> str:
    import kubeflow_test_tiny  # type: ignore[import-not-found]  # it is installed for the job

    return str(kubeflow_test_tiny.TEXT)

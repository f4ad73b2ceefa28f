"""The client of the model registry."""

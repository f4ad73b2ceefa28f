"""Types of the model registry: entities, and how artifacts are uploaded."""

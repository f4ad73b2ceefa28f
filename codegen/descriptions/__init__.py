"""What is said of classes and fields: texts of `schemas/docs/`, constraints in words, docstrings, API pages."""

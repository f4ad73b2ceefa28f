"""The types that users write and read."""

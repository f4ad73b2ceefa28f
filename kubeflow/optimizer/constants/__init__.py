"""Names and limits that the published package has under this path."""

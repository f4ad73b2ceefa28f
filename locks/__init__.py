"""Exact versions of what is installed here, and how they are installed. See docs/maintaining.md."""

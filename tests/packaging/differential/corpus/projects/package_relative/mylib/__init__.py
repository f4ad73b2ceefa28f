"""A library of one's own."""

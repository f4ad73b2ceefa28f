"""All pinned minors of a component side by side: the table of fields by minor, and the compatibility page."""

"""A job of this machine as data: its plan, its files, its record, and which processes belong to it."""

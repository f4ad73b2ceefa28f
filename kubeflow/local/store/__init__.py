"""The SQLite store of a state directory: its jobs, their journals, their leases, and retention."""

"""Executors: what runs the nodes of a job. `executor` has the protocol, `registry` the executors by name."""

"""The engine of this package: a process of this machine asks an algorithm, and makes ordinary jobs on any backend."""

"""What runs jobs on this machine: where they are kept, their processes, their logs. Knows nothing of training.

Linux and macOS: it relies on sessions, process groups and signals.
"""

"""The log lines of a job's pods."""

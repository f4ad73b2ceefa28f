"""Waiting for a job: the watch of a TrainJob and its pods."""

"""Searches that Katib runs: an Experiment whose trials are TrainJobs."""

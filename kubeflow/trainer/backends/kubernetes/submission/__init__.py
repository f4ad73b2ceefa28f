"""From a `JobSpec` to a created TrainJob."""

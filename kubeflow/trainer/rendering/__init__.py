"""From a `JobSpec` to a TrainJob manifest, and its checks. Nothing here talks to a cluster."""

"""The way to a cluster: transport, namespace, runtime catalogue, installed Trainer minor."""

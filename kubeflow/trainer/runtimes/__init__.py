"""The runtimes that Trainer ships, and TPU slices: facts that every backend shares."""

"""What holds for jobs on every backend: their spec, names and steps, waiting, results, progress, log positions."""

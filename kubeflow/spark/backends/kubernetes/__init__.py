"""Where Spark jobs run."""

"""The client of Spark."""

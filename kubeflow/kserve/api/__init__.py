"""`KServeClient`."""

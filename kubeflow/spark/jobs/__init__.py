"""Jobs, free of any backend."""

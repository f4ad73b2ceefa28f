"""What users write and read: search spaces, algorithms, objectives, searches and their trials."""

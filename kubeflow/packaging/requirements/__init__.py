"""What is installed before the code of a job starts: requirements as pip takes them, and package indexes."""

"""What every backend says of a job that waits or failed."""

"""The supervisor, a process that runs one job, and the recovery of jobs whose supervisor was killed."""

"""The process that runs a job, and what becomes of a job whose supervisor was killed."""

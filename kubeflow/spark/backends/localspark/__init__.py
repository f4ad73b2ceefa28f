"""Spark on this machine: a job is one supervised process, its executors are threads of it."""

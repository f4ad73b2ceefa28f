"""The TrainJobs of a cluster and their pods: lookup, views, status, changes."""

"""Searches as OptimizationJobs, which a coming minor of Kubeflow Trainer runs itself."""

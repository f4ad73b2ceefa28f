"""Services of a cluster: InferenceServices that KServe runs."""

"""Requests to a model and answers: the protocols v1 and v2 (Open Inference Protocol), their client and their server."""

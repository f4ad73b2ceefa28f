"""Upstream's documents: a release's files, its OpenAPI document and its CRDs, checked and merged into definitions."""

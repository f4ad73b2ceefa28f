"""Compares two states of an API: what changed, for those who write objects and for those who read them."""

"""The differences between two states of an API, classed for those who write objects and for those who read them."""

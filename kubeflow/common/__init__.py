"""Import paths of the published package 0.5.0 that belong to none of its clients."""

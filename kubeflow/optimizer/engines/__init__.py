"""What runs a search: an engine of this package, Katib, or the control plane of OptimizationJob."""

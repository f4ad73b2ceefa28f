"""Where services run: on a cluster, or on this machine."""

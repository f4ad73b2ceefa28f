"""The registries that a client can talk to: on this machine, and a server."""

"""The runtimes of a cluster: reading, listing, their devices and packages."""

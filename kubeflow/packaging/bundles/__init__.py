"""The bundle: its parts, its form as a container command, and the way back from a Kubernetes object."""

"""The executor of containers: engines and how they are found, images, and the life of a node's container."""

"""From a function, script or module to the entry of a bundle: what it closes over, its signature, its values."""

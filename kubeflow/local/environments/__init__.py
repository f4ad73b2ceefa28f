"""Python environments that jobs share: what they need, the cache, and the installer."""

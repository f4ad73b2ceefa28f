"""The filter language of registries: parsed, and translated to SQL for the one of this machine."""

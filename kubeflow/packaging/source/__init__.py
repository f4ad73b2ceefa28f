"""The user's source text: definitions, free names, imports and the modules and folders that go with a function."""

"""Ground floor: the model base, Kubernetes value types, errors and the typed resource protocol. No I/O here."""

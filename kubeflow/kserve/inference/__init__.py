"""The wire of predictions: tensors, requests and answers of both protocols, and the client that sends them."""

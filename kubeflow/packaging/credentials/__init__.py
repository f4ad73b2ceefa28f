"""Credentials in what is about to be sent: how they look, and where a bundle holds them."""

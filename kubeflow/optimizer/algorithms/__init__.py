"""How parameters of trials are proposed, and how a running trial is found to be hopeless."""

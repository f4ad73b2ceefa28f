"""Log files of nodes and ranks, and the exit codes that ranks leave beside them."""

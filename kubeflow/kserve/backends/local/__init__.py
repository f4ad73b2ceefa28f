"""Services of this machine: supervised processes that answer on a port of the loopback interface."""

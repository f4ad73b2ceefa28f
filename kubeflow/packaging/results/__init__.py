"""What the ranks of a job reported and returned, read here."""

"""What holds for any pod, whoever owns it: collection feeds, polling, line positions, container logs."""

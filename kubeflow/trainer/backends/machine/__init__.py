"""What backends of this machine share: everything but what differs before a job's plan exists (`profile`)."""

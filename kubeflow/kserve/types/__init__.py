"""What users see of services, and what they ask for: plain data."""

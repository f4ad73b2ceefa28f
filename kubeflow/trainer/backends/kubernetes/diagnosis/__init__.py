"""Why a job waits or failed: events, evidence, rules, explanation."""

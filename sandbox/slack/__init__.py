"""A stand-in for Slack that rejects the same requests."""

"""Scheduled work while processes, Redis and Slack fail. Run by `make faults`."""

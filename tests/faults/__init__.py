"""Scheduled work while processes, Redis and Slack fail; run by `make faults`."""

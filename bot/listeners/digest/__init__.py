"""Digests: what is posted to a channel by the clock."""

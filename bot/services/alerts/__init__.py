"""Alerts: what is new or has changed, told to a channel once."""

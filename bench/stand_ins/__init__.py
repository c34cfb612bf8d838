"""Minimal stand-ins around the measured processes: they answer at once and check nothing."""

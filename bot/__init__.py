"""Emporix Jobs for Slack: the jobs of the Emporix AI Service, where the team already talks."""

__version__ = "0.2.0.dev0"

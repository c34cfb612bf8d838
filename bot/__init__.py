"""Emporix Jobs for Slack: work with the jobs of the Emporix AI Service in Slack."""

__version__ = "0.3.0.dev0"

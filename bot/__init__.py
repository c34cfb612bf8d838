"""Emporix Jobs for Slack: the jobs of the Emporix AI Service, where the team already talks."""

"""Validates blocks and views as Slack does, with its error messages."""

from sandbox.slack.blockkit.blocks import Surface
from sandbox.slack.blockkit.check import problems, view_problems

__all__ = ["Surface", "problems", "view_problems"]

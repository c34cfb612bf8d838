"""What Slack takes as blocks and views, and what it says about the rest."""

from sandbox.slack.blockkit.blocks import Surface
from sandbox.slack.blockkit.check import problems, view_problems

__all__ = ["Surface", "problems", "view_problems"]

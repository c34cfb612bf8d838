"""What the tenants of the demo hold: jobs and agents that could be real, each time the same."""

from __future__ import annotations

from sandbox.emporix.believable.agents import agents
from sandbox.emporix.believable.jobs import jobs

__all__ = ["agents", "jobs"]

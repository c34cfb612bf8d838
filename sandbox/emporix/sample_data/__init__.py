"""What the tenants of the demo hold: jobs and agents that could be real, each time the same."""

from __future__ import annotations

from sandbox.emporix.sample_data.agents import agents
from sandbox.emporix.sample_data.jobs import jobs

__all__ = ["agents", "jobs"]

"""Sample jobs and agents of the demo's tenants, reproducible."""

from __future__ import annotations

from sandbox.emporix.sample_data.agents import agents
from sandbox.emporix.sample_data.jobs import jobs

__all__ = ["agents", "jobs"]

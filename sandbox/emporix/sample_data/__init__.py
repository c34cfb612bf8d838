"""Reproducible sample jobs and agents of the demo's tenants."""

from __future__ import annotations

from sandbox.emporix.sample_data.agents import agents
from sandbox.emporix.sample_data.jobs import jobs

__all__ = ["agents", "jobs"]

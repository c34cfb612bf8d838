"""The state of the stand-in for Emporix: tenants, keys, tokens, jobs, agents and faults."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Any, Self
from uuid import uuid4

from sandbox.emporix import sample_data
from sandbox.emporix.faults import Faults
from sandbox.emporix.json_paths import Document
from sandbox.emporix.keys import KEYS, Key
from sandbox.emporix.simulation import Simulation
from sandbox.emporix.tenant import NEWEST_FIRST, Tenant
from sandbox.emporix.times import Clock, iso
from sandbox.emporix.tokens import TokenStore

MAX_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it arrived, without its secrets.

    `path` and `query` are raw, still percent-encoded. `tenant` is the Emporix-Tenant header. `q` is
    the query of a POST search, which is not in the URL.
    """

    method: str
    path: str
    query: str
    tenant: str
    q: str = ""


class EmporixState:
    """Three empty tenants and the API keys of `sandbox.emporix.keys`.

    After `start_simulation`, jobs end and new ones start. Without `counts`, lists never have a
    total, even if it is requested.
    """

    def __init__(self, clock: Clock, *, token_seconds: int = 14399) -> None:
        self.clock = clock
        self.tokens = TokenStore(clock, token_seconds)
        self.tenants: dict[str, Tenant] = {}
        self.faults = Faults()
        self.counts = True
        self.requests: deque[RecordedRequest] = deque(maxlen=MAX_REQUESTS)
        self._numbers = count(1)
        self._simulations: dict[str, Simulation] = {}
        for key in KEYS:
            self.add_key(key)

    @classmethod
    def with_sample_data(cls, clock: Clock, *, token_seconds: int = 14399) -> Self:
        """Return a state with reproducible sample data.

        `acme` has 5,000 jobs, `globex` 57, and `initech` none.
        """
        emporix_state = cls(clock, token_seconds=token_seconds)
        for tenant, agent in sample_data.agents():
            emporix_state.add_agent(tenant, **agent)
        for tenant, job in sample_data.jobs(clock()):
            emporix_state.add_job(tenant, **job)
        return emporix_state

    def start_simulation(self) -> None:
        """Let jobs end and new ones start in each tenant that has jobs."""
        self._simulations = {
            name: Simulation(tenant.jobs, self.clock, name)
            for name, tenant in self.tenants.items()
            if len(tenant.jobs)
        }

    def catch_up(self) -> None:
        """Apply the simulated changes that are due."""
        for life in self._simulations.values():
            life.catch_up()

    def tenant(self, name: str) -> Tenant:
        """Return the tenant of this name, creating it if necessary."""
        return self.tenants.setdefault(name, Tenant(name))

    def add_key(self, key: Key) -> None:
        self.tenant(key.tenant)
        self.tokens.accept(key)

    def add_job(self, tenant: str, **fields: Any) -> Document:
        """Add and return a job: by default a successful chat, created now.

        `fields` override the defaults; None omits a field. `id` replaces the id and `metadata` all
        of the metadata.
        """
        now = iso(self.clock())
        job = {
            "id": f"{next(self._numbers):024x}",
            "status": "success",
            "type": "AGENT_CHAT",
            "agentId": "complaint-agent",
            "agentType": "complaint",
            "message": "The complaint has been answered.",
            "metadata": {"version": 1, "createdAt": now, "modifiedAt": now},
        } | fields
        job = {name: value for name, value in job.items() if value is not None}
        self.tenant(tenant).jobs.put(job)
        return job

    def start_chat(self, tenant: str, agent: Document, message: str, session_id: str) -> Document:
        """Add a running job that sends `message` to an agent; it ends in the simulation."""
        job = self.add_job(
            tenant,
            status="in_progress",
            agentId=agent["id"],
            agentType=agent["type"],
            sessionId=session_id,
            requestId=f"req-{uuid4()}",
            message=message,
        )
        if tenant in self._simulations:
            self._simulations[tenant].end_soon(job["id"])
        return job

    def add_agent(self, tenant: str, **fields: Any) -> Document:
        """Add an agent. `fields` must contain its `id`."""
        agent = {"name": fields["id"], "type": "generic", "enabled": True} | fields
        self.tenant(tenant).agents.put(agent)
        return agent

    def jobs(self, tenant: str) -> list[Document]:
        """Return all jobs of a tenant, newest first. The list must not be modified."""
        return list(self.tenant(tenant).jobs.sorted(NEWEST_FIRST))

    def expire_tokens(self) -> None:
        """Expire all tokens that were issued so far. The API keys still work."""
        self.tokens.expire()

    def revoke(self, key: Key) -> None:
        """Delete an API key: its secret and its tokens stop working."""
        self.tokens.revoke(key)

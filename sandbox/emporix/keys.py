"""API keys that the stand-in accepts. They are not valid anywhere else."""

from __future__ import annotations

from dataclasses import dataclass

READ = "ai.agent_read"
MANAGE = "ai.agent_manage"
RUN = "ai.agentexecution_manage"
UNRELATED = "ai.text_manage"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. Its tenant and scopes never change."""

    client_id: str
    client_secret: str
    tenant: str
    scopes: tuple[str, ...]


ACME_OPERATIONS = Key("acme-operations", "acme-operations-secret", "acme", (READ, MANAGE, RUN))
ACME_READ_ONLY = Key("acme-read-only", "acme-read-only-secret", "acme", (READ,))
ACME_NO_JOBS = Key("acme-no-jobs", "acme-no-jobs-secret", "acme", (UNRELATED,))
GLOBEX_OPERATIONS = Key(
    "globex-operations", "globex-operations-secret", "globex", (READ, MANAGE, RUN)
)
GLOBEX_READ_ONLY = Key("globex-read-only", "globex-read-only-secret", "globex", (READ,))
INITECH_OPERATIONS = Key(
    "initech-operations", "initech-operations-secret", "initech", (READ, MANAGE)
)

KEYS = (
    ACME_OPERATIONS,
    ACME_READ_ONLY,
    ACME_NO_JOBS,
    GLOBEX_OPERATIONS,
    GLOBEX_READ_ONLY,
    INITECH_OPERATIONS,
)

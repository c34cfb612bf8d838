"""Who deleted which job, in a capped stream a workspace."""

from __future__ import annotations

from dataclasses import dataclass

from bot.models import Caller
from bot.store import layout
from bot.store.connection import Commands, reaching_redis

KEPT_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`result` is deleted, already_gone or an error's name; `at` is in seconds since 1970."""

    at: float
    user_id: str
    tenant: str
    job_id: str
    result: str


class AuditLog:
    """The audit record; both methods raise StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def record(self, caller: Caller, tenant: str, job_id: str, result: str) -> None:
        """Add an entry, timed by Redis; the oldest beyond the cap go."""
        facts = {
            "user_id": caller.user_id,
            "tenant": tenant,
            "job_id": job_id,
            "result": result,
        }
        with reaching_redis():
            await self._redis.xadd(
                layout.audit(caller), facts, maxlen=KEPT_ENTRIES, approximate=True
            )

    async def last(self, caller: Caller, count: int) -> tuple[AuditEntry, ...]:
        """The last entries of the caller's workspace, newest first."""
        with reaching_redis():
            found = await self._redis.xrevrange(layout.audit(caller), count=count)
        return tuple(
            AuditEntry(at=int(entry_id.partition("-")[0]) / 1000, **facts)
            for entry_id, facts in found
        )

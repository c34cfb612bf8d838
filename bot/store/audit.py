"""Who deleted which job, in a capped stream a workspace."""

from __future__ import annotations

from dataclasses import dataclass

from bot.models import Caller
from bot.store import layout
from bot.store.connection import Commands, reaching_redis

KEPT_ENTRIES = 10_000


BEGUN = "begun"
"""The result of a delete that is under way, and for good where its end could not be recorded."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`result` is BEGUN, deleted, already_gone or an error's name; `at` in seconds since 1970."""

    at: float
    user_id: str
    tenant: str
    job_id: str
    result: str


class AuditLog:
    """The audit record; every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def record(
        self, caller: Caller, tenant: str, job_id: str, result: str, *, replaces: str = ""
    ) -> str:
        """Add an entry, timed by Redis, and give its id; the oldest beyond the cap go.

        It takes the place of the entry `replaces`: that of the same delete when it had begun.
        """
        facts = {"user_id": caller.user_id, "tenant": tenant, "job_id": job_id, "result": result}
        stream = layout.audit(caller)
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xadd(stream, facts, maxlen=KEPT_ENTRIES, approximate=True)
                if replaces:
                    pipe.xdel(stream, replaces)
                entry_id, *_ = await pipe.execute()
        return str(entry_id)

    async def last(self, caller: Caller, count: int) -> tuple[AuditEntry, ...]:
        """The last entries of the caller's workspace, newest first."""
        with reaching_redis():
            found = await self._redis.xrevrange(layout.audit(caller), count=count)
        return tuple(
            AuditEntry(at=int(entry_id.partition("-")[0]) / 1000, **facts)
            for entry_id, facts in found
        )

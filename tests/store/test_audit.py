"""The audit log keeps deletions, up to a limit."""

from __future__ import annotations

from typing import Any

from bot.store import keys as redis_keys
from bot.store.audit import MAX_AUDIT_ENTRIES, AuditLog
from tests.store.fixtures import ADA, GRACE


async def test_lists_the_last_entries_of_the_workspace(redis: Any) -> None:
    """Entries of every user of the workspace are listed, newest first."""
    log = AuditLog(redis)
    await log.record_delete(ADA, "acme", "job-1", "deleted")
    await log.record_delete(GRACE, "globex", "job-2", "missing_scope")
    last = await log.latest(ADA, 10)
    assert [(e.user_id, e.tenant, e.subject, e.result) for e in last] == [
        ("U0GRACE", "globex", "job-2", "missing_scope"),
        ("U0ADA", "acme", "job-1", "deleted"),
    ]
    assert last[0].at >= last[1].at > 1_700_000_000


async def test_is_capped(redis: Any) -> None:
    """The oldest entries are deleted if there are too many."""
    async with redis.pipeline() as pipe:
        for number in range(MAX_AUDIT_ENTRIES + 500):
            pipe.xadd(redis_keys.audit(ADA), {"n": number})
        await pipe.execute()
    await AuditLog(redis).record_delete(ADA, "acme", "job-1", "deleted")
    assert await redis.xlen(redis_keys.audit(ADA)) <= MAX_AUDIT_ENTRIES + 200


async def test_finds_the_own_entries_among_all(redis: Any) -> None:
    """A user's newest deletions are found within a number of entries, up to a maximum."""
    log = AuditLog(redis)
    for number in range(6):
        await log.record_delete(ADA, "acme", f"ada-{number}", "deleted")
        await log.record_delete(GRACE, "acme", f"grace-{number}", "deleted")
    assert [e.subject for e in await log.deletes_of_user(ADA, 2, 500)] == ["ada-5", "ada-4"]
    assert [e.subject for e in await log.deletes_of_user(ADA, 9, 4)] == ["ada-5", "ada-4"]
    (newest,) = await log.deletes_of_user(GRACE, 1, 500)
    assert newest == (await log.latest(ADA, 1))[0]


async def test_a_home_reads_no_more_than_it_shows(redis: Any) -> None:
    """Other users' entries are filtered out in Redis."""
    log = AuditLog(redis)
    for number in range(50):
        await log.record_delete(GRACE, "acme", f"grace-{number}", "deleted")
    sent = int((await redis.info("stats"))["total_net_output_bytes"])
    assert await log.deletes_of_user(ADA, 5, 500) == ()
    assert int((await redis.info("stats"))["total_net_output_bytes"]) - sent < 20_000

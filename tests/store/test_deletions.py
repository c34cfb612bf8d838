"""What people do to messages that a channel sees happens in turn, and is remembered for a day."""

from __future__ import annotations

from typing import Any

import pytest

from bot.store import layout
from bot.store.deletions import KEPT_SECONDS, DeletedJob, Deletions
from bot.store.locks import Locks
from tests.faulty_redis import faulty_client
from tests.store.fixtures import ADA, GRACE

BY_ADA = DeletedJob("acme", "job-1", ADA.user_id, 1.0)
GONE = DeletedJob("acme", "job-1", "", 2.0)


@pytest.fixture
def deletions(redis: Any) -> Deletions:
    return Deletions(redis)


async def test_who_deleted_it_counts(deletions: Deletions) -> None:
    """Who comes late learns who was first."""
    assert await deletions.keep(ADA, BY_ADA) == BY_ADA
    assert await deletions.keep(GRACE, GONE) == BY_ADA


async def test_gone_counts_where_nobody_is_known(deletions: Deletions) -> None:
    """A job that was deleted elsewhere is remembered as gone."""
    assert await deletions.keep(GRACE, GONE) == GONE


async def test_knows_the_deleted_among_many(deletions: Deletions, redis: Any) -> None:
    """Only what was deleted is told, and only for a day."""
    await deletions.keep(ADA, BY_ADA)
    found = await deletions.known(GRACE, [("acme", "job-1"), ("acme", "job-2")])
    assert found == {("acme", "job-1"): BY_ADA}
    assert await deletions.known(GRACE, []) == {}
    assert 0 < await redis.ttl(layout.deletion(ADA, "acme", "job-1")) <= KEPT_SECONDS


async def test_takes_turns(deletions: Deletions, redis: Any) -> None:
    """All of a workspace wait for each other, and for a killed process no longer than 3 s."""
    async with deletions.turn(ADA, "delete") as first:
        assert first
        assert 0 < await redis.pttl(layout.turn(GRACE, "delete")) <= 3000
        assert await Locks(redis).take(layout.turn(GRACE, "delete"), "grace", 1) != ""
    async with deletions.turn(GRACE, "delete") as second:
        assert second


async def test_happens_once(deletions: Deletions, redis: Any) -> None:
    """The second learns that it is being done, and from then on for a day that it is done."""
    async with deletions.once(ADA, "share") as first, deletions.once(GRACE, "share") as second:
        assert (first, second) == ("new", "busy")
    async with deletions.once(ADA, "share") as third:
        assert third == "done"
    assert 20 < await redis.ttl(layout.done(ADA, "share")) <= KEPT_SECONDS


async def test_what_failed_can_be_tried_again(deletions: Deletions) -> None:
    """Who fails leaves it to the next."""
    with pytest.raises(RuntimeError):
        async with deletions.once(ADA, "share"):
            raise RuntimeError
    async with deletions.once(ADA, "share") as again:
        assert again == "new"


async def test_a_killed_process_blocks_it_for_seconds(deletions: Deletions, redis: Any) -> None:
    """Its claim ends within 20 s, and another press does what it has not done."""
    async with deletions.once(ADA, "share"):
        assert 0 < await redis.ttl(layout.done(ADA, "share")) <= 20


async def test_what_was_done_is_not_undone_by_redis(
    redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the memory of it cannot be written, that is logged, and the share still counts."""
    broken = faulty_client(redis)
    async with Deletions(broken).once(ADA, "other"):
        pass  # the scripts are known to the server from now on
    with broken.faults.at(2, after=False):
        async with Deletions(broken).once(ADA, "share") as step:
            assert step == "new"
    assert "is not remembered" in caplog.text

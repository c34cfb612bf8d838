"""What people do to messages that a channel sees happens in turn, and is remembered for a day."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.store import layout
from bot.store.deletions import KEPT_SECONDS, DeletedJob, Deletions
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


async def test_takes_turns(deletions: Deletions) -> None:
    """The second begins when the first has ended."""
    order: list[str] = []
    begun = asyncio.Event()

    async def first() -> None:
        async with deletions.turn(ADA, "delete"):
            begun.set()
            await asyncio.sleep(0)
            order.append("first")

    async def second() -> None:
        await begun.wait()
        async with deletions.turn(GRACE, "delete"):
            order.append("second")

    await asyncio.gather(second(), first())
    assert order == ["first", "second"]


async def test_happens_once(deletions: Deletions) -> None:
    """Only the first is told to go on."""
    async with deletions.once(ADA, "share") as first:
        assert first
    async with deletions.once(ADA, "share") as second:
        assert not second


async def test_what_failed_can_be_tried_again(deletions: Deletions) -> None:
    """Who fails leaves it to the next."""
    with pytest.raises(RuntimeError):
        async with deletions.once(ADA, "share"):
            raise RuntimeError
    async with deletions.once(ADA, "share") as again:
        assert again

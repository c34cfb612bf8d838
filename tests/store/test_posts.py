"""What must be posted once: who may post, who must look first, and who must wait."""

from __future__ import annotations

from typing import Any

from bot.store.posts import CLAIM_SECONDS, Claim, Posts


async def test_one_may_post_and_others_wait(redis: Any) -> None:
    """Until it is sent; then nobody does anything."""
    posts = Posts(redis)
    assert await posts.claim("a", 100) == Claim("new")
    assert await posts.claim("a", 101) == Claim("busy")
    assert await posts.claim("b", 101) == Claim("new")
    assert await posts.sent("a") is None
    await posts.settle("a", "1.5")
    assert await posts.claim("a", 102) == await posts.sent("a") == Claim("sent", "1.5")


async def test_who_finds_a_dead_claim_looks_first(redis: Any) -> None:
    """And takes it on, so that not two look at the same time."""
    posts = Posts(redis)
    await posts.claim("a", 100)
    assert await posts.claim("a", 100 + CLAIM_SECONDS) == Claim("unknown")
    assert await posts.claim("a", 101 + CLAIM_SECONDS) == Claim("busy")


async def test_a_doubt_is_looked_into_at_once(redis: Any) -> None:
    """The call has ended, so there is nothing to wait for."""
    posts = Posts(redis)
    await posts.claim("a", 100)
    await posts.doubt("a", 101)
    assert await posts.claim("a", 101) == Claim("unknown")


async def test_a_refusal_begins_anew(redis: Any) -> None:
    """It is certain that nothing was posted."""
    posts = Posts(redis)
    await posts.claim("a", 100)
    await posts.release("a")
    assert await posts.claim("a", 100) == Claim("new")
